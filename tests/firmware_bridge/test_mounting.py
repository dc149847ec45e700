"""Mounting rotations: unit quaternions only, and the same for vectors and attitudes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from contract import frames
from firmware_bridge.mounting import Mounting, MountingError

HALF = math.sqrt(0.5)
PART = st.floats(-1, 1)


def test_a_sensor_whose_x_axis_points_left() -> None:
    mounting = Mounting.from_quat((HALF, 0, 0, HALF))
    assert mounting.vector((1, 0, 0)) == pytest.approx((0, 1, 0))
    assert mounting.attitude((HALF, 0, 0, HALF)) == pytest.approx((1, 0, 0, 0))


@given(st.tuples(PART, PART, PART, PART), st.tuples(PART, PART, PART, PART), st.tuples(PART, PART, PART))
def test_attitude_and_vector_agree(
    mount: tuple[float, ...], attitude: tuple[float, ...], vector: tuple[float, float, float]
) -> None:
    """What the sensor sees along its own axis lies in the world where the body says."""
    assume(math.hypot(*mount) > 0.1 and math.hypot(*attitude) > 0.1)
    mounting = Mounting.from_quat([part / math.hypot(*mount) for part in mount])
    w, x, y, z = (part / math.hypot(*attitude) for part in attitude)
    seen = frames.rotate(np.array((w, x, y, z)), np.array(vector))
    body = frames.rotate(np.array(mounting.attitude((w, x, y, z))), np.array(mounting.vector(vector)))
    assert np.allclose(seen, body, atol=1e-5)


@pytest.mark.parametrize("quat", [(1, 0, 0), (0, 0, 0, 0), (2, 0, 0, 0), (math.nan, 0, 0, 1)])
def test_what_is_no_rotation_quaternion(quat: tuple[float, ...]) -> None:
    with pytest.raises(MountingError, match="expected"):
        Mounting.from_quat(quat)

"""What sysid tells a joint: inside its range, never faster than stated, one target when the one before is reached."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robotd.ctl.identification.excitation import Bounds, bounds_of, duration_s, excitation
from robotd.ctl.identification.session import turns_of
from robotd.hal.servo_frame import servo_frame
from robotd.wiring import UNITS_PER_RAD, JointCalibration

ANY_BOUNDS = st.builds(
    lambda low, width, home, amplitude, top: bounds_of(
        (low, low + width), low + home * width, amplitude, 0.05, top, 5.0
    ),
    st.floats(-1.5, 0.5),
    st.floats(0.4, 2.0),
    st.floats(0, 1),
    st.floats(0.05, 0.5),
    st.floats(0.5, 12),
)


@given(ANY_BOUNDS, st.floats(0, 1))
def test_no_target_leaves_the_range_or_asks_for_more_than_the_top_speed(bounds: Bounds, found: float) -> None:
    start_rad = bounds.low_rad + found * (bounds.high_rad - bounds.low_rad)
    targets = excitation(bounds, start_rad)
    before, free_s = start_rad, 0.0
    for target in targets:
        assert bounds.low_rad - 1e-9 <= target.pos_rad <= bounds.high_rad + 1e-9
        assert abs(target.pos_rad - before) <= bounds.top_speed_rad_s * target.time_s + 1e-9
        assert target.at_s >= free_s - 1e-9, "told before the one before was reached"
        before, free_s = target.pos_rad, target.at_s + target.time_s
    assert targets[0].pos_rad == targets[-1].pos_rad == start_rad
    assert duration_s(targets) < 60


@given(ANY_BOUNDS, st.sampled_from([-1, 1]))
def test_rounding_to_units_and_ms_makes_no_move_faster(bounds: Bounds, direction: int) -> None:
    middle = (bounds.low_rad + bounds.high_rad) / 2
    frame = servo_frame([JointCalibration.model_validate({"direction": direction, "q_at_zero_rad": middle})])
    turns = turns_of(excitation(bounds, middle), frame, bounds.top_speed_rad_s, 500)
    for before, turn in pairwise(turns):
        assert abs(turn.units - before.units) <= turn.time_ms / 1000 * bounds.top_speed_rad_s * UNITS_PER_RAD + 1e-6


def test_a_joint_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match=r"leaves 0\.050 rad to both sides, expected 0\.1"):
        bounds_of((-0.1, 0.1), 0.0, 0.25, 0.05, 5.0, 5.0)

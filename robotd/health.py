"""How the body of a robot is: what servos and buses say of themselves, apart from where the joints are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from contract.frames import Array

_NEW = np.zeros((), np.float32)


class Health(NamedTuple):
    """One reading; J joints in policy order.

    temperature_degc (J,) of each servo; voltage_v () the lowest supply voltage that a servo sees;
    bus_errors_in_a_row: for each bus, in the order of the wiring, how many transactions have failed since the last
    one that did not (empty where there are no buses); servo_age_s (J,) how old the temperature or the voltage of each
    servo is, whichever is older; foot_switch_age_s () how old the levels of the foot switches are;
    torque_unproven: the joints, as bits (1 the first), whose servo has not said that its torque is as it was told.
    """

    temperature_degc: Array
    voltage_v: Array
    bus_errors_in_a_row: tuple[int, ...] = ()
    servo_age_s: Array = _NEW
    foot_switch_age_s: Array = _NEW
    torque_unproven: int = 0


def well(joints: int) -> Health:
    """A robot of `joints` joints that is cool, charged and wired; for backends without servos."""
    return Health(
        np.full(joints, 25.0, np.float32), np.asarray(12.0, np.float32), servo_age_s=np.zeros(joints, np.float32)
    )

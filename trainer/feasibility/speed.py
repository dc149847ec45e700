"""Joint speeds of the gaits against what the servos can do without a load, and with the load they carry."""

from __future__ import annotations

import numpy as np

from ..motion.feasible import WARN_SHARE
from .torque import Load, gait_case, gait_loads
from .twin import Twin
from .verdict import Finding, Verdict


def speed_test(twin: Twin, loads: list[Load] | None = None) -> Verdict:
    """Every clip's fastest joint; passes below 90 % of the no-load speed. loads: of `gait_loads`, if it was asked."""
    if twin.motion is None:
        return Verdict("speed", (), ("no gait for this robot, nothing to try",))
    config = twin.robot.config
    fastest = config.max_velocity.astype(float)
    findings = []
    for index, (vx, vy, _) in enumerate(np.asarray(twin.motion.command, float)):
        speed = np.abs(np.asarray(twin.motion.joint_vel[index], float)).max(0)
        joint = int((speed / fastest).argmax())
        advice = (
            f"give {config.actuator_names[joint]} a servo of {speed[joint] / WARN_SHARE:.1f} rad/s, or make "
            f"the cycle {speed[joint] / WARN_SHARE / fastest[joint]:.2f} times as long"
        )
        good = WARN_SHARE * fastest[joint]
        case = gait_case(vx, vy)
        findings.append(
            Finding(
                case, config.actuator_names[joint], float(speed[joint]), good, float(fastest[joint]), "rad/s", advice
            )
        )
    return Verdict("speed", tuple(findings), (_under_load(twin, loads if loads is not None else gait_loads(twin)),))


def _under_load(twin: Twin, loads: list[Load]) -> str:
    """The joint nearest to a DC motor's line from its torque limit at rest to no torque at its no-load speed."""
    config = twin.robot.config
    most, fastest = config.max_torque.astype(float), config.max_velocity.astype(float)
    highest, where = -np.inf, ""
    for load in loads:
        speed = load.clip.qvel[:, twin.robot.qvel]
        drives = load.torque * speed > 0
        share = np.where(drives, np.abs(load.torque) / most + np.abs(speed) / fastest, 0.0)
        frame, joint = np.unravel_index(int(share.argmax()), share.shape)
        if share[frame, joint] > highest:
            highest = float(share[frame, joint])
            where = (
                f"{config.actuator_names[joint]}, {load.case}: {abs(load.torque[frame, joint]):.2f} Nm at "
                f"{abs(speed[frame, joint]):.1f} rad/s"
            )
    return f"torque and speed together, as share of a DC motor's line: {highest:.0%} at most ({where}); not judged"

"""What is said on robotd's control socket: one frozen dataclass for each message, and when a value is refused.

A message travels as one frame (see `robotd.wire`): a msgpack array `[VERSION, type, id, {field: value}]`. The type is
the name in REQUESTS or ANSWERS; the id is chosen by the client, and the answer to a request carries the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

VERSION = 1
MAX_SPEED_M_S, MAX_TURN_RAD_S = 2.0, 4.0  # more than the robot can do; what a policy was trained for is less


class MessageError(ValueError):
    """Bytes or a value that are no message: one sentence with what was found and what was expected."""


# What a client asks for.


@dataclass(frozen=True)
class AskStatus:
    """Answered with Status."""


@dataclass(frozen=True)
class Arm:
    """From IDLE to HOMING, unless a mandatory arming check fails."""


@dataclass(frozen=True)
class Clear:
    """Forget latched faults, from FAULT to IDLE."""


@dataclass(frozen=True)
class Activate:
    """Let the policy run, from STANDBY to ACTIVE."""


@dataclass(frozen=True)
class Stop:
    """Crouch, then torque off."""


@dataclass(frozen=True)
class Estop:
    """Torque off now."""


@dataclass(frozen=True)
class Velocity:
    """Claims the command, and has to be said again well within safety.link_silent_s. vx, vy m/s; yaw rad/s."""

    vx_m_s: float
    vy_m_s: float = 0.0
    yaw_rad_s: float = 0.0

    def __post_init__(self) -> None:
        _within("vx_m_s", self.vx_m_s, -MAX_SPEED_M_S, MAX_SPEED_M_S)
        _within("vy_m_s", self.vy_m_s, -MAX_SPEED_M_S, MAX_SPEED_M_S)
        _within("yaw_rad_s", self.yaw_rad_s, -MAX_TURN_RAD_S, MAX_TURN_RAD_S)


@dataclass(frozen=True)
class Release:
    """Gives the command back: the velocity goes to zero, and nobody is missed."""


@dataclass(frozen=True)
class SlowMotion:
    """Factor in [0.1, 1] on joint velocity limits and on the velocity command; stays until it is said anew."""

    factor: float

    def __post_init__(self) -> None:
        _within("factor", self.factor, 0.1, 1.0)


@dataclass(frozen=True)
class AskPolicies:
    """Answered with Policies."""


@dataclass(frozen=True)
class SwitchPolicy:
    """Let another policy of the deployment run."""

    name: str


@dataclass(frozen=True)
class AskTiming:
    """Answered with Timing."""


@dataclass(frozen=True)
class Subscribe:
    """Telemetry of every `divisor`-th tick from now on, until the connection ends."""

    divisor: int = 1

    def __post_init__(self) -> None:
        _within("divisor", self.divisor, 1, 3000)


# What robotd answers.


@dataclass(frozen=True)
class Check:
    """One arming check. found: what is the case; fix: what to do, empty where it is in order."""

    name: str
    ok: bool
    found: str
    fix: str
    mandatory: bool


@dataclass(frozen=True)
class Done:
    """What the loop did with an act in tick number `tick`. ok: the act came to pass; text: one sentence; mode:
    after that tick; checks: where arming was asked for, those that fail; only mandatory ones forbid it."""

    ok: bool
    text: str
    mode: str
    tick: int
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True)
class Refused:
    """Nothing was done: one sentence. Where the request was no message at all, the connection ends after it."""

    text: str


@dataclass(frozen=True)
class Status:
    """The last tick, J joints in policy order.

    faults: latched or raised, present: conditions that hold now; tilt_rad: of the body's up against the world's;
    command: vx, vy m/s and yaw rate rad/s as the policy sees it; claimed_by: who steers, silent_s: since when it has
    said nothing (None: nobody steers); temperature_degc (J,) of the servos, voltage_v the lowest that one of them sees;
    bus_errors_in_a_row: of each bus; overruns: whole periods skipped since the start; lost: telemetry that slow readers
    lost; torque_unproven: joints whose servo has not said that its torque is on, or in idle and fault off.
    """

    mode: str
    tick: int
    faults: tuple[str, ...]
    present: tuple[str, ...]
    policy: str
    policies: tuple[str, ...]
    command: tuple[float, ...]
    claimed_by: str
    silent_s: float | None
    slow_motion: float
    joints: tuple[str, ...]
    joint_pos_rad: tuple[float, ...]
    tilt_rad: float
    imu_age_s: float
    joint_age_s: float
    temperature_degc: tuple[float, ...]
    voltage_v: float
    bus_errors_in_a_row: tuple[int, ...]
    ctrl_dt: float
    overruns: int
    clients: int
    lost: int
    checks: tuple[Check, ...]
    torque_unproven: tuple[str, ...] = ()


@dataclass(frozen=True)
class Policies:
    """Names of all policies of the bundle, and the one that runs or would run."""

    names: tuple[str, ...]
    current: str


@dataclass(frozen=True)
class Durations:
    """A histogram (`robotd.timing.Histogram`): counts of its buckets."""

    counts: tuple[int, ...]
    max_us: float


@dataclass(frozen=True)
class Timing:
    """Since the start. lateness: start of a tick after its deadline; tick: the pure tick; slack: what was left of
    the period after reading, tick and writing; overruns: whole periods skipped."""

    lateness: Durations
    tick: Durations
    slack: Durations
    overruns: int
    ctrl_dt: float


@dataclass(frozen=True)
class Telemetry:
    """One tick, J joints, F switches. target_rad is empty while limp; NaN in signals stays NaN. joint_age_s (J,) and
    imu_age_s: how old the samples are.

    dropped: ticks that this subscriber should have had and lost, since it subscribed.
    """

    tick: int
    mode: str
    faults: tuple[str, ...]
    present: tuple[str, ...]
    policy: str
    stamp_s: float
    quat_wxyz: tuple[float, ...]
    gyro_rad_s: tuple[float, ...]
    joint_pos_rad: tuple[float, ...]
    joint_vel_rad_s: tuple[float, ...]
    foot_switches: tuple[float, ...]
    joint_age_s: tuple[float, ...]
    imu_age_s: float
    target_rad: tuple[float, ...]
    command: tuple[float, ...]
    lateness_s: float
    tick_s: float
    skipped: int
    dropped: int


Request = (
    AskStatus
    | Arm
    | Clear
    | Activate
    | Stop
    | Estop
    | Velocity
    | Release
    | SlowMotion
    | AskPolicies
    | SwitchPolicy
    | AskTiming
    | Subscribe
)
Answer = Done | Refused | Status | Policies | Timing | Telemetry

REQUESTS: dict[str, type[Request]] = {
    "status": AskStatus,
    "arm": Arm,
    "clear": Clear,
    "activate": Activate,
    "stop": Stop,
    "estop": Estop,
    "velocity": Velocity,
    "release": Release,
    "slow": SlowMotion,
    "policies": AskPolicies,
    "policy": SwitchPolicy,
    "timing": AskTiming,
    "subscribe": Subscribe,
}
ANSWERS: dict[str, type[Answer]] = {
    "done": Done,
    "refused": Refused,
    "status": Status,
    "policies": Policies,
    "timing": Timing,
    "telemetry": Telemetry,
}


def _within(name: str, value: float, low: float, high: float) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        raise MessageError(f"{name}: found {value}, expected {low:g} to {high:g}")

"""The operator of a daemon: turns what clients ask for into each tick's orders, and tells them what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from contract import CommandRange
from contract.schema import suggest
from robotd.acts import EVENTS, outcome
from robotd.config import SafetyConfig
from robotd.fault_table import link_factor
from robotd.messages import (
    Answer,
    Arm,
    Check,
    Clear,
    Done,
    Estop,
    Refused,
    Release,
    Request,
    SlowMotion,
    Stop,
    SwitchPolicy,
    Velocity,
)
from robotd.mode import Event, Mode
from robotd.record import Orders, TickRecord
from robotd.torque_proof import PROOF_S, unproven_joints

_STILL = (0.0, 0.0, 0.0)
MAX_GAIN = (1.0, 1.0, 3.0)  # m/s^2, m/s^2, rad/s^2: how fast a commanded velocity is taken up
Reply = Callable[[Answer], None]


class Client(NamedTuple):
    """Who asks. number: of the connection; name: for people."""

    number: int
    name: str


class _Claim(NamedTuple):
    client: Client
    goal: tuple[float, float, float]
    spoke_s: float


class _Settled(NamedTuple):
    """An act that went into the tick of `record`, and the mode of the tick before. Its answer may wait for a proof."""

    act: Request
    reply: Reply
    before: Mode
    record: TickRecord


class Desk:
    """Called by the loop once a tick for orders, and by `settle` with what came of them; never waits.

    Args:
        policies: names that can be switched to.
        ctrl_dt: control period, s.
        bounds: when a controller counts as silent; the tick lets its velocity decay then.
        now_s: monotonic time.
        checks: arming checks on the last record.
        trained: what policies hold commands to, by name.
        joints: names, J.
    """

    def __init__(
        self,
        policies: Sequence[str],
        ctrl_dt: float,
        bounds: SafetyConfig,
        now_s: Callable[[], float],
        checks: Callable[[TickRecord], tuple[Check, ...]] = lambda record: (),
        trained: Mapping[str, CommandRange | None] = MappingProxyType({}),
        joints: Sequence[str] = (),
    ) -> None:
        self.policies, self._trained, self._joints = tuple(policies), trained, tuple(joints)
        self._ctrl_dt, self._bounds, self._now_s, self._checks = ctrl_dt, bounds, now_s, checks
        self._asked: list[tuple[Request, Reply]] = []  # since the last tick
        self._given: list[tuple[Request, Reply]] = []  # to the tick that runs now
        self._unproven: list[_Settled] = []  # torque should be off, and not all servos have said so yet
        self._before = Mode.IDLE
        self._claim: _Claim | None = None
        self._velocity = _STILL
        self._slow_motion = 1.0
        self._policy: str | None = None
        self._failed: tuple[Check, ...] = ()

    def ask(self, client: Client, act: Request, reply: Reply) -> None:
        """Take an act for the next tick; `reply` is called once, after that tick or at once with a refusal."""
        if isinstance(act, SwitchPolicy) and act.name not in self.policies:
            reply(Refused(f"policy: found {act.name!r}{suggest(act.name, self.policies)}"))
        elif isinstance(act, Velocity) and (other := self._rival(client)):
            reply(Refused(f"the command is claimed by {other.name}; end that first"))
        else:
            self._note(client, act)
            self._asked.append((act, reply))

    def steering(self) -> tuple[str, float | None]:
        """Who has claimed the command, and since when it has said nothing, s; '' and None where nobody has."""
        return ("", None) if self._claim is None else (self._claim.client.name, self._silent_s(self._claim))

    def __call__(self, record: TickRecord | None) -> Orders:
        """What is wanted in the next tick."""
        self._given, self._asked = self._asked, []
        self._before = Mode.IDLE if record is None else record.mode
        events = [EVENTS[type(act)] for act, _ in self._given if type(act) in EVENTS]
        if Event.ARM in events and not self._may_arm(record):
            events = [event for event in events if event is not Event.ARM]
        policy, self._policy = self._policy, None
        self._steer(record is not None and record.mode is Mode.ACTIVE)
        return Orders(
            events=tuple(events),
            velocity=self._velocity,
            slow_motion=self._slow_motion,
            policy=policy,
            link_silent_s=self.steering()[1],
        )

    def settle(self, record: TickRecord) -> None:
        """Tell all whose acts went into this tick what came of them. Who is to hear that torque is off hears it once
        the servos have said so, or PROOF_S later that they have not."""
        settled = [*self._unproven, *(_Settled(act, reply, self._before, record) for act, reply in self._given)]
        unproven = unproven_joints(record, self._joints)
        self._given, self._unproven = [], []
        for each in settled:
            waits = unproven and isinstance(each.act, Stop | Estop | Clear) and not each.record.mode.powered
            if waits and (record.number - each.record.number) * self._ctrl_dt < PROOF_S:
                self._unproven.append(each)
            else:
                each.reply(self._outcome(each, unproven))

    def _outcome(self, settled: _Settled, unproven: Sequence[str]) -> Done:
        act, _, before, record = settled
        ok, text = outcome(act, before, record, self._trained.get(record.policy), unproven)
        failed: tuple[Check, ...] = ()
        if isinstance(act, Arm) and before is Mode.IDLE:
            failed = self._failed
            if against := [f"{check.name}: {check.found}" for check in failed if check.mandatory]:
                ok, text = False, f"not armed: {'; '.join(against)}"
        return Done(ok, text, record.mode.value, record.number, failed)

    def _note(self, client: Client, act: Request) -> None:
        if isinstance(act, Velocity):
            left = link_factor(self._bounds, self.steering()[1])
            x, y, yaw = self._velocity
            self._velocity = (left * x, left * y, left * yaw)  # where the tick's decay has brought it
            self._claim = _Claim(client, (act.vx_m_s, act.vy_m_s, act.yaw_rad_s), self._now_s())
        elif isinstance(act, Release) and self._claim is not None and self._claim.client == client:
            self._claim = None
        elif isinstance(act, SlowMotion):
            self._slow_motion = act.factor
        elif isinstance(act, SwitchPolicy):
            self._policy = act.name

    def _may_arm(self, record: TickRecord | None) -> bool:
        """Whether no mandatory check fails."""
        self._failed = () if record is None else tuple(check for check in self._checks(record) if not check.ok)
        return record is not None and not any(check.mandatory for check in self._failed)

    def _rival(self, client: Client) -> Client | None:
        """Somebody else who steers and has spoken a moment ago."""
        claim = self._claim
        return (
            claim.client
            if claim and claim.client != client and self._silent_s(claim) <= self._bounds.link_silent_s
            else None
        )

    def _silent_s(self, claim: _Claim) -> float:
        return self._now_s() - claim.spoke_s

    def _steer(self, active: bool) -> None:
        """The velocity of this tick, taken up at a bounded rate; a controller that is gone for long is forgotten."""
        bounds = self._bounds
        forget_s = bounds.link_silent_s + bounds.link_decay_s + bounds.link_forget_s
        if self._claim is not None and self._silent_s(self._claim) >= forget_s:
            self._claim = None
            active = False  # begins at zero again, where the decay has brought it
        goal = _STILL if self._claim is None else self._claim.goal
        steps = (gain * self._ctrl_dt for gain in MAX_GAIN)
        x, y, yaw = (
            now + min(max(wanted - now, -step), step)
            for now, wanted, step in zip(self._velocity, goal, steps, strict=True)
        )
        self._velocity = (x, y, yaw) if active else _STILL

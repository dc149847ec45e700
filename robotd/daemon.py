"""The console script `robotd`, and `run`, which puts a robot, a policy and an operator together."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from contract import Bundle, ContractError, load_deployment
from contract.schema import suggest
from robotd import realtime
from robotd.arming import arming_checks
from robotd.arming_facts import facts_for
from robotd.blackbox import BlackBox
from robotd.blackbox_layout import BlackBoxError
from robotd.bundle_choice import bundle_option
from robotd.bundle_store import BundleStoreError, Hold, bundle_in_use
from robotd.calibration import standing_of
from robotd.clock import Clock, MonotonicClock
from robotd.config import ConfigFileError, RobotdConfig, load_config
from robotd.control import make_control
from robotd.ending import nothing_more, on_ending
from robotd.hal import BACKENDS, ON_PORTS, Hardware, HardwareError, UnreachableError, open_hardware
from robotd.limp_plan import forget_plan, leave_plan, plan_of, plan_path, print_of
from robotd.listener import SocketError
from robotd.lock import HardwareLock, HardwareLockError
from robotd.log_thread import LogThread
from robotd.loop import Loop, RunSummary, ShutdownSwitch
from robotd.messages import Check
from robotd.mode_log import ModeLog
from robotd.notify import LifeSigns, Notifier
from robotd.places import blackbox_path, own_config
from robotd.policy import open_session
from robotd.record import Hook, Operator, TickRecord
from robotd.signature import SignatureError, require_signature
from robotd.tick_state import setup_for
from robotd.timing import LoopTiming
from robotd.warm_up import warm_up
from robotd.wiring import WiringError, regrouped

EXIT_OK, EXIT_STOPPED, EXIT_REFUSED, EXIT_UNREACHABLE, EXIT_INTERRUPTED = 0, 1, 2, 3, 130
LOCK_S = 0.5
"""How long to wait for the hardware lock: a `robotctl limp` that is about to end must not keep robotd down."""
log = logging.getLogger("robotd")


class Refusal(ValueError):
    """robotd does not start: one sentence with what was found, what was expected, and the cure."""

    exit_code = EXIT_REFUSED


class Unreachable(Refusal):
    """Nothing is wrong with what was asked for, but the hardware does not answer."""

    exit_code = EXIT_UNREACHABLE


async def run(
    hardware: Hardware,
    bundle: Bundle,
    config: RobotdConfig,
    operator: Operator,
    clock: Clock,
    on_record: Hook | Sequence[Hook] | None = None,
    switch: ShutdownSwitch | None = None,
    timing: LoopTiming | None = None,
) -> RunSummary:
    """Run one robot from IDLE until the operator or the switch shuts it down.

    Args:
        hardware: limp; the caller opens and closes it, this starts and stops it.
        bundle: the policy that runs first; the others of its deployment may be switched to.
        operator: asked once a tick with the last record (None at first); its Orders say what to do.
        on_record: gets every finished TickRecord after the write, hence quickly; one hook or several.
        switch: ends the run from outside, e.g. from a signal handler.
        timing: counts there how the loop keeps its time.

    Returns:
        What happened. The robot is limp, however the run ended.

    Raises:
        Unreachable: the hardware does not answer.
    """
    hooks = () if on_record is None else (on_record,) if callable(on_record) else tuple(on_record)
    networks = {name: policy.network for name, policy in bundle.policies.items()}
    loop = Loop(hardware, setup_for(bundle, config), networks, operator, clock, hooks, timing)
    try:
        await hardware.start()
        return await loop.run(switch or ShutdownSwitch())
    except HardwareError as problem:
        raise _refusal(problem) from None
    finally:
        await hardware.stop()


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@bundle_option("Folder or name of the policy; without it the one in use.")
@click.option("--policy", help="Which policy of a bundle with several; without it the bundle's default.")
@click.option("--hal", default="sim", show_default=True, help=f"The robot: {', '.join(BACKENDS)}.")
@click.option("--config", "config_path", type=click.Path(path_type=Path), help="robotd.yaml; else the robot's own.")
@click.option("--allow-unverified", is_flag=True, help="Take a bundle whose checksums are missing or stale.")
@click.option("--socket", type=click.Path(path_type=Path), help="Control socket; without it in the run folder.")
@click.option("--check", is_flag=True, help="Do the start-up checks, say what they found, and end.")
def robotd(
    bundle: Path | None,
    policy: str | None,
    hal: str,
    config_path: Path | None,
    allow_unverified: bool,
    socket: Path | None,
    check: bool,
) -> int:
    """Run a policy on a robot, starting in IDLE with torque off, until SIGTERM or Ctrl-C.

    Without --config, /etc/robotd/robotd.yaml counts where it is there, else the defaults do.

    Exit codes: 0 ok, 1 the robot stopped by a fault, 2 refused, 3 hardware not reachable, 130 interrupted.
    """
    folder = bundle or _bundle_in_use()
    with _hardware_lock() if hal in ON_PORTS else nullcontext(), Hold(folder):
        config, loaded, hardware = start_up(folder, hal, own_config(config_path), allow_unverified, policy=policy)
        for warning in loaded.warnings:
            log.warning(warning)
        try:
            if check:
                asyncio.run(_ask(hardware))
                click.echo(report(loaded, hal))
                return EXIT_OK
            if hal in ON_PORTS:
                _leave_limp_plan(config, own_config(config_path))
            return asyncio.run(serve(hardware, hal, loaded, config, socket))
        finally:
            nothing_more()
            hardware.close()
            if hal in ON_PORTS and _is_proven_limp(hardware):
                forget_plan()


def start_up(
    bundle_path: Path,
    hal: str,
    config_path: Path | None = None,
    allow_unverified: bool = False,
    buses: int | None = None,
    policy: str | None = None,
    twin: Mapping[str, Any] | None = None,
) -> tuple[RobotdConfig, Bundle, Hardware]:
    """All checks before the first tick; the hardware comes back limp. On ports the config has the calibration in it.

    Args:
        buses: put the servos on so many buses, whatever the config says; for comparisons on emulated ones.
        policy: which one of a bundle with several; None takes the bundle's default.
        twin: options of the physics twin (`robotd.hal.sim.SimHardware`), where the hardware has one.

    Raises:
        Refusal: the first thing that does not fit.
    """
    try:
        config = load_config(config_path)
        if buses is not None:
            config = config.model_copy(update={"hardware": regrouped(config.hardware, buses)})
        require_signature(bundle_path, config.bundles, allow_unverified)
        bundle = _choose(bundle_path, policy, allow_unverified)
        for each in bundle.policies.values():
            if each.spec.robot.home_ctrl_rad is None:
                raise Refusal(
                    f"{each.path / 'policy_spec.json'}: robot.home_ctrl_rad is missing, expected a pose to home to; "
                    "export the policy again"
                )
        if hal in ON_PORTS:
            wiring = standing_of(config.hardware, bundle.robot_config).applied(config.hardware)
            config = config.model_copy(update={"hardware": wiring})
        return config, bundle, open_hardware(hal, bundle, config.hardware, twin)
    except (ConfigFileError, ContractError, SignatureError, WiringError, HardwareError) as problem:
        raise _refusal(problem) from None


def _bundle_in_use() -> Path:
    """Raises Refusal."""
    try:
        return bundle_in_use()
    except BundleStoreError as problem:
        raise _refusal(problem) from None


def _choose(path: Path, policy: str | None, allow_unverified: bool) -> Bundle:
    """One policy of the bundle at `path`, all of whose policies are verified. Raises ContractError, Refusal."""
    bundles, default = load_deployment(path, open_session, allow_unverified)
    name = default if policy is None else policy
    if name not in bundles:
        raise Refusal(f"--policy {name}: {path} has no policy of that name{suggest(name, bundles)}")
    return bundles[name]


def _refusal(problem: Exception) -> Refusal:
    kind = Unreachable if isinstance(problem, UnreachableError) else Refusal
    return kind(" ".join(str(problem).split()))


def _hardware_lock() -> HardwareLock:
    """No bench verb and no other robotd drives the robot meanwhile. Raises Refusal."""
    try:
        return HardwareLock("robotd", patience_s=LOCK_S)
    except HardwareLockError as problem:
        raise _refusal(problem) from None


def _leave_limp_plan(config: RobotdConfig, file: Path | None) -> None:
    """Whoever finds robotd dead knows what to unload. Raises Refusal."""
    try:
        leave_plan(plan_of(config.hardware)._replace(made_of=print_of(file)))
    except OSError as problem:
        raise Refusal(f"{plan_path()}: {problem.strerror}, expected a file that can be written") from None


def _is_proven_limp(hardware: Hardware) -> bool:
    """Whether every servo has said at the end that its torque is off."""
    from robotd.hal.real import RealHardware

    reports = hardware.reports.values() if isinstance(hardware, RealHardware) else ()
    return bool(reports) and all(report.verified for report in reports)


def report(bundle: Bundle, hal: str) -> str:
    """What `--check` prints: one line for each thing that was found in order."""
    spec = bundle.spec
    first, *others = bundle.policies
    lines = (
        ("bundle", f"{bundle.path}, {'verified' if bundle.verified else 'NOT VERIFIED'}"),
        ("robot", f"{spec.robot.robot_name}, {spec.num_joints} joints"),
        ("policy", f"{first}, observation {spec.model.obs_dim}{', also ' + ', '.join(others) if others else ''}"),
        ("period", f"{spec.runtime.ctrl_dt * 1e3:g} ms"),
        (
            "crouch",
            "from robot_config.yaml" if bundle.robot_config else "unknown, a stop holds home before it goes limp",
        ),
        ("hal", hal),
    )
    return "\n".join(f"{name:8}{text}" for name, text in lines)


async def _ask(hardware: Hardware) -> None:
    """See whether everything answers. Raises Unreachable."""
    try:
        await hardware.start()
    except HardwareError as problem:
        raise _refusal(problem) from None
    finally:
        await hardware.stop()


async def serve(
    hardware: Hardware,
    hal: str,
    bundle: Bundle,
    config: RobotdConfig,
    socket: Path | None,
    clock: Clock | None = None,
    attendants: Sequence[Hook] = (),
) -> int:
    """Run until a signal, at the orders of the control socket; `attendants` see each tick first. Raises Refusal."""
    switch, notifier = ShutdownSwitch(), Notifier()
    timing = LoopTiming(bundle.spec.runtime.ctrl_dt)
    joints = bundle.spec.robot.actuator_names
    life = LifeSigns(notifier, timing.period_s, joints)
    clock = clock or MonotonicClock(config.realtime.early_s)
    setup = setup_for(bundle, config)
    facts = facts_for(bundle, hal, config)

    def checks(record: TickRecord) -> tuple[Check, ...]:
        return tuple(Check(*check) for check in arming_checks(setup, record, facts))

    try:  # the socket first: a second daemon must not touch the black box of the first
        control = make_control(socket, bundle, config, timing, clock.now_s, checks)
    except SocketError as problem:
        raise _refusal(problem) from None
    received: list[signal.Signals] = []

    def end(number: signal.Signals) -> None:
        log.info("ending in order, after %s", number.name)
        received.append(number)
        life.stopping()
        switch.press()

    on_ending(end)
    for step in realtime.prepare(config.realtime):
        log.log(logging.INFO if step.ok else logging.WARNING, "real time: %s", step)
    warm_up(setup, {name: policy.network for name, policy in bundle.policies.items()})
    robot = "" if hal in ON_PORTS else f"a simulated robot (--hal {hal}), no servo moves, "
    log.info("running in idle, %storque off; SIGTERM or Ctrl-C ends it", robot)
    try:
        box = BlackBox(blackbox_path(), setup, clock.now_s, time.time())
        hooks: tuple[Hook, ...] = (*attendants, box, ModeLog(timing.period_s, joints), life, control.socket)
        control.socket.open()
        summary = await run(hardware, bundle, config, control.desk, clock, hooks, switch, timing)
    except BlackBoxError as problem:
        raise _refusal(problem) from None
    finally:
        control.socket.close()
    log.info("ended in %s after %d ticks, %d overruns", summary.mode.value, summary.ticks, summary.overruns)
    if summary.stopped_by_fault:
        return EXIT_STOPPED
    return EXIT_INTERRUPTED if signal.SIGINT in received else EXIT_OK


def main() -> None:
    """Entry point of the console script."""
    log_thread = LogThread()
    try:
        code = robotd.main(prog_name="robotd", standalone_mode=False)
    except click.exceptions.ClickException as problem:
        click.echo(f"robotd: {problem.format_message()}", err=True)
        code = problem.exit_code
    except Refusal as problem:
        click.echo(f"robotd: {problem}", err=True)
        code = problem.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = EXIT_INTERRUPTED
    finally:
        log_thread.close()
    sys.exit(code)

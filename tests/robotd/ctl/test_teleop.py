"""`robotctl teleop` and a real robotd with a walking robot on the twin's floor: a terminal and a gamepad drive it.

The gamepad's input events come through a pipe, read by the code that reads a device (see test_teleop_devices).
"""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from bench_rig import PROGRAM
from daemon_rig import PATIENTLY, Daemon, daemon, wait_for
from test_teleop_devices import RANGES

from contract import assets_dir
from robotd.ctl import cli
from robotd.ctl.client import Client
from robotd.ctl.fault_fixes import fault_lines
from robotd.ctl.refusal import Unreachable
from robotd.ctl.teleop import Setup, drive
from robotd.ctl.teleop_gamepad import ABS_Y, BTN_EAST, BTN_TL, EV_ABS, EV_KEY, INPUT_EVENT, Gamepad
from robotd.ctl.teleop_mapping import Limits
from robotd.ctl.teleop_screen import Screen
from robotd.messages import Activate, Arm, Clear, Estop

# A person sets the robot down, and one looks on: tick, mode, whether it is on the stand, way and commanded speed.
ON_THE_FLOOR = f"""
import os
from robotd import daemon
inner = daemon.run
async def run(twin, bundle, config, operator, clock, hooks, *others):
    seen = open(os.environ["WILDROBOT_HOME"] + "/seen", "w", buffering=1)
    def look(record):
        x, vx = twin.data.qpos[0], record.command.velocity[0]
        faults = "+".join(record.faults.names) or "none"
        print(record.number, record.mode.value, int(twin.supported), f"{{x:.4f}} {{vx:.4f}} {{faults}}", file=seen)
    return await inner(twin, bundle, config, operator, clock, (*hooks, twin.attend, look), *others)
daemon.run = run
{PATIENTLY}
"""
# Other work on this machine must not look like a driver who has gone.
CONFIG = "safety: {link_silent_s: 2.0, link_debounce_s: 2.0}\n"
STOPS = "stopping: it crouches, then torque goes off"
SETUP = Setup(Limits(forward_m_s=0.3, back_m_s=0.0, sideways_m_s=0.1, turn_rad_s=0.4), factor=1.0)


class Seen(NamedTuple):
    """x_m: along the floor; vx_m_s: commanded; faults: joined by +, or none."""

    tick: int
    mode: str
    supported: bool
    x_m: float
    vx_m_s: float
    faults: str


class Robot:
    """A daemon whose twin is watched."""

    def __init__(self, running: Daemon) -> None:
        self.daemon = running

    def seen(self, from_tick: int = 0) -> list[Seen]:
        """All ticks so far from one on."""
        lines = (self.daemon.home / "seen").read_text().splitlines(keepends=True)
        words = (line.split() for line in lines if line.endswith("\n"))
        found = (
            Seen(int(n), mode, stand == "1", float(x), float(vx), faults) for n, mode, stand, x, vx, faults in words
        )
        return [each for each in found if each.tick >= from_tick]

    @property
    def now(self) -> Seen:
        return self.seen()[-1]

    def faults_since(self, tick: int) -> list[str]:
        """Every fault that there was."""
        return list(dict.fromkeys(seen.faults for seen in self.seen(tick) if seen.faults != "none"))

    def stand(self) -> Seen:
        """On its feet, and the policy runs."""
        with self.daemon.client() as client:
            client.act(Estop())
            client.act(Clear())
            wait_for(lambda: self.now.mode == "idle" and self.now.supported)
            wait_for(lambda: client.act(Arm()).ok)
            wait_for(lambda: self.now.mode == "standby" and not self.now.supported)
            assert client.act(Activate()).ok
        return self.now


@pytest.fixture(scope="module")
def robot() -> Iterator[Robot]:
    bundle = assets_dir() / "bundles" / "walking"
    with (
        tempfile.TemporaryDirectory(prefix="wr-") as folder,
        daemon(Path(folder), bundle, "--hal", "sim", config=CONFIG, code=ON_THE_FLOOR) as running,
    ):
        yield Robot(running)


class Terminal:
    """A person at a terminal with robotctl in it. They hold a key until they let go."""

    def __init__(self, *words: str) -> None:
        self._person, program = pty.openpty()
        command = [sys.executable, "-c", PROGRAM, "teleop", *words]
        self.process = subprocess.Popen(
            command, stdin=program, stdout=program, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        os.close(program)
        self._screen = b""
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    @property
    def screen(self) -> str:
        return self._screen.decode()

    def hold(self, key: bytes, until: Callable[[], bool]) -> None:
        """Repeats come 20 times a second."""

        def pressed() -> bool:
            os.write(self._person, key)
            return until()

        wait_for(pressed)

    def press(self, key: bytes) -> None:
        os.write(self._person, key)

    def hang_up(self) -> None:
        os.close(self._person)

    def end(self) -> tuple[int, str]:
        """Exit code and what stands on stderr."""
        _, err = self.process.communicate(timeout=90)
        return self.process.returncode, err

    def _watch(self) -> None:
        while True:
            try:
                data = os.read(self._person, 4096)
            except OSError:
                return
            self._screen += data


@pytest.fixture
def terminal(robot: Robot) -> Iterator[Terminal]:
    made = Terminal("--socket", str(robot.daemon.socket), "--factor", "1")
    try:
        yield made
    finally:
        made.process.kill()
        made.process.wait()


def let_go(robot: Robot, from_tick: int) -> list[float]:
    """The commanded speeds after the deadman was let go at full speed, down to zero; the robot stands and stays."""
    wait_for(lambda: robot.now.vx_m_s == 0.0)
    speeds = [seen.vx_m_s for seen in robot.seen(from_tick)]
    full = max(place for place, speed in enumerate(speeds) if speed == max(speeds))
    assert {seen.mode for seen in robot.seen(from_tick)} == {"active"}
    return speeds[full:]


def is_a_decay(speeds: list[float]) -> bool:
    """Steadily down to zero."""
    falls = all(after <= before for before, after in pairwise(speeds))
    return falls and speeds[-1] == 0.0 and len([speed for speed in speeds if speed > 0]) > 3


def test_a_held_key_walks_then_decays_and_a_lost_terminal_stops(robot: Robot, terminal: Terminal) -> None:
    began = robot.stand()
    terminal.hold(b"w", lambda: robot.now.x_m > began.x_m + 0.25)
    held = robot.now
    assert held.mode == "active" and held.vx_m_s == pytest.approx(0.3)
    assert is_a_decay(let_go(robot, began.tick))
    assert "active   held      forward  0.30  left  0.00 m/s  turn  0.00 rad/s  speed 100%" in terminal.screen
    assert "active   not held  forward  0.00" in terminal.screen
    terminal.hold(b"\x1b[A", lambda: robot.now.vx_m_s > 0.29)
    again = robot.now
    terminal.hang_up()
    code, err = terminal.end()
    assert (code, err) == (3, f"robotctl: the terminal is gone; {STOPS}\n")
    wait_for(lambda: robot.now.mode == "fault")
    after = robot.seen(again.tick)
    assert next(seen.vx_m_s for seen in after if seen.mode == "stopping") == 0.0, "first zero, then the stop"
    assert [seen.mode for seen in after if seen.vx_m_s] == ["active"] * len([seen for seen in after if seen.vx_m_s])


@pytest.mark.parametrize("key, mode, said", [(b" ", "stopping", "crouch"), (b"x", "fault", "torque")])
def test_the_keys_that_stop_need_no_deadman(robot: Robot, terminal: Terminal, key: bytes, mode: str, said: str) -> None:
    began = robot.stand()
    wait_for(lambda: "not held" in terminal.screen)
    terminal.press(key)
    assert terminal.end() == (0, "")
    assert said in terminal.screen.lower().splitlines()[-1]
    wait_for(lambda: robot.now.mode == "fault")
    modes = [seen.mode for seen in robot.seen(began.tick)]
    assert next(each for each in modes if each not in ("standby", "active")) == mode


def test_it_ends_with_the_robot_standing_and_the_command_free(robot: Robot, terminal: Terminal) -> None:
    robot.stand()
    wait_for(lambda: "not held" in terminal.screen)
    terminal.press(b"\x04")
    assert terminal.end() == (0, "")
    status = robot.daemon.status()
    assert (status.mode, status.silent_s) == ("active", None)


def test_ctrl_c_frees_the_command_too(robot: Robot, terminal: Terminal) -> None:
    robot.stand()
    wait_for(lambda: "not held" in terminal.screen)
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == (130, "\n")
    assert robot.daemon.status().silent_s is None


def test_a_robot_that_stops_by_itself_is_explained(robot: Robot, terminal: Terminal) -> None:
    robot.stand()
    wait_for(lambda: "not held" in terminal.screen and "active" in terminal.screen)
    assert cli.run(["stop", "--socket", str(robot.daemon.socket)]) == 0
    code, err = terminal.end()
    assert code == 1 and "robotctl: the robot is in stopping\n  OPERATOR: somebody asked for the stop" in err


def test_a_driver_that_is_killed_is_stopped_by_robotd_itself(robot: Robot, terminal: Terminal) -> None:
    began = robot.stand()
    terminal.hold(b"w", lambda: robot.now.vx_m_s > 0.29)
    terminal.process.kill()
    wait_for(lambda: robot.now.mode == "fault")
    assert "LINK: who steered fell silent" in fault_lines(robot.faults_since(began.tick))[0]
    assert next(seen.vx_m_s for seen in robot.seen(began.tick) if seen.mode == "stopping") == 0.0


class Pad:
    """A gamepad in the hand of a person, and drive() in a thread."""

    def __init__(self, robot: Robot) -> None:
        read, self._write = os.pipe2(os.O_NONBLOCK)
        self.ended: list[int | str] = []
        self._thread = threading.Thread(target=self._drive, args=(robot, Gamepad(read, RANGES)))
        self._thread.start()

    def say(self, *inputs: tuple[int, int, int]) -> None:
        os.write(self._write, b"".join(INPUT_EVENT.pack(0, 0, *each) for each in (*inputs, (0, 0, 0))))

    def pull(self) -> None:
        os.close(self._write)

    def end(self) -> int | str:
        self._thread.join(90)
        return self.ended[0]

    def _drive(self, robot: Robot, gamepad: Gamepad) -> None:
        try:
            with Client(robot.daemon.socket, 90) as client:
                self.ended.append(drive(client, [gamepad], SETUP, time.monotonic, Screen("")))
        except Unreachable as problem:
            self.ended.append(problem.message)
        finally:
            os.close(gamepad.fd)


def test_a_gamepad_walks_while_its_button_is_down_and_stops_when_it_is_pulled(robot: Robot) -> None:
    began, pad = robot.stand(), Pad(robot)
    pad.say((EV_ABS, ABS_Y, -32768))
    time.sleep(0.3)
    assert robot.now.vx_m_s == 0.0, "the stick alone moves nothing"

    def walked() -> bool:
        pad.say((EV_KEY, BTN_TL, 1), (EV_ABS, ABS_Y, -32768))  # a hand is never quite still
        return robot.now.x_m > began.x_m + 0.25

    wait_for(walked)
    assert robot.now.vx_m_s == pytest.approx(0.3)
    pad.say((EV_KEY, BTN_TL, 0))
    assert is_a_decay(let_go(robot, began.tick))
    pad.say((EV_KEY, BTN_TL, 1))
    wait_for(lambda: robot.now.vx_m_s > 0.29)
    again = robot.now
    pad.pull()
    assert pad.end() == f"the gamepad is gone; {STOPS}"
    wait_for(lambda: robot.now.mode == "fault")
    assert next(seen.vx_m_s for seen in robot.seen(again.tick) if seen.mode == "stopping") == 0.0


def test_a_gamepad_button_stops_without_the_deadman(robot: Robot) -> None:
    robot.stand()
    pad = Pad(robot)
    pad.say((EV_KEY, BTN_EAST, 1))
    assert pad.end() == 0
    wait_for(lambda: robot.now.mode == "fault")


def test_without_a_terminal_or_a_gamepad_it_is_one_sentence(robot: Robot, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, "teleop", "--socket", str(robot.daemon.socket)]
    for words, code, sentence in (
        ([], 2, "found no terminal on stdin"),
        (["--device", str(tmp_path / "event9")], 3, "event9: No such file or directory; plug the gamepad in"),
        (["--max-turn", "9"], 2, "--max-turn"),
    ):
        done = subprocess.run([*command, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert done.returncode == code and done.stdout == ""
        assert sentence in done.stderr and done.stderr.count("\n") == 1

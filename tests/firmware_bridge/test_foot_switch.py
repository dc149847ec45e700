"""Foot switches: debounce by table, levels, pins, and the interface of RPi.GPIO."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imu_rig import SimulatedClock

from contract import FOOT_SWITCHES
from firmware_bridge.bno085 import Bno085
from firmware_bridge.bno085_failure import Bno085Error
from firmware_bridge.bno085_wire import Bno085Config, Bno085Wire
from firmware_bridge.emulator.foot_contact import FootContacts
from firmware_bridge.emulator.gpio import EmulatedGpio
from firmware_bridge.foot_switch import PINS, Debounce, FootSwitchError, FootSwitches
from firmware_bridge.gpio import import_gpio

# samples after rest open: what is decided after each, and the chatter at the end
DEBOUNCE = (
    ("0000", "0000", 0),
    ("1", "0", 0),
    ("11", "01", 0),
    ("1111", "0111", 0),
    ("1000", "0000", 1),
    ("101", "001", 1),
    ("10100", "00100", 1),
    ("110", "011", 0),
    ("1100", "0110", 0),
    ("110111", "011111", 1),
    ("100100100", "000000000", 3),
)


def bits(text: str) -> list[bool]:
    return [letter == "1" for letter in text]


def run(samples: list[bool], rest: bool = False) -> tuple[list[bool], int]:
    state, decided = Debounce.at(rest), []
    for sample in samples:
        state = state.take(sample)
        decided.append(state.pressed)
    return decided, state.chatter


@pytest.mark.parametrize(("samples", "decided", "chatter"), DEBOUNCE)
def test_debounce(samples: str, decided: str, chatter: int) -> None:
    assert run(bits(samples)) == (bits(decided), chatter)


@pytest.mark.parametrize(("samples", "decided", "chatter"), DEBOUNCE)
def test_debounce_has_no_favourite(samples: str, decided: str, chatter: int) -> None:
    assert run([not bit for bit in bits(samples)], rest=True) == ([not bit for bit in bits(decided)], chatter)


@pytest.mark.parametrize("window", list(product((False, True), repeat=3)))
def test_two_of_three_decide(window: tuple[bool, bool, bool]) -> None:
    assert run(list(window))[0][-1] == (sum(window) >= 2)


@given(st.lists(st.booleans(), max_size=50))
def test_what_is_decided_was_sampled_twice_of_late(samples: list[bool]) -> None:
    decided, _ = run(samples)
    padded = [False, False, *samples]
    assert decided == [sum(padded[n : n + 3]) >= 2 for n in range(len(samples))]


class Rig:
    def __init__(self) -> None:
        self.clock, self.gpio = SimulatedClock(), EmulatedGpio()
        self.touch = [False] * 4
        self.contacts = FootContacts(self.gpio, lambda: self.touch, clock=self.clock)
        self.switches = FootSwitches(self.gpio, clock=self.clock)

    def poll(self, times: int = 1, period_s: float = 0.004) -> tuple[bool, ...]:
        for _ in range(times):
            self.clock.sleep(period_s)
            self.switches.poll()
        return self.switches.newest().pressed


def test_names_and_pins() -> None:
    assert tuple(PINS) == FOOT_SWITCHES
    assert PINS == {"left_toe": 5, "left_heel": 6, "right_toe": 13, "right_heel": 19}
    assert Rig().switches.names == FOOT_SWITCHES


@pytest.mark.parametrize("switch", range(4))
def test_each_pin_is_its_switch(switch: int) -> None:
    rig = Rig()
    rig.touch[switch] = True
    assert rig.poll(5) == tuple(n == switch for n in range(4))


def test_pressed_is_low() -> None:
    rig = Rig()
    assert [rig.gpio.input(pin) for pin in PINS.values()] == [1, 1, 1, 1]
    rig.gpio.drive(5, lambda: 0)
    assert rig.poll(2) == (True, False, False, False)


def test_a_press_is_known_within_bounce_and_two_polls() -> None:
    rig = Rig()
    rig.poll(10)
    rig.touch = [True] * 4
    polls = next(n for n in range(1, 20) if all(rig.poll()))
    assert polls <= 5


def test_age() -> None:
    rig = Rig()
    rig.poll()
    reading = rig.switches.newest()
    rig.clock.sleep(0.25)
    assert reading.age_s(rig.clock()) == pytest.approx(0.25)
    assert rig.switches.poll().age_s(rig.clock()) == 0


def test_as_a_task() -> None:
    rig = Rig()

    async def watch() -> None:
        task = asyncio.create_task(rig.switches.run(0.001))
        rig.touch[2] = True
        rig.clock.sleep(0.1)
        for _ in range(2000):
            await asyncio.sleep(0.001)
            rig.clock.sleep(0.001)
            if rig.switches.newest().pressed == (False, False, True, False):
                break
        task.cancel()

    asyncio.run(watch())
    assert rig.switches.newest().pressed == (False, False, True, False)


def test_one_pin_twice_is_refused() -> None:
    with pytest.raises(FootSwitchError, match="each GPIO once"):
        FootSwitches(EmulatedGpio(), {"left_toe": 5, "left_heel": 5})


def test_a_pin_that_does_not_exist_is_refused() -> None:
    with pytest.raises(FootSwitchError, match=r"GPIO 99 cannot be set up"):
        FootSwitches(EmulatedGpio(), {"left_toe": 99})


def test_without_its_library_the_driver_names_the_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "RPi", None)
    with pytest.raises(FootSwitchError, match=r"wildrobot\[pi4\].*wildrobot\[pi5\]"):
        FootSwitches.open()


def test_the_real_library_is_taken_by_its_import_name(monkeypatch: pytest.MonkeyPatch) -> None:
    gpio = EmulatedGpio()
    monkeypatch.setitem(sys.modules, "RPi", SimpleNamespace(GPIO=gpio))
    monkeypatch.setitem(sys.modules, "RPi.GPIO", gpio)
    switches = FootSwitches.open()
    assert switches.poll().pressed == (False, False, False, False)
    switches.close()
    with pytest.raises(RuntimeError, match="setup"):
        gpio.input(5)


LIKE_LGPIO = """
import os
folder = os.environ.get("LG_WD") or os.getcwd()
os.chdir(folder)
try:
    os.mkfifo(".lgd-nfy0")
except OSError:
    raise FileNotFoundError(2, "No such file or directory", ".lgd-nfy-3") from None
"""


@pytest.fixture
def like_lgpio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package RPi.GPIO that makes a pipe as it is imported, and a current folder where none can be made."""
    (tmp_path / "RPi").mkdir()
    (tmp_path / "RPi" / "__init__.py").touch()
    (tmp_path / "RPi" / "GPIO.py").write_text(LIKE_LGPIO)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("LG_WD", raising=False)
    monkeypatch.chdir("/proc")
    yield tmp_path
    for name in ("RPi", "RPi.GPIO"):
        sys.modules.pop(name, None)


def test_the_pipe_of_lgpio_is_made_apart_and_the_current_folder_stays(
    like_lgpio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (like_lgpio / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(like_lgpio / "temporary"))
    module = import_gpio()
    assert Path(module.folder).parent == like_lgpio / "temporary", "as the unit's folder is /, which is read-only"
    assert os.getcwd() == "/proc" and "LG_WD" not in os.environ
    assert os.listdir(like_lgpio / "temporary") == []


def test_a_folder_for_pipes_that_somebody_chose_counts(like_lgpio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (like_lgpio / "chosen").mkdir()
    monkeypatch.setenv("LG_WD", str(like_lgpio / "chosen"))
    assert import_gpio().folder == str(like_lgpio / "chosen")
    assert os.getcwd() == "/proc" and os.environ["LG_WD"] == str(like_lgpio / "chosen")


def test_a_library_that_cannot_start_is_one_sentence(like_lgpio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LG_WD", "/proc")
    for error, open_it in ((FootSwitchError, FootSwitches.open), (Bno085Error, lambda: Bno085.open(Bno085Config()))):
        monkeypatch.setitem(sys.modules, "spidev", SimpleNamespace())
        with pytest.raises(error, match=r"lgd-nfy-3.*wildrobot\[pi5\]") as caught:
            open_it()
        assert "\n" not in str(caught.value)


def test_a_chip_that_lgpio_may_not_open_is_one_sentence() -> None:
    class LgpioError(Exception):
        pass

    class Shut(EmulatedGpio):
        lgpio = SimpleNamespace(error=LgpioError)

        def setmode(self, mode: int) -> None:
            raise LgpioError("can not open gpiochip")

    with pytest.raises(FootSwitchError, match="can not open gpiochip"):
        FootSwitches(Shut())
    with pytest.raises(Bno085Error, match="can not open gpiochip"):
        Bno085Wire(SimpleNamespace(open=lambda *_: None, close=lambda: None), Shut(), Bno085Config())


class TestEmulatedGpio:
    """The emulated pins refuse what RPi.GPIO refuses."""

    def test_numbering_comes_first(self) -> None:
        with pytest.raises(RuntimeError, match="setmode"):
            EmulatedGpio().setup(5, EmulatedGpio.IN)

    def test_numbering_does_not_change(self) -> None:
        gpio = EmulatedGpio()
        gpio.setmode(gpio.BCM)
        gpio.setmode(gpio.BCM)
        with pytest.raises(ValueError, match="different mode"):
            gpio.setmode(gpio.BOARD)
        assert gpio.getmode() == gpio.BCM

    def test_pulls(self) -> None:
        gpio = EmulatedGpio()
        gpio.setmode(gpio.BCM)
        gpio.setup((5, 6), gpio.IN, pull_up_down=gpio.PUD_UP)
        gpio.setup(13, gpio.IN, pull_up_down=gpio.PUD_DOWN)
        assert [gpio.input(pin) for pin in (5, 6, 13)] == [1, 1, 0]

    def test_outputs_reach_who_listens(self) -> None:
        gpio, heard = EmulatedGpio(), []
        gpio.setmode(gpio.BCM)
        gpio.listen(27, heard.append)
        gpio.setup(27, gpio.OUT, initial=gpio.HIGH)
        gpio.output(27, gpio.LOW)
        assert (heard, gpio.input(27)) == ([1, 0], 0)

    def test_an_input_is_no_output(self) -> None:
        gpio = EmulatedGpio()
        gpio.setmode(gpio.BCM)
        gpio.setup(5, gpio.IN)
        with pytest.raises(RuntimeError, match="OUTPUT"):
            gpio.output(5, 1)

    def test_cleanup(self) -> None:
        gpio = EmulatedGpio()
        gpio.setmode(gpio.BCM)
        gpio.setup((5, 6), gpio.IN)
        gpio.cleanup(5)
        with pytest.raises(RuntimeError, match="setup"):
            gpio.input(5)
        gpio.cleanup()
        assert gpio.getmode() is None

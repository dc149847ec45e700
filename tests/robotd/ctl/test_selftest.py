"""robotctl selftest: every row of the fault table has an injection, and two of them run from end to end.

Times are not asserted: this machine has other work. They are what the verb is for, where it has none.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from bench_rig import Robotctl

from contract import Bundle
from firmware_bridge.emulator.witness import Arrival
from robotd.config import RobotdConfig, SafetyConfig
from robotd.ctl.fault_trial import Found, judge_crouch, judge_limp
from robotd.ctl.injections import COMMAND_S, INJECTIONS, Swayer
from robotd.ctl.selftest import Line
from robotd.fault_table import FAULT_TABLE

BOUNDS = SafetyConfig()


def test_every_row_of_the_table_is_injected_exactly_once() -> None:
    assert Counter(id(injection.row) for injection in INJECTIONS) == Counter(map(id, FAULT_TABLE))
    assert len({injection.name for injection in INJECTIONS}) == len(INJECTIONS)


def test_what_is_promised_is_condition_and_debounce_and_40_ms() -> None:
    promised = {injection.name: injection.promised_s(BOUNDS, 0.02) for injection in INJECTIONS}
    assert promised == pytest.approx(
        {
            "NONFINITE crouch": 0.04,
            "TILT limp": 0.06 + 0.04,
            "IMU_STALE crouch": 0.06 + 0.04,
            "IMU_STALE limp": 0.2 + 0.04,
            "JOINT_STALE crouch": 0.16 + 0.04,
            "BUS crouch": 0.04,
            "OVERRUN crouch": 3 * 0.02 + 0.04,
            "JOINT_LIMIT crouch": 0.06 + 0.04,
            "TRACKING crouch": 0.3 + 0.04,
            "OVERHEAT crouch": 1 + 0.04,
            "UNDERVOLT crouch": 1 + 0.04,
            "OPERATOR crouch": 0.04,
            "OPERATOR limp": 0.04,
            "LINK crouch": 0.5 + 0.5 + 0.04,
            "HEALTH_STALE crouch": 3 + 0.04,
            "FOOT_STALE crouch": 0.2 + 0.04,
            "TORQUE crouch": 0.3 + 0.04,
        }
    )
    assert COMMAND_S == 0.04


def test_a_line_passes_only_if_every_trial_kept_the_promise() -> None:
    injection = INJECTIONS[0]
    assert Line(injection, 0.04, [Found(0.01), Found(0.04)]).passed
    assert not Line(injection, 0.04, [Found(0.01), Found(0.041)]).passed
    failed = Line(injection, 0.04, [Found(0.01), Found(None, "no unload came on upper")])
    assert not failed.passed and failed.worst_s is None and failed.note == "no unload came on upper"


def arrival(stamp_s: float, bus: str, command: str = "load_or_unload_write", value: int = 0) -> Arrival:
    return Arrival(0, stamp_s, bus, 254, command, (value,), (1, 2))


def test_limp_counts_only_once_every_bus_has_heard_it() -> None:
    seen = [arrival(0.5, "a"), arrival(1.01, "a"), arrival(1.2, "b", value=1), arrival(1.03, "b")]
    assert judge_limp(seen, ["a", "b"], 1.0).took_s == pytest.approx(0.03)
    assert judge_limp(seen, ["a", "b", "c"], 1.0) == Found(None, "no unload came on c")
    assert judge_limp(seen[:1], ["a"], 1.0).took_s is None
    assert judge_limp([arrival(1.1, "a")._replace(heard=())], ["a"], 1.0).took_s is None


def move(stamp_s: float, units: int, address: int = 1) -> Arrival:
    return Arrival(0, stamp_s, "a", address, "move_time_write", (units, 20), (address,))


def test_a_crouch_counts_from_the_last_command_that_was_not_its_own() -> None:
    safe = {("a", 1): {500, 499}, ("a", 2): {300}}
    quiet = [move(0.9, 510), move(1.01, 500), move(1.2, 499)]
    assert judge_crouch(quiet, ["a"], 1.0, 1.015, safe).took_s == pytest.approx(0.015)
    late = [*quiet, move(1.03, 301, address=2)]
    assert judge_crouch(late, ["a"], 1.0, 1.015, safe).took_s == pytest.approx(0.03)
    again = [*quiet, move(1.25, 510)]  # the policy's command comes back: nothing safe follows
    assert judge_crouch(again, ["a"], 1.0, 1.015, safe).note == "no command of the crouch reached the wire"
    assert judge_crouch(quiet[:2], ["a"], 1.0, 1.015, safe).took_s is None
    dead = [*quiet, move(1.03, 510)._replace(bus="b")]
    assert judge_crouch(dead, ["a"], 1.0, 1.015, safe).took_s == pytest.approx(0.015)


def test_the_network_of_a_trial_never_says_the_same_twice_in_a_row(zero_bundle: Bundle) -> None:
    network = Swayer(zero_bundle.spec)
    actions = [network(np.zeros(1, np.float32)) for _ in range(20)]
    assert all(np.all(a != b) for a, b in pairwise(actions))
    network.fails = True
    assert np.all(np.isnan(network(np.zeros(1, np.float32))))


def test_two_faults_from_end_to_end(robotctl: Robotctl) -> None:
    said = robotctl("selftest", "--fault", "operator", "--no-realtime", "--json")
    assert said.code in (0, 1), said.err  # how soon the wires are safe is for a quiet machine to say
    report = said.json
    assert [(line["fault"], line["stop"], line["promised_s"]) for line in report["faults"]] == [
        ("OPERATOR", "crouch", 0.04),
        ("OPERATOR", "limp", 0.04),
    ]
    assert [line["how"] for line in report["faults"]] == ["stop is ordered", "estop is ordered"]
    for line in report["faults"]:
        assert len(line["times_s"]) == 1 and (line["worst_s"] is None) == bool(line["note"])
    assert report["passed"] == all(line["passed"] for line in report["faults"]) and said.code == (not report["passed"])


def test_a_fault_that_is_none_is_refused(robotctl: Robotctl) -> None:
    said = robotctl("selftest", "--fault", "TITL")
    assert said.code == 2 and "found 'TITL' (did you mean 'TILT'?)" in said.sentence


def test_names_and_words_fit_the_columns_of_the_table() -> None:
    assert max(len(str(row.fault.name)) for row in FAULT_TABLE) < 14
    assert max(len(injection.how) for injection in INJECTIONS) < 46


def test_the_table_is_for_people(robotctl: Robotctl, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.012, 0.031, None])

    def answer(injection: object, bundle: Bundle, config: RobotdConfig, phase: float) -> Found:
        took_s = next(times)
        return Found(took_s, "" if took_s else "no command of the crouch reached the wire")

    monkeypatch.setattr("robotd.ctl.selftest.try_once", answer)
    said = robotctl("selftest", "--fault", "NONFINITE", "--times", "2", "--no-realtime")
    assert said.code == 0 and "worst of 2" in said.out and "all 1 passed" in said.out
    assert " ".join(said.out.splitlines()[1].split()) == "NONFINITE crouch the network answers NaN 40 ms 31 ms pass"
    said = robotctl("selftest", "--fault", "LINK", "--no-realtime")
    assert said.code == 1 and "FAIL (no command of the crouch reached the wire)" in said.out
    assert "1 of 1 FAILED" in said.out

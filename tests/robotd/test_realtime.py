"""What Linux grants and refuses: asked for real, in processes of their own, and never a reason not to start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from robotd.config import RealtimeConfig
from robotd.realtime import starved_cgroup

ASK = """
import json, os, resource, sys
from robotd import realtime
from robotd.config import RealtimeConfig
before, config = sys.argv[1:]
exec(before)
steps = realtime.prepare(RealtimeConfig.model_validate_json(config))
locked = next(line for line in open("/proc/self/status") if line.startswith("VmLck")).split()[1]
print(json.dumps({
    "steps": [step._asdict() for step in steps],
    "scheduler": [os.sched_getscheduler(0), os.sched_getparam(0).sched_priority],
    "cpus": sorted(os.sched_getaffinity(0)),
    "locked_kib": int(locked),
}))
"""
NOBODY = "os.setuid(65534); resource.setrlimit(resource.RLIMIT_MEMLOCK, (65536, 65536))"
V1_CPU = Path("/sys/fs/cgroup/cpu")
HELD = "9:name=systemd:/\n1:cpu,cpuacct:/docker/x\n0::/\n"
MOUNT = "31 24 0:27 / {folder} rw,nosuid - cgroup cgroup rw,cpu,cpuacct\n"


def ask(before: str = "", **config: object) -> dict:
    """What `prepare` got in a process that did something first."""
    command = [sys.executable, "-c", ASK, before, json.dumps(config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    said["steps"] = {step.pop("name"): step for step in said["steps"]}
    return said


def test_whatever_is_granted_is_really_so() -> None:
    cpu = min(os.sched_getaffinity(0))
    said = ask(priority=11, cpus=[cpu])
    steps = said["steps"]
    assert set(steps) == {"cpus", "memory lock", "heap", "idle states", "scheduling"}
    assert steps["cpus"]["ok"] and said["cpus"] == [cpu]
    assert steps["scheduling"]["ok"] == (said["scheduler"] == [os.SCHED_FIFO, 11])
    assert steps["memory lock"]["ok"] == (said["locked_kib"] > 1000)
    assert all(step["ok"] or step["fix"] for step in steps.values())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_what_is_refused_is_named_with_its_fix() -> None:
    said = ask(NOBODY)
    scheduling, memory = said["steps"]["scheduling"], said["steps"]["memory lock"]
    assert not scheduling["ok"] and scheduling["found"] == "SCHED_FIFO 70 refused (Operation not permitted)"
    assert "LimitRTPRIO=70" in scheduling["fix"] or "cgroup v1" in scheduling["fix"]
    assert not memory["ok"] and "LimitMEMLOCK" in memory["fix"]
    assert said["scheduler"] == [os.SCHED_OTHER, 0]


def test_a_cpu_that_is_not_there_is_refused_and_those_that_are_are_named() -> None:
    said = ask(cpus=[1000])
    assert not said["steps"]["cpus"]["ok"]
    assert "1000 refused (Invalid argument)" in said["steps"]["cpus"]["found"]
    assert said["cpus"] == sorted(os.sched_getaffinity(0))


def test_it_can_be_switched_off() -> None:
    said = ask(enabled=False)
    assert list(said["steps"]) == ["real time"] and said["scheduler"][0] == os.SCHED_OTHER
    assert not ask(lock_memory=False)["steps"]["memory lock"]["ok"]


def test_bounds_of_the_config_cannot_be_widened() -> None:
    for bad in ({"priority": 0}, {"priority": 91}, {"cpus": [-1]}):
        with pytest.raises(ValueError):
            RealtimeConfig.model_validate(bad)


@pytest.mark.parametrize(
    ("group", "mount", "runtime_us", "expected"),
    [
        (HELD, MOUNT, "0", "holds this process in /docker/x without real-time budget"),
        (HELD, MOUNT, "950000", ""),
        (HELD, MOUNT, None, ""),
        (HELD, "", "0", "that is not mounted here holds this process in /docker/x"),
        ("1:cpu:/\n0::/\n", "", None, ""),
        ("0::/user.slice\n", MOUNT, "0", ""),
        ("2:cpuset:/a\n0::/\n", MOUNT, "0", ""),
    ],
)
def test_a_cgroup_without_budget_is_named(
    tmp_path: Path, group: str, mount: str, runtime_us: str | None, expected: str
) -> None:
    (tmp_path / "cgroup").write_text(group)
    (tmp_path / "mountinfo").write_text(mount.format(folder=tmp_path))
    if runtime_us is not None:
        (tmp_path / "docker" / "x").mkdir(parents=True)
        (tmp_path / "docker" / "x" / "cpu.rt_runtime_us").write_text(runtime_us + "\n")
    said = starved_cgroup(tmp_path / "cgroup", tmp_path / "mountinfo")
    assert expected in said and bool(expected) == bool(said)


@pytest.fixture
def starving_group(tmp_path: Path) -> Iterator[Path]:
    """A cgroup v1 cpu group whose real-time budget is 0, as every new one's is."""
    if os.geteuid() != 0 or not (V1_CPU / "cpu.rt_runtime_us").exists():
        pytest.skip("needs root and a cgroup v1 cpu controller with real-time groups")
    group = V1_CPU / f"wildrobot-{os.getpid()}"
    group.mkdir()
    assert (group / "cpu.rt_runtime_us").read_text().strip() == "0"
    yield group
    group.rmdir()


def test_in_a_real_group_without_budget_even_root_is_refused_and_told_why(starving_group: Path) -> None:
    said = ask(f"open('{starving_group}/cgroup.procs', 'w').write(str(os.getpid()))")
    scheduling = said["steps"]["scheduling"]
    assert not scheduling["ok"] and said["scheduler"][0] == os.SCHED_OTHER
    assert f"in /{starving_group.name} without real-time budget" in scheduling["fix"]
    assert "even to root" in scheduling["fix"] and f"echo 950000 > {starving_group}" in scheduling["fix"]


def test_the_fix_for_it_works(starving_group: Path) -> None:
    try:
        (starving_group / "cpu.rt_runtime_us").write_text("100000")
    except OSError as problem:
        pytest.skip(f"the parent has no budget left to give ({problem.strerror})")
    said = ask(f"open('{starving_group}/cgroup.procs', 'w').write(str(os.getpid()))")
    assert said["steps"]["scheduling"]["ok"], said


def test_the_page_has_every_key_with_its_default_and_bounds() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "realtime.md").read_text()
    for name, field in RealtimeConfig.model_fields.items():
        bounds = {type(rule).__name__: rule for rule in field.metadata}
        allowed = f" {bounds['Ge'].ge} to {bounds['Le'].le} |" if "Ge" in bounds else ""
        assert f"| `{name}` | {json.dumps(field.default)} |{allowed}" in page, name

"""robotctl doctor: what it finds on machines made of files, and on this one."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from bench_rig import Robotctl

from contract import Bundle
from robotd.calibration import (
    CalibratedImu,
    CalibratedJoint,
    Calibration,
    calibration_path,
    robot_identity,
    save_calibration,
)
from robotd.config import RobotdConfig
from robotd.ctl import findings as module
from robotd.ctl.findings import Finding, devices, owner_of_bundles, packages, system
from robotd.lock import HardwareLock, lock_path

V1_CPU = Path("/sys/fs/cgroup/cpu")


def by_name(findings: object) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}  # type: ignore[attr-defined]


def pi(root: Path, governor: str = "performance", isolated: str = "3\n", realtime: str = "1\n") -> Path:
    """A Raspberry Pi's files, all in order."""
    files = {
        "etc/os-release": 'PRETTY_NAME="Raspberry Pi OS"\n',
        "sys/kernel/realtime": realtime,
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": governor,
        "sys/devices/system/cpu/isolated": isolated,
        **{f"dev/servo_{bus}": "" for bus in ("left_leg", "right_leg", "upper")},
        "dev/spidev0.0": "",
        "dev/gpiochip0": "",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_a_pi_in_order_has_nothing_to_improve(tmp_path: Path) -> None:
    found = by_name(system(pi(tmp_path)))
    assert found["os"].found.startswith("Raspberry Pi OS")
    for name in ("kernel", "governor", "isolated cpus"):
        assert found[name].level == "ok" and not found[name].fix, found[name]
    assert all(
        found.level == "ok" for name, found in by_name(devices(RobotdConfig(), tmp_path)).items() if name != "GPIO"
    )


@pytest.mark.parametrize(
    ("change", "name", "found", "fix"),
    [
        ({"governor": "ondemand\n"}, "governor", "ondemand", "performance"),
        ({"isolated": "\n"}, "isolated cpus", "none", "isolcpus=3"),
        ({"realtime": "0\n"}, "kernel", "", "PREEMPT_RT"),
    ],
)
def test_what_could_be_better_is_a_warning_with_its_fix(
    tmp_path: Path, change: dict[str, str], name: str, found: str, fix: str
) -> None:
    finding = by_name(system(pi(tmp_path, **change)))[name]
    assert finding.level == "warn" and found in finding.found and fix in finding.fix, finding


def test_a_device_that_is_missing_or_locked_is_a_fail_with_its_fix(tmp_path: Path) -> None:
    pi(tmp_path)
    (tmp_path / "dev/servo_upper").unlink()
    (tmp_path / "dev/spidev0.0").unlink()
    found = by_name(devices(RobotdConfig(), tmp_path))
    assert found["servo bus upper"].level == "fail" and "service install" in found["servo bus upper"].fix
    assert found["SPI of the IMU"].level == "fail" and "dtparam=spi=on" in found["SPI of the IMU"].fix
    assert found["servo bus left_leg"].level == "ok"


@pytest.mark.parametrize(("said", "level"), [("1\n", "ok"), ("16\n", "warn")])
def test_an_adapter_that_dawdles_is_a_warning_with_its_fix(tmp_path: Path, said: str, level: str) -> None:
    pi(tmp_path)
    port = tmp_path / "dev/servo_upper"
    port.rename(tmp_path / "dev/ttyUSB2")
    port.symlink_to("ttyUSB2")
    timer = tmp_path / "sys/bus/usb-serial/devices/ttyUSB2/latency_timer"
    timer.parent.mkdir(parents=True)
    timer.write_text(said)
    found = by_name(devices(RobotdConfig(), tmp_path))
    assert found["latency of upper"].level == level and "latency of left_leg" not in found
    assert (f"echo 1 | sudo tee {timer}" in found["latency of upper"].fix) is (level == "warn")


def test_the_packages_that_run_these_tests_are_found() -> None:
    assert by_name(packages())["packages"].level == "ok"


def test_it_ends_with_1_on_a_fail_and_says_all_as_json(
    robotctl: Robotctl, tmp_path: Path, zero_bundle_path: Path
) -> None:
    said = robotctl("doctor", "--json", "--root", pi(tmp_path / "pi"), "--bundle", tmp_path / "none")
    assert said.code == 1 and not said.json["passed"]
    found = {finding["name"]: finding for finding in said.json["findings"]}
    assert found["bundle"]["level"] == "fail" and str(tmp_path / "none") in found["bundle"]["found"]
    assert found["config"]["level"] == "warn" and found["hardware lock"]["found"] == "free"
    said = robotctl("doctor", "--json", "--root", tmp_path / "pi", "--bundle", zero_bundle_path)
    assert {finding["name"]: finding["level"] for finding in said.json["findings"]}["bundle"] == "ok"
    text = robotctl("doctor", "--root", tmp_path / "pi", "--bundle", tmp_path / "none")
    assert "FAIL  bundle" in text.out and "to mend" in text.out


def test_a_config_that_does_not_fit_is_named_with_its_key(robotctl: Robotctl, tmp_path: Path) -> None:
    (tmp_path / "robotd.yaml").write_text("realtime: {priority: 99}\n")
    said = robotctl("doctor", "--config", tmp_path / "robotd.yaml", "--json")
    finding = next(finding for finding in said.json["findings"] if finding["name"] == "config")
    assert finding["level"] == "fail" and "realtime.priority" in finding["found"]


def calibration_finding(robotctl: Robotctl, bundle: Path) -> dict[str, str]:
    said = robotctl("doctor", "--json", "--bundle", bundle)
    return next(finding for finding in said.json["findings"] if finding["name"] == "calibration")


NOW = datetime.datetime.now(datetime.UTC)
LONG_AGO = NOW - datetime.timedelta(days=200)


@pytest.mark.parametrize(
    ("date", "doubts", "level", "found", "fix"),
    [
        (NOW, [], "ok", "0 days old, verified", ""),
        (NOW, None, "fail", "not verified", "robotctl calibrate verify"),
        (NOW, ["left_knee_pitch turns the other way"], "fail", "left_knee_pitch turns the other way", "calibrate"),
        (LONG_AGO, [], "fail", "200 days old, expected at most 180", "robotctl calibrate"),
    ],
)
def test_the_calibration_is_looked_at(
    robotctl: Robotctl,
    zero_bundle: Bundle,
    date: datetime.datetime,
    doubts: list[str] | None,
    level: str,
    found: str,
    fix: str,
) -> None:
    assert zero_bundle.robot_config is not None
    assert calibration_finding(robotctl, zero_bundle.path)["level"] == "fail", "there is none yet"
    wiring = RobotdConfig().hardware
    joints = {
        name: CalibratedJoint(
            bus=wire.bus, servo_id=wire.servo_id, **wiring.calibration[name].model_dump(), range_rad=[-1.0, 1.0]
        )
        for name, wire in wiring.joints.items()
    }
    calibration = Calibration(
        robot=robot_identity(zero_bundle.robot_config),
        date=date.isoformat(),
        joints=joints,
        imu=CalibratedImu(mounting_wxyz=[1.0, 0.0, 0.0, 0.0]),
        foot_switches=wiring.foot_switches.all,
        doubts=doubts,
    )
    save_calibration(calibration_path(), calibration)
    finding = calibration_finding(robotctl, zero_bundle.path)
    assert (finding["level"], found in finding["found"], fix in finding["fix"]) == (level, True, True), finding
    calibration_path().write_text(calibration_path().read_text().replace("direction: -1", "direction: 1", 1))
    broken = calibration_finding(robotctl, zero_bundle.path)
    assert broken["level"] == "fail" and "a hand has changed it" in broken["found"]


def test_it_says_who_holds_the_hardware_and_changes_nothing(robotctl: Robotctl, own_home: Path) -> None:
    with HardwareLock("robotd"):
        said = robotctl("doctor", "--json")
    finding = next(finding for finding in said.json["findings"] if finding["name"] == "hardware lock")
    assert finding["level"] == "ok" and f"robotd (pid {os.getpid()}) holds" in finding["found"]
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_a_look_before_the_first_start_makes_no_lock(robotctl: Robotctl, own_home: Path) -> None:
    assert robotctl("doctor", "--json").code == 1
    assert not list(own_home.rglob("lock"))


def test_a_link_in_the_place_of_the_lock_is_a_fail(robotctl: Robotctl, own_home: Path, tmp_path: Path) -> None:
    lock_path().parent.mkdir(parents=True)
    lock_path().symlink_to(tmp_path / "victim")
    said = robotctl("doctor", "--json")
    finding = next(finding for finding in said.json["findings"] if finding["name"] == "hardware lock")
    assert finding["level"] == "fail" and "is a link" in finding["found"] and finding["fix"]
    assert not (tmp_path / "victim").exists()


@pytest.mark.parametrize("works", [True, False])
def test_gpio_is_in_order_only_if_its_library_can_be_imported(
    works: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "version", lambda name: "0.6")
    monkeypatch.setitem(sys.modules, "RPi", SimpleNamespace() if works else None)
    monkeypatch.setitem(sys.modules, "RPi.GPIO", SimpleNamespace() if works else None)
    found = by_name(devices(RobotdConfig(), pi(tmp_path)))["GPIO"]
    assert (found.level == "ok") is works and "RPi.GPIO 0.6" in found.found, found
    assert works or ("does not start" in found.found and "pi5" in found.fix)


def test_bundles_that_robotd_could_change_are_a_warning_with_its_fix(tmp_path: Path) -> None:
    folder, me = tmp_path / "bundles", os.geteuid()
    assert list(owner_of_bundles(folder, me)) == []
    (folder / "walking").mkdir(parents=True)
    (folder / "walking" / "policy.onnx").touch(0o644)
    (folder / "link").symlink_to("walking")
    folder.chmod(0o755)
    (folder / "walking").chmod(0o755)
    assert [found.level for found in owner_of_bundles(folder, me)] == ["ok"]
    assert [found.level for found in owner_of_bundles(folder, me + 1)] == ["warn"]
    (folder / "walking" / "policy.onnx").chmod(0o664)
    (found,) = owner_of_bundles(folder, me)
    assert found.level == "warn" and "policy.onnx" in found.found and f"chown -R root: {folder}" in found.fix


@pytest.fixture
def starving_group() -> Iterator[Path]:
    """A cgroup v1 cpu group whose real-time budget is 0, as every new one's is."""
    if os.geteuid() != 0 or not (V1_CPU / "cpu.rt_runtime_us").exists():
        pytest.skip("needs root and a cgroup v1 cpu controller with real-time groups")
    group = V1_CPU / f"wildrobot-doctor-{os.getpid()}"
    group.mkdir()
    yield group
    group.rmdir()


def test_a_cgroup_that_refuses_real_time_even_to_root_is_named(starving_group: Path) -> None:
    code = (
        f"import os; open('{starving_group}/cgroup.procs', 'w').write(str(os.getpid()))\n"
        "from robotd.ctl.cli import run; run(['doctor', '--json'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    finding = next(f for f in json.loads(done.stdout)["findings"] if f["name"] == "real-time rights")
    assert finding["level"] == "warn" and "Operation not permitted" in finding["found"]
    assert "cgroup v1 cpu controller" in finding["fix"] and "even to root" in finding["fix"]

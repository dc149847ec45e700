"""What `robotctl doctor` looks at: each look gives one finding, and none changes anything."""

from __future__ import annotations

import os
import platform
import resource
import stat
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from firmware_bridge.gpio import import_gpio
from robotd import realtime

if TYPE_CHECKING:
    from robotd.config import RobotdConfig

OK, WARN, FAIL = "ok", "warn", "fail"
PACKAGES = ("numpy", "onnxruntime", "pydantic", "pyserial", "msgpack", "click", "pyyaml")
MIN_MEMLOCK_BYTES = 1 << 30


class Finding(NamedTuple):
    """level: ok, warn (robotd runs, but worse) or fail (it does not run). fix: empty where nothing is missing."""

    name: str
    level: str
    found: str
    fix: str = ""


def system(root: Path) -> Iterable[Finding]:
    """OS, kernel, CPUs, real-time rights. `root` is where /proc and /sys are looked for."""
    yield Finding("os", OK, _os_name(root))
    yield _kernel(root)
    yield _rt_rights()
    yield _memory_lock()
    yield _governor(root)
    yield _isolated(root)


def _os_name(root: Path) -> str:
    for line in _text(root / "etc/os-release").splitlines():
        if line.startswith("PRETTY_NAME="):
            return f"{line.partition('=')[2].strip(chr(34))}, {platform.machine()}, Python {platform.python_version()}"
    return f"{platform.system()}, {platform.machine()}, Python {platform.python_version()}"


def _kernel(root: Path) -> Finding:
    release, build = platform.release(), platform.version()
    if _text(root / "sys/kernel/realtime").strip() == "1" or "PREEMPT_RT" in build:
        return Finding("kernel", OK, f"{release}, PREEMPT_RT")
    kind = next((word for word in build.split() if word.startswith("PREEMPT")), "no PREEMPT")
    fix = "a PREEMPT_RT kernel bounds the worst lateness: on Raspberry Pi OS, apt install linux-image-rt-arm64"
    return Finding("kernel", WARN, f"{release}, {kind}", fix)


def _rt_rights() -> Finding:
    """Whether this process may have SCHED_FIFO: asked for, in a child, and given back with it."""
    wanted = 70
    problem = _in_child(lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(wanted)))
    if not problem:
        return Finding("real-time rights", OK, f"SCHED_FIFO {wanted} is granted")
    return Finding("real-time rights", WARN, f"SCHED_FIFO {wanted}: {problem}", realtime.why_no_fifo(wanted))


def _memory_lock() -> Finding:
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if soft == resource.RLIM_INFINITY or os.geteuid() == 0:
        return Finding("memory lock", OK, "no limit")
    found = f"at most {soft >> 10} KiB"
    if soft >= MIN_MEMLOCK_BYTES:
        return Finding("memory lock", OK, found)
    return Finding("memory lock", WARN, found, "memlock unlimited in /etc/security/limits.d, or run it as a service")


def _governor(root: Path) -> Finding:
    files = sorted((root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor"))
    governors = {_text(file).strip() for file in files}
    if not governors:
        return Finding("governor", OK, "the kernel does not change the frequency")
    if governors == {"performance"}:
        return Finding("governor", OK, "performance")
    fix = "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
    return Finding("governor", WARN, ", ".join(sorted(governors)), fix)


def _isolated(root: Path) -> Finding:
    cpus = _text(root / "sys/devices/system/cpu/isolated").strip()
    if cpus:
        return Finding("isolated cpus", OK, cpus)
    fix = "isolcpus=3 in /boot/firmware/cmdline.txt and realtime.cpus: [3] in robotd.yaml keep other work away"
    return Finding("isolated cpus", WARN, "none", fix)


def packages() -> Iterable[Finding]:
    """What robotd imports, and whether it is there."""
    found, missing = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        yield Finding("packages", FAIL, f"missing: {', '.join(missing)}", f"{sys.executable} -m pip install wildrobot")
    else:
        yield Finding("packages", OK, ", ".join(found))


def owner_of_bundles(folder: Path, owner: int = 0) -> Iterable[Finding]:
    """Whether only root can change what robotd runs; nothing where no bundle is there. `owner`: who it must be."""
    name = "owner of the bundles"
    try:
        for path in (folder, *folder.rglob("*")):
            found = path.lstat()
            if found.st_uid != owner or (found.st_mode & 0o022 and not stat.S_ISLNK(found.st_mode)):
                said = f"{path}: of user {found.st_uid}, mode {stat.S_IMODE(found.st_mode):o}; robotd could change it"
                fix = f"look at what is there, then chown -R root: {folder} and chmod -R go-w {folder}"
                yield Finding(name, WARN, said, fix)
                return
    except FileNotFoundError:
        return
    except OSError as problem:
        yield Finding(name, WARN, f"{folder}: {problem.strerror}", "robotctl service install")
        return
    yield Finding(name, OK, "root")


def devices(config: RobotdConfig, root: Path) -> Iterable[Finding]:
    """Ports, SPI and GPIO as the wiring has them."""
    wiring = config.hardware
    for bus in wiring.used_buses:
        port = Path(wiring.buses[bus].port)
        fix = "plug the adapter in, or correct hardware.buses; `robotctl service install` gives ports stable names"
        port = root / port.relative_to("/") if port.is_absolute() else port
        yield _device(f"servo bus {bus}", port, fix)
        yield from _latency(bus, port, root)
    spi = root / f"dev/spidev{wiring.imu.spi_bus}.{wiring.imu.spi_device}"
    yield _device("SPI of the IMU", spi, "dtparam=spi=on in /boot/firmware/config.txt")
    yield _gpio(root)


def _device(name: str, path: Path, fix: str) -> Finding:
    if not path.exists():
        return Finding(name, FAIL, f"{path} is not there", fix)
    if not os.access(path, os.R_OK | os.W_OK):
        return Finding(name, FAIL, f"{path}: no permission", "be in group robot, and `robotctl service install`")
    return Finding(name, OK, str(path))


def _latency(bus: str, port: Path, root: Path) -> Iterable[Finding]:
    """How long a USB adapter keeps what it hears; nothing where it does not say."""
    timer = root / "sys/bus/usb-serial/devices" / port.resolve().name / "latency_timer"
    text = _text(timer).strip()
    if text == "1":
        yield Finding(f"latency of {bus}", OK, "1 ms")
    elif text:
        fix = f"echo 1 | sudo tee {timer}; `robotctl service install` brings a udev rule that keeps it so"
        yield Finding(f"latency of {bus}", WARN, f"{text} ms, which every answer waits for", fix)


def _gpio(root: Path) -> Finding:
    for name, package in (("RPi.GPIO", "RPi.GPIO"), ("rpi-lgpio", "rpi-lgpio")):
        try:
            found = f"{name} {version(package)}"
        except PackageNotFoundError:
            continue
        chips = sorted((root / "dev").glob("gpiochip*"))
        if not chips:
            return Finding("GPIO", FAIL, f"{found}, but no /dev/gpiochip*", "run it on a Raspberry Pi")
        try:
            import_gpio()
        except (ImportError, RuntimeError, OSError) as problem:
            fix = "install the extra of this Pi, pi4 or pi5, anew, and no other package that brings RPi.GPIO"
            return Finding("GPIO", FAIL, f"{found}, but it does not start: {problem}", fix)
        return Finding("GPIO", OK, f"{found}, {', '.join(map(str, chips))}")
    return Finding("GPIO", FAIL, "no backend", "pip install 'wildrobot[pi4]', on a Pi 5 'wildrobot[pi5]'")


def _in_child(attempt: Callable[[], object]) -> str:
    """Do something in a child that ends right afterwards; what the system said against it, nothing if it was done."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            attempt()
        except OSError as problem:
            os.write(write, (problem.strerror or str(problem)).encode())
        os._exit(0)
    os.close(write)
    said = os.read(read, 1000).decode()
    os.close(read)
    os.waitpid(child, 0)
    return said


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""

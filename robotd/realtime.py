"""What a Linux system can grant to a loop that must not be late. Each step says what it got; none stops robotd.

Thread by thread: scheduling and affinity hold for the calling thread and for threads that it starts afterwards.
"""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from robotd.config import RealtimeConfig

MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT = 1, 2, 4
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
HEAP_BYTES = 8 * 2**20
PAGE_BYTES = 4096
LATENCY_DEVICE = Path("/dev/cpu_dma_latency")
CGROUP_FILE, MOUNTS_FILE = Path("/proc/self/cgroup"), Path("/proc/self/mountinfo")


class Granted(NamedTuple):
    """One step. found: what is so now; fix: what to change in the system, empty where nothing is missing."""

    name: str
    ok: bool
    found: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.found}" + (f"; {self.fix}" if self.fix else "")


def prepare(config: RealtimeConfig) -> tuple[Granted, ...]:
    """Ask for everything, in the calling thread, before the first tick."""
    if not config.enabled:
        return (Granted("real time", False, "off in robotd.yaml", "set realtime.enabled: true"),)
    steps: tuple[Callable[[RealtimeConfig], Granted], ...] = (pin, lock_memory, touch_heap, keep_awake, go_first)
    return tuple(step(config) for step in steps)


def go_first(config: RealtimeConfig) -> Granted:
    """SCHED_FIFO for this thread."""
    name, wanted = "scheduling", f"SCHED_FIFO {config.priority}"
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(config.priority))
    except OSError as problem:
        return Granted(name, False, f"{wanted} refused ({problem.strerror})", why_no_fifo(config.priority))
    return Granted(name, True, wanted)


def lock_memory(config: RealtimeConfig) -> Granted:
    """Each page that this process has touched or will touch stays in memory.

    Not those that it never touches: most of onnxruntime, OpenBLAS and its buffers, over 100 MB. What the loop needs has
    been touched by `warm_up` and by the start.
    """
    name = "memory lock"
    if not config.lock_memory:
        return Granted(name, False, "off in robotd.yaml", "set realtime.lock_memory: true")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0:
        reason = os.strerror(ctypes.get_errno())
        return Granted(name, False, f"mlockall refused ({reason})", "LimitMEMLOCK=infinity in the unit, or ulimit -l")
    return Granted(name, True, "every page that is touched, now and later")


def touch_heap(config: RealtimeConfig) -> Granted:
    """Have the allocator hold memory that has been written to, and give none back."""
    libc = ctypes.CDLL(None)
    kept = libc.mallopt(M_TRIM_THRESHOLD, -1) and libc.mallopt(M_MMAP_MAX, 0)
    block = bytearray(HEAP_BYTES)
    for place in range(0, HEAP_BYTES, PAGE_BYTES):
        block[place] = 1
    del block
    if not kept:
        return Granted("heap", False, "this C library has no mallopt", "use glibc")
    return Granted("heap", True, f"{HEAP_BYTES >> 20} MiB touched and kept")


def pin(config: RealtimeConfig) -> Granted:
    """The CPUs of robotd.yaml."""
    name = "cpus"
    if not config.cpus:
        return Granted(name, True, f"any of {_spans(os.sched_getaffinity(0))}")
    try:
        os.sched_setaffinity(0, config.cpus)
    except OSError as problem:
        there = f"name CPUs of this machine in realtime.cpus: {_spans(set(range(os.cpu_count() or 1)))}"
        return Granted(name, False, f"{_spans(set(config.cpus))} refused ({problem.strerror})", there)
    return Granted(name, True, _spans(set(config.cpus)))


_latency_fd: int | None = None  # the wish holds as long as the file is open


def keep_awake(config: RealtimeConfig) -> Granted:
    """No CPU sleeps so deeply that waking takes time, until this process ends."""
    global _latency_fd
    name = "idle states"
    if not LATENCY_DEVICE.exists():
        return Granted(name, True, "this kernel manages none")
    if _latency_fd is not None:
        return Granted(name, True, "shallow")
    try:
        _latency_fd = os.open(LATENCY_DEVICE, os.O_WRONLY | os.O_CLOEXEC)
        os.write(_latency_fd, (0).to_bytes(4, "little"))
    except OSError as problem:
        fix = "`robotctl service install` brings a udev rule; be in group robot"
        return Granted(name, False, f"{LATENCY_DEVICE} refused ({problem.strerror})", fix)
    return Granted(name, True, "shallow")


def why_no_fifo(priority: int) -> str:
    """The cure for a refused SCHED_FIFO, most specific first."""
    if starved := starved_cgroup():
        return starved
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_RTPRIO)
    if soft != resource.RLIM_INFINITY and soft < priority and os.geteuid() != 0:
        return f"LimitRTPRIO={priority} in the unit, or rtprio {priority} in /etc/security/limits.d (now {soft})"
    return "run under a kernel and in a container that allow real-time scheduling (capability CAP_SYS_NICE)"


def starved_cgroup(cgroup_file: Path = CGROUP_FILE, mounts_file: Path = MOUNTS_FILE) -> str:
    """A sentence where a cgroup v1 cpu controller holds this process without real-time budget, else nothing.

    Such a group refuses SCHED_FIFO even to root. It is where services land if the v1 hierarchy is mounted and the
    kernel has CONFIG_RT_GROUP_SCHED.
    """
    group = _v1_cpu_group(cgroup_file)
    if group is None:
        return ""
    mount = _v1_cpu_mount(mounts_file)
    if mount is None:
        if group == "/":
            return ""
        return (
            f"a cgroup v1 cpu controller that is not mounted here holds this process in {group}, and a group without "
            "real-time budget refuses SCHED_FIFO even to root; move it to the root group, or boot with cgroup v2"
        )
    budget = mount / group.lstrip("/") / "cpu.rt_runtime_us"
    try:
        runtime_us = int(budget.read_text())
    except (OSError, ValueError):
        return ""
    if runtime_us != 0:
        return ""
    return (
        f"a cgroup v1 cpu controller holds this process in {group} without real-time budget ({budget} is 0), which "
        f"refuses SCHED_FIFO even to root; echo 950000 > {budget} (its parents first), or boot with cgroup v2"
    )


def _v1_cpu_group(cgroup_file: Path) -> str | None:
    for line in _lines(cgroup_file):
        _, controllers, group = line.split(":", 2)
        if "cpu" in controllers.split(","):
            return group
    return None


def _v1_cpu_mount(mounts_file: Path) -> Path | None:
    for line in _lines(mounts_file):
        before, _, after = line.partition(" - ")
        kind, _, options = [*after.split(" "), "", "", ""][:3]
        if kind == "cgroup" and "cpu" in options.split(","):
            return Path(re.sub(r"\\040", " ", before.split(" ")[4]))
    return None


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _spans(cpus: set[int]) -> str:
    """0-3,6 for {0, 1, 2, 3, 6}."""
    spans: list[list[int]] = []
    for cpu in sorted(cpus):
        if spans and cpu == spans[-1][1] + 1:
            spans[-1][1] = cpu
        else:
            spans.append([cpu, cpu])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in spans)

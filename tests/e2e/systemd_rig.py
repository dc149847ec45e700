"""A real systemd, a user manager in a mount namespace of its own, and robotd's shipped unit under it.

The servos live in a process of their own, so that they outlive robotd; IMU and foot switches are robotd's `bench` ones.
What is changed of the shipped unit is in `DROP_IN`, and nothing else: root in place of the user robot, other paths, and
two capabilities in place of the limits for real time, which a manager cannot raise where root lacks CAP_SYS_RESOURCE.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from firmware_bridge.emulator.bench import BenchProcess
from firmware_bridge.emulator.witness import Arrival
from robotd.ctl.service import text_of

SYSTEMD = Path("/lib/systemd/systemd")
LONG_S = 90.0
"""The most that a test waits for what comes in a second: other work on this machine must not fail it."""
BUSES = {"left_leg": (1, 2, 3, 4, 5), "right_leg": (6, 7, 8, 9, 10), "upper": (11,)}
SERVOS = tuple(servo_id for ids in BUSES.values() for servo_id in ids)
# PrivateTmp=no: the checkout that is tested may lie in /tmp.
DROP_IN = """[Service]
User=
Group=
Environment=WILDROBOT_HOME={folder}
ReadWritePaths={folder}
PrivateTmp=no
CapabilityBoundingSet=CAP_SYS_NICE CAP_IPC_LOCK
ExecStart=
ExecStart={folder}/bin/robotd --hal bench --bundle {bundle} --config {folder}/robotd.yaml
"""
# /run/systemd holds what a system's own manager has made before. Controllers of cgroup v1 are not for a manager beside
# another one; systemd's own hierarchy is, in a group of its own, so that two rigs do not share one.
MANAGER = """set -e
mkdir -p /run/systemd
mount -t tmpfs tmpfs /run/systemd
mkdir -p /run/systemd/system /run/systemd/inaccessible/dir
cd /run/systemd/inaccessible
mknod chr c 0 0; mknod blk b 0 0; mkfifo fifo; touch reg; chmod 000 *
cd /
while read -r _ path kind options _; do
  if [ "$kind" = cgroup ] && [ "${options#*name=systemd}" = "$options" ]; then umount "$path"; fi
done < /proc/mounts
if [ -d /sys/fs/cgroup/systemd ]; then
  mkdir -p "/sys/fs/cgroup/systemd/$GROUP"; echo $$ > "/sys/fs/cgroup/systemd/$GROUP/cgroup.procs"
fi
exec """


def why_not() -> str:
    """The reason why there can be no systemd here; nothing where there can."""
    if os.geteuid() != 0:
        return "a user manager in a mount namespace of its own needs root"
    if not SYSTEMD.exists():
        return f"{SYSTEMD} is not installed: apt install systemd"
    tried = subprocess.run(["unshare", "-m", "true"], capture_output=True, text=True, check=False)
    return f"unshare -m: {tried.stderr.strip()}" if tried.returncode else ""


class Rig:
    """robotd.service under a manager, the servos behind it, and what one does with them."""

    def __init__(self, folder: Path, bench: BenchProcess, environment: dict[str, str]) -> None:
        self.folder, self.bench, self.environment = folder, bench, environment

    def systemctl(self, *words: str, check: bool = True) -> str:
        """One command to the manager; its output."""
        done = subprocess.run(
            ["systemctl", "--user", *words], env=self.environment, capture_output=True, text=True, check=False
        )
        assert not check or done.returncode == 0, f"systemctl {' '.join(words)}: {done.stderr}\n{self.journal()}"
        return done.stdout.strip()

    def show(self, name: str) -> str:
        """One property of the unit."""
        return self.systemctl("show", "robotd", "--value", "--property", name)

    def start(self) -> None:
        """Start the unit; returns when it is ready."""
        self.systemctl("reset-failed", "robotd", check=False)
        self.systemctl("start", "robotd")

    def pid(self) -> int:
        """Of the daemon; 0 where there is none."""
        return int(self.show("MainPID") or 0)

    def journal(self) -> str:
        """What robotd and limp have said."""
        log = self.folder / "said.log"
        return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""

    def loads(self, since: int = 0) -> list[Arrival]:
        """Commands for torque that reached servos, from number `since` on."""
        return self.bench.control.witness(since, command="load_or_unload_write")

    def loaded(self) -> set[int]:
        """Servos whose torque is on, by all that ever reached them."""
        state = dict.fromkeys(SERVOS, 0)
        for arrival in self.loads():
            state |= dict.fromkeys(arrival.heard, arrival.values[0])
        return {servo_id for servo_id, on in state.items() if on}

    def unloaded_s(self, death_s: float) -> float:
        """How long after `death_s` (monotonic) the last servo heard that its torque goes off. Waits for it."""
        self.until(lambda: not self.loaded(), "servos are still loaded")
        state = dict.fromkeys(SERVOS, 0)
        last_s = death_s
        for arrival in self.loads():
            for servo_id in arrival.heard:
                if state[servo_id] and not arrival.values[0]:
                    last_s = max(last_s, arrival.stamp_s)
                state[servo_id] = arrival.values[0]
        return last_s - death_s

    def until(self, true: Callable[[], object], what: str) -> None:
        """Wait for something that comes soon."""
        begin_s = time.monotonic()
        while not true():
            assert time.monotonic() < begin_s + LONG_S, f"{what}\n{self.journal()}"
            time.sleep(0.01)

    def kill(self) -> float:
        """SIGKILL for the daemon; returns when, monotonic s."""
        pid = self.pid()
        death_s = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        return death_s

    def come_back(self, old_pid: int) -> None:
        """Wait until systemd has a new daemon, and it is ready."""
        self.until(
            lambda: self.pid() not in (0, old_pid) and self.show("ActiveState") == "active", "robotd did not come back"
        )


@contextmanager
def rig(bundle: Path) -> Iterator[Rig]:
    """A manager with the unit loaded and not started; all of it gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="wr-", dir="/var/lib"))  # the unit has a /run of its own
    environment = os.environ | {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "GROUP": folder.name}
    environment |= {f"XDG_{kind}_HOME": str(folder / kind.lower()) for kind in ("CONFIG", "STATE", "DATA", "CACHE")}
    _make_commands(folder)
    _make_unit(folder, bundle)
    with BenchProcess(BUSES, folder / "bench") as bench:
        manager = subprocess.Popen(
            ["unshare", "-m", "bash", "-c", f"{MANAGER} {SYSTEMD} --user --log-target=console"],
            env=environment,
            stdout=(folder / "manager.log").open("w"),
            stderr=subprocess.STDOUT,
        )
        made = Rig(folder, bench, environment)
        try:
            made.until((folder / "systemd" / "private").exists, (folder / "manager.log").read_text())
            yield made
        finally:
            made.systemctl("stop", "robotd", check=False)
            manager.terminate()
            manager.wait(timeout=60)
    shutil.rmtree(folder)


def _make_commands(folder: Path) -> None:
    """robotd and robotctl as pip would write them, out of this checkout."""
    (folder / "bin").mkdir()
    for name, module in (("robotd", "robotd.daemon"), ("robotctl", "robotd.ctl.entry")):
        path = folder / "bin" / name
        path.write_text(f"#!{sys.executable}\nimport sys\nfrom {module} import main\nsys.exit(main())\n")
        path.chmod(0o755)


def _make_unit(folder: Path, bundle: Path) -> None:
    units = folder / "systemd" / "user"
    (units / "robotd.service.d").mkdir(parents=True)
    (units / "robotd.service").write_text(text_of("robotd.service", folder / "bin"))
    said = f"StandardOutput=append:{folder}/said.log\nStandardError=append:{folder}/said.log\n"
    (units / "robotd.service.d" / "rig.conf").write_text(DROP_IN.format(folder=folder, bundle=bundle) + said)
    buses = "\n".join(f"    {name}: {{port: {folder}/bench/{name}}}" for name in BUSES)
    (folder / "robotd.yaml").write_text(f"hardware:\n  buses:\n{buses}\n")

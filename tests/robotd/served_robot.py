"""robotd on servos that a process of their own serves, so that they outlive it: what torque it leaves, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from daemon_rig import Daemon, wait_for

from contract import assets_dir
from firmware_bridge.emulator.bench import BenchProcess

BUSES = {"left_leg": (1, 2, 3, 4, 5), "right_leg": (6, 7, 8, 9, 10), "upper": (11,)}
STANDING = assets_dir() / "bundles" / "standing"
# On a machine with other work, samples are late too.
PATIENT = """
realtime: {enabled: false}
safety: {imu_stale_s: 0.1, imu_lost_s: 0.3, joint_stale_s: 0.3, other_joint_stale_s: 2, foot_stale_s: 1,
  health_stale_s: 10, torque_debounce_s: 1, bus_errors: 20, overrun_in_a_row: 10, overrun_in_50: 25}
"""


class Served:
    """The servos, and the home of whoever drives them."""

    def __init__(self, home: Path, bench: BenchProcess) -> None:
        self.home, self.bench = home, bench
        ports = "".join(f"    {name}: {{port: {port}}}\n" for name, port in bench.ports.items())
        self.config = f"hardware:\n  buses:\n{ports}{PATIENT}"

    def loaded(self) -> list[int]:
        """Servos with torque, by all that ever reached them; a move gives torque too."""
        state: dict[int, int] = {}
        for arrival in self.bench.control.witness(0):
            if arrival.command in ("load_or_unload_write", "move_time_write"):
                on = arrival.values[0] if arrival.command == "load_or_unload_write" else 1
                state |= dict.fromkeys(arrival.heard, on)
        return sorted(servo_id for servo_id, on in state.items() if on)

    def start(self, **options: str) -> Daemon:
        """robotd in IDLE; the caller ends it."""
        return Daemon(self.home, STANDING, "--hal", "bench", config=self.config, **options)


@contextmanager
def served() -> Iterator[Served]:
    """All servos, nobody driving them."""
    with TemporaryDirectory(prefix="wr-") as folder, BenchProcess(BUSES, Path(folder) / "bench") as bench:
        yield Served(Path(folder), bench)


def lead(daemon: Daemon, mode: str) -> None:
    """From IDLE to a mode."""
    from robotd.messages import Activate, Arm, Stop

    with daemon.client() as client:
        if mode == "idle":
            return
        wait_for(lambda: client.act(Arm()).ok)
        if mode == "homing":
            return
        daemon.wait_for_mode("standby")
        if mode in ("active", "stopping"):
            assert client.act(Activate()).ok
            daemon.wait_for_mode("active")
        if mode == "stopping":
            assert client.act(Stop()).ok

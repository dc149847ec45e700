"""A bench of emulated buses in this process or in one of its own, where the wires survive the death of a daemon."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from firmware_bridge.hiwonder import BAUD

from .control import SOCKET_NAME, Control, ControlClient, ControlError, ControlServer, Inject
from .fault import FaultKind
from .joints import FirstOrderJoints, Joints
from .pty_wire import WireThread
from .servo import EmulatedServo
from .servo_wire import ServoWire
from .witness import Witness

WITNESS_NAME = "witness.jsonl"


class ServoBench:
    """Servo buses on ptys, first-order joints behind them unless others are given. A context manager.

    Args:
        buses: ids by name of the bus; an id may stand there twice.
        directory: for links to the ports, the control socket and the witness's last words; None for none of them.
        joints: what hangs on a bus, by its name.
        devices: other emulated devices that take faults over the same control socket.
        witness: where other emulated devices note their commands too; a new one by default.
        baud, latency_s, reply_delay_s, echo: as in `ServoWire`.
    """

    def __init__(
        self,
        buses: Mapping[str, Sequence[int]],
        directory: Path | None = None,
        joints: Mapping[str, Joints] | None = None,
        *,
        devices: Mapping[str, Inject] | None = None,
        witness: Witness | None = None,
        baud: int = BAUD,
        latency_s: float = 0.001,
        reply_delay_s: float = 0.0005,
        echo: bool = False,
    ) -> None:
        self.witness = witness or Witness()
        self.joints = {name: (joints or {}).get(name) or FirstOrderJoints(ids) for name, ids in buses.items()}
        self.wires = {
            name: ServoWire(
                name,
                [EmulatedServo(servo_id, self.joints[name], seed) for seed, servo_id in enumerate(ids)],
                self.witness,
                baud=baud,
                latency_s=latency_s,
                reply_delay_s=reply_delay_s,
                echo=echo,
            )
            for name, ids in buses.items()
        }
        self._thread = WireThread(list(self.wires.values()), directory)
        self._directory = directory
        self._server: ControlServer | None = None
        self._stopping = threading.Event()
        self._devices = {**{name: self._injector(wire) for name, wire in self.wires.items()}, **(devices or {})}

    def __enter__(self) -> ServoBench:
        self._thread.start()
        if self._directory is not None:
            control = Control(self._devices, self.witness, self._stopping.set)
            try:
                self._server = ControlServer(self._directory / SOCKET_NAME, control)
            except ControlError:
                self._thread.stop()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        self._thread.stop()
        if self._directory is not None:
            with (self._directory / WITNESS_NAME).open("w") as file:
                self.witness.dump(file)

    @property
    def ports(self) -> dict[str, Path]:
        """The port to open for each bus, by name."""
        return self._thread.ports

    @property
    def lock(self) -> threading.Lock:
        """Hold it to touch a wire, a servo or joints from another thread."""
        return self._thread.lock

    def fault(self, device: str, kind: FaultKind | str) -> None:
        """Let a device behave so from now on: `left/3`, or `left` for a whole bus. Raises ValueError, KeyError."""
        name, _, address = device.partition("/")
        self._devices[name](address, str(kind))

    def unplug(self, bus: str) -> None:
        """Take a port away."""
        self._thread.unplug(bus)

    def plug(self, bus: str) -> None:
        """Bring it back, at the same place where there is a directory of links."""
        self._thread.plug(bus)

    def wait(self) -> None:
        """Return once somebody asked over the control socket for the end."""
        self._stopping.wait()

    def _injector(self, wire: ServoWire) -> Inject:
        def inject(address: str, kind: str) -> None:
            with self.lock:
                wire.inject_at(address, kind)

        return inject


class BenchProcess:
    """A `ServoBench` in a process of its own, `python -m firmware_bridge.emulator`. A context manager.

    Raises:
        ControlError: it did not start.
    """

    def __init__(self, buses: Mapping[str, Sequence[int]], directory: Path, *options: str) -> None:
        words = [f"{name}={','.join(map(str, ids))}" for name, ids in buses.items()]
        command = [sys.executable, "-m", "firmware_bridge.emulator", str(directory), *words, *options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        ready = self._process.stdout.readline()
        if not ready:
            raise ControlError(f"the emulator did not start and left with {self._process.wait()}")
        self.ports = {name: Path(port) for name, port in json.loads(ready)["ports"].items()}
        self.control = ControlClient(directory / SOCKET_NAME)

    def __enter__(self) -> BenchProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        if self._process.poll() is None:
            self.control.stop()
        self.control.close()
        self._process.wait(timeout=30)
        if self._process.stdout is not None:
            self._process.stdout.close()

"""What the servos of one bus have said of their torque since it was switched, and who of them may be moved. Pure."""

from __future__ import annotations

from collections.abc import Iterable


class TorqueWords:
    """A servo whose power was away comes back unloaded, and a move would load it and throw it to its target.

    Attributes:
        unconfirmed: who has not said that he is loaded, or unloaded, as he was told last.
        silent: who gave no answers while he had torque, and has not said since that he still has it.
    """

    def __init__(self) -> None:
        self.unconfirmed: set[int] = set()
        self.silent: set[int] = set()
        self._had: set[int] = set()
        self._lost: set[int] = set()

    def switch(self, servo_ids: Iterable[int]) -> None:
        """All are told to load or to unload: what they said before is over."""
        self.unconfirmed = set(servo_ids)
        self.silent, self._had, self._lost = set(), set(), set()

    def confirm(self, servo_id: int, loaded: bool) -> None:
        """He says that he is as he was told."""
        self.unconfirmed.discard(servo_id)
        self.silent.discard(servo_id)
        if loaded:
            self._had.add(servo_id)

    def deny_load(self, servo_id: int) -> bool:
        """He says that he has no torque though he was told to. Whether to tell him again: not who had it before."""
        self.unconfirmed.add(servo_id)
        if servo_id in self._had:
            self._lost.add(servo_id)
        return servo_id not in self._lost

    def may_move(self, servo_id: int) -> bool:
        """Whether he has his torque, as far as is known."""
        return servo_id not in self.silent and servo_id not in self._lost

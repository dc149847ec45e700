"""How old feedback will be on a servo bus, before anyone is disappointed. Pure arithmetic."""

from __future__ import annotations

from typing import NamedTuple

from .hiwonder import BAUD, OVERHEAD_BYTES, Command, answer_bytes, wire_time_s

MOVE_BYTES = OVERHEAD_BYTES + 4
OTHER_READS = 0.05
"""Share of reads that go to temperature and voltage."""


class Conditions(NamedTuple):
    """What a bus works under. With the defaults a read takes the 3.6 ms that were measured over a USB adapter.

    host_s: what kernel, USB and this program add to a read. max_age_s: what the p95 of age is held against.
    """

    baud: int = BAUD
    adapter_latency_s: float = 0.001
    servo_reply_s: float = 0.0005
    host_s: float = 0.0009
    tick_s: float = 0.020
    writes_per_tick: float = 1.0
    max_age_s: float = 0.060


class Budget(NamedTuple):
    """One bus. fits: all writes fit the tick and the p95 of age is at most what was asked for.

    wire_s: to write and read every joint once, on the wire alone. read_s, write_s: one transaction, all told.
    reads_hz: position reads of each joint. age_*_s: of a joint's newest position, seen at any time.
    """

    joints: int
    wire_s: float
    read_s: float
    write_s: float
    reads_hz: float
    age_mean_s: float
    age_p95_s: float
    age_max_s: float
    fits: bool


def bus_budget(joints: int, conditions: Conditions | None = None) -> Budget:
    """The budget of a bus with `joints` servos, all of them written every tick, read oldest first.

    Where the writes alone fill the tick there is still one read after each round of writes, as the schedule does it.
    Failed reads are not in it. Raises ValueError: no joints.
    """
    if joints < 1:
        raise ValueError(f"{joints} joints: expected at least 1")
    given = conditions or Conditions()
    ask_s = wire_time_s(OVERHEAD_BYTES, given.baud)
    answer_s = wire_time_s(answer_bytes(Command.POS_READ), given.baud)
    write_s = wire_time_s(MOVE_BYTES, given.baud)
    read_s = ask_s + answer_s + given.servo_reply_s + given.adapter_latency_s + given.host_s
    writing_s = joints * write_s * given.writes_per_tick
    spare = max(0.0, given.tick_s - writing_s) / given.tick_s
    reads_per_s = max(spare / read_s, 1 / (writing_s + read_s)) * (1 - OTHER_READS)
    cycle_s, youngest_s = joints / reads_per_s, read_s - ask_s
    age_p95_s = youngest_s + 0.95 * cycle_s
    return Budget(
        joints=joints,
        wire_s=joints * (write_s + ask_s + answer_s),
        read_s=read_s,
        write_s=write_s,
        reads_hz=1 / cycle_s,
        age_mean_s=youngest_s + cycle_s / 2,
        age_p95_s=age_p95_s,
        age_max_s=youngest_s + cycle_s,
        fits=writing_s < given.tick_s and age_p95_s <= given.max_age_s,
    )


def suggested_split(joints: int, conditions: Conditions | None = None) -> tuple[int, ...] | None:
    """Joints for each bus, as even as can be, over the fewest buses that fit; None if not even one joint a bus does."""
    for buses in range(1, joints + 1):
        split = tuple(joints // buses + (index < joints % buses) for index in range(buses))
        if bus_budget(split[0], conditions).fits:
            return split
    return None

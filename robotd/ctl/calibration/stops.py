"""Step range: where each joint really stops, moved by hand, against the range in robot_config.yaml."""

from __future__ import annotations

from robotd.ctl.calibration.bench import Bench
from robotd.ctl.calibration.offsets import at_rest
from robotd.ctl.calibration.words import words_of
from robotd.ctl.refusal import CheckFailed
from robotd.hal.servo_frame import to_rad

SHORT_RAD = 0.09
"""A stop this far inside of the configured range is one that a policy would run into."""


def run(bench: Bench) -> None:
    """Read both ends of every joint."""
    for joint in bench.joints:
        if bench.draft.joint(joint).range_rad is None:
            _measure(bench, joint)


def _measure(bench: Bench, joint: str) -> None:
    row, (grows, shrinks) = bench.config.joints[joint], words_of(joint)
    ends = {}
    for end, word, angle_rad in (("low", shrinks, row.range_min_rad), ("high", grows, row.range_max_rad)):
        text = f"{joint} is limp. Move it by hand to where it stops ({word}, expected near {angle_rad:+.2f} rad)."
        steady = at_rest(bench, joint, f"range.{joint}.{end}", text)
        ends[end] = float(to_rad(bench.frame(joint), [steady.units])[0])
    low, high = ends["low"], ends["high"]
    found, expected = f"{low:+.3f} to {high:+.3f} rad", f"{row.range_min_rad:+.3f} to {row.range_max_rad:+.3f}"
    if low >= high:
        raise CheckFailed(
            f"{joint}: stops at {found}, the wrong way round; --undo direction if it turns the other way, else "
            "do it again"
        )
    if low > row.range_min_rad + SHORT_RAD or high < row.range_max_rad - SHORT_RAD:
        raise CheckFailed(
            f"{joint}: stops at {found}, expected to reach {expected}; look for what is in its way, or --undo "
            "offsets if its zero was wrong"
        )
    bench.draft.keep_joint(joint, range_rad=[round(low, 4), round(high, 4)])
    bench.draft.keep_residual("range", f"{joint}.low", low - row.range_min_rad)
    bench.draft.keep_residual("range", f"{joint}.high", high - row.range_max_rad)
    bench.say(f"{joint}: {found}, configured {expected}")

"""docs/config-reference.md out of the classes that read robotd.yaml, calibration.yaml and the training YAML."""

from __future__ import annotations

from key_tables import cell, prose, section_table, table, tables_below

from robotd.calibration import Calibration
from robotd.config import RobotdConfig
from trainer.config import TrainConfig
from trainer.rewards import BONUSES, REWARDS

HEAD = """# Config files, every key

Generated from the code by `make docs`; a test says when it is stale. Unknown keys are refused with a suggestion, and so
is a value that is not allowed. `robot_config.yaml` and `robot_params.yaml` belong to
[the contract](contract-reference.md#robot_configyaml).

"""
OWN = """/etc/robotd/robotd.yaml, or named by `--config`; `robotctl service install` writes one. [Wiring](wiring.md)
shows the section `hardware` in full."""


def page() -> str:
    """The whole page."""
    files = {
        "robotd.yaml": (RobotdConfig, OWN),
        "calibration.yaml": (Calibration, "Written by `robotctl calibrate`, never by hand."),
        "Training YAML": (TrainConfig, "`trainer train --config FILE`; examples lie in `trainer/configs`."),
    }
    keys = (f"## {title}\n{said} {tables_below(top, section_table)}" for title, (top, said) in files.items())
    return HEAD + "".join(keys) + rewards()


def rewards() -> str:
    """The terms that `rewards` of a training YAML may weigh."""
    rows = [
        (f"`{name}`", "bonus" if name in BONUSES else "penalty", cell(prose(REWARDS[name]))) for name in sorted(REWARDS)
    ]
    said = "Keys of `rewards`; a bonus has a weight of 0 or more, a penalty of 0 or less.\n"
    return f"## Rewards\n{said}" + table(("term", "", "law"), rows)

"""What the tests are asked about: a robot's model, and gaits made for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from contract import load_robot_config

from ..config import TrainConfig
from ..motion.gait import GaitParams, generate
from ..motion.leg import LEG_JOINTS, SIDES
from ..motion.reference import ReferenceMotion, load_reference
from ..physics.robot_model import RobotModel, load_robot_model
from ..task import asset, motion_asset

SIM_DT = 0.002
GAIT = GaitParams(period_s=0.8, lift_m=0.02)
"""How a robot is first asked to walk: slower, and lifting its feet less, than a trained one will."""
COMMANDS = [(0.1, 0.0, 0.0), (0.2, 0.0, 0.0), (0.3, 0.0, 0.0), (0.0, 0.1, 0.0)]


@dataclass(frozen=True)
class Twin:
    """A robot with gaits: `motion` made for it, or None where its legs are not of the kind that the generator knows;
    left_out: why there is none for some commands; own: the training config's reference motion, None where it has none.
    """

    robot: RobotModel
    motion: ReferenceMotion | None
    left_out: dict[tuple[float, float, float], str] = field(default_factory=dict)
    own: ReferenceMotion | None = None


def load_twin(config: TrainConfig, model: Path | None = None, robot_config: Path | None = None) -> Twin:
    """The twin of a training config; files given here replace the config's own.

    Raises:
        ContractError: a file is missing or does not fit the others.
    """
    env = config.env
    facts = load_robot_config(robot_config or asset(env.robot_config))
    robot = load_robot_model(model or asset(env.model), facts, SIM_DT)
    own = load_reference(motion_asset(env.reference), facts)[0] if env.reference else None
    return make_twin(robot, own)


def make_twin(robot: RobotModel, own: ReferenceMotion | None = None) -> Twin:
    """A robot and the gaits that are made for it now, whatever its servos can do."""
    if not {f"{side}_{joint}" for side in SIDES for joint in LEG_JOINTS} <= set(robot.config.actuator_names):
        return Twin(robot, own, {}, own)
    generated = generate(robot, GAIT, [(0.0, 0.0, 0.0), *COMMANDS], judged=False)
    walks = generated.motion.command.any(axis=1)
    fields = {n: getattr(generated.motion, n)[walks] for n in ReferenceMotion._fields if n != "period_s"}
    return Twin(robot, generated.motion._replace(**fields) if walks.any() else None, generated.left_out, own)

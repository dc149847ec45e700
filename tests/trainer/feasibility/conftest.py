"""The shipped robot as a twin, and robots with one thing changed, robot_config and gaits made anew for them."""

from collections.abc import Callable

import pytest
from variants import Change, as_built, changed_robot

from trainer.config import TrainConfig
from trainer.feasibility.twin import Twin, load_twin, make_twin


@pytest.fixture(scope="session")
def shipped(walking_config: TrainConfig) -> Twin:
    return load_twin(walking_config)


@pytest.fixture(scope="session")
def variant(shipped: Twin) -> Callable[[Change], Twin]:
    """The twin of a changed robot, its reference gaits generated for it."""

    def build(change: Change) -> Twin:
        return make_twin(as_built(changed_robot(change, shipped.robot.config)))

    return build

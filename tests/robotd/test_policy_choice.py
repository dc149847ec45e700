"""Which policy of a bundle with several runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from bundle_builder import WALKING_LAYOUT, make_deployment, real_spec_data

from robotd.daemon import Refusal, start_up


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two policies for the robot in assets, told apart by their observations."""
    policies = {"standing": real_spec_data(), "walking": real_spec_data(layout=WALKING_LAYOUT)}
    return make_deployment(tmp_path_factory.mktemp("bundles") / "both", policies, "standing")


@pytest.mark.parametrize(("policy", "size"), [(None, 44), ("standing", 44), ("walking", 48)])
def test_the_named_one_or_the_default(deployment: Path, policy: str | None, size: int) -> None:
    _, bundle, hardware = start_up(deployment, "mock", policy=policy)
    hardware.close()
    assert bundle.spec.model.obs_dim == size and bundle.verified


def test_an_unknown_one_is_refused_with_the_nearest(deployment: Path) -> None:
    with pytest.raises(Refusal, match=r"--policy walkin: .*both has no policy .*did you mean 'walking'"):
        start_up(deployment, "mock", policy="walkin")


def test_a_plain_bundle_has_one_policy_of_its_folders_name(zero_bundle_path: Path) -> None:
    _, bundle, hardware = start_up(zero_bundle_path, "mock", policy="zero")
    hardware.close()
    assert bundle.path == zero_bundle_path
    with pytest.raises(Refusal, match=r"no policy of that name.*zero"):
        start_up(zero_bundle_path, "mock", policy="walking")


def test_a_twin_is_set_up_only_where_there_is_one(zero_bundle_path: Path) -> None:
    with pytest.raises(Refusal, match="--hal mock: has no physics twin"):
        start_up(zero_bundle_path, "mock", twin={"seed": 1})

"""The stage as a whole on toys: what it learns, what it remembers, and what it measures."""

from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from contract import RobotConfig
from trainer.amp.config import AmpConfig
from trainer.amp.expert import ExpertMotions
from trainer.amp.stage import FULL_HANDICAP, AmpStage, AmpState, handicap
from trainer.checkpoint import load_checkpoint, save_checkpoint

F, T, B = 29, 4, 32
SMALL = {"disc_hidden_dims": (16,), "batch_size": 128, "replay_size": 512, "mirror": False, "disc_updates_per_iter": 2}
METRICS = {
    "disc_loss",
    "disc_accuracy",
    "disc_separation",
    "disc_handicap",
    "disc_grad_penalty",
    "disc_logit_expert",
    "disc_logit_agent",
    "amp_reward_mean",
    "amp_reward_std",
}
Make = Callable[..., AmpStage]


def gaussian(seed: int, *shape: int) -> np.ndarray:
    """Features about the same place, a tenth of a unit wide."""
    return (0.02 * np.random.default_rng(seed).normal(size=(*shape, 2, F))).astype(np.float32)


@pytest.fixture
def make_stage(robot: RobotConfig) -> Make:
    def make(pairs: np.ndarray | None = None, **changes: object) -> AmpStage:
        expert = gaussian(0, 1000) if pairs is None else pairs
        motions = ExpertMotions(expert, robot.actuator_names, 0.02, {"source": "a toy"})
        return AmpStage(AmpConfig.model_validate(SMALL | changes), motions, robot)

    return make


def train(stage: AmpStage, offset: float, iterations: int) -> tuple[AmpState, list[dict[str, float]]]:
    """Fresh agent samples in each iteration, `offset` away in every feature."""
    state, log = stage.init(jax.random.key(1)), []
    for i in range(iterations):
        features = jnp.asarray(gaussian(100 + i, T, B) + np.float32(offset))
        state, metrics = stage.update(state, features, jax.random.key(i))
        log.append({name: float(value) for name, value in metrics.items()})
    return state, log


def late(log: list[dict[str, float]], name: str) -> float:
    return float(np.mean([metrics[name] for metrics in log[-20:]]))


@pytest.mark.parametrize(("loss", "pair"), [("lsgan", True), ("bce", False)])
def test_two_gaussians_are_told_apart(make_stage: Make, loss: str, pair: bool) -> None:
    stage = make_stage(loss=loss, pair=pair, disc_learning_rate=3e-3, target_accuracy=None)
    state, log = train(stage, 0.06, 80)
    assert set(log[0]) == METRICS
    assert late(log, "disc_accuracy") > 0.95 and late(log, "disc_separation") > 0.97
    assert late(log, "disc_logit_expert") > late(log, "disc_logit_agent") + 0.3
    assert late(log, "amp_reward_mean") < 0.7
    assert late(log, "disc_handicap") == 0
    good, bad = (stage.style_reward(state, jnp.asarray(gaussian(7, T, B) + offset)) for offset in (0.0, 0.06))
    assert good.shape == (T, B)
    assert float(good.mean()) > float(bad.mean()) + 0.1


def test_what_is_alike_cannot_be_told_apart(make_stage: Make) -> None:
    _, log = train(make_stage(disc_learning_rate=3e-3, target_accuracy=None), 0.0, 80)
    assert abs(late(log, "disc_accuracy") - 0.5) < 0.05
    assert abs(late(log, "disc_separation") - 0.5) < 0.05
    assert late(log, "amp_reward_mean") == pytest.approx(0.75, abs=0.08)


def test_one_side_in_other_units_is_seen_at_once(make_stage: Make) -> None:
    """The failure of others, expert normalised and agent not: told apart though both move alike."""
    stage = make_stage((1 + gaussian(0, 1000)) / 0.2, disc_learning_rate=3e-3, target_accuracy=None)
    _, log = train(stage, 1.0, 40)
    assert late(log, "disc_separation") > 0.99


def test_the_accuracy_is_held_inside_the_band_while_the_direction_is_known(make_stage: Make) -> None:
    free_stage = make_stage(disc_learning_rate=1e-3, target_accuracy=None)
    held_stage = make_stage(disc_learning_rate=1e-3, target_accuracy=0.75)
    _, free = train(free_stage, 0.1, 250)
    state, held = train(held_stage, 0.1, 250)
    assert late(free, "disc_accuracy") > 0.99
    assert 0.55 < late(held, "disc_accuracy") < 0.9
    assert 0 < late(held, "disc_handicap") <= 1
    assert late(held, "disc_separation") > 0.95
    near, far = (held_stage.style_reward(state, jnp.asarray(gaussian(7, T, B) + x)).mean() for x in (0.05, 0.1))
    assert float(near) > float(far) + 0.01


def test_handicap_begins_at_the_target_and_ends_at_one() -> None:
    found = [float(handicap(jnp.asarray(a), 0.75)) for a in (0.5, 0.75, 0.5 * (0.75 + FULL_HANDICAP), 0.85, 1.0)]
    assert found == pytest.approx([0, 0, 0.5, 1, 1], abs=1e-5)
    assert float(handicap(jnp.asarray(1.0), None)) == 0


def test_the_same_key_gives_the_same_state_and_another_key_another(make_stage: Make) -> None:
    stage = make_stage()
    state, features = stage.init(jax.random.key(0)), jnp.asarray(gaussian(5, T, B))
    one, two, other = (stage.update(state, features, jax.random.key(k))[0] for k in (3, 3, 4))
    flat = lambda tree: np.concatenate([np.ravel(x) for x in jax.tree.leaves(tree)])  # noqa: E731
    np.testing.assert_array_equal(flat(one), flat(two))
    assert np.abs(flat(one.params) - flat(other.params)).max() > 0


def test_metrics_are_those_before_the_update_and_agree_with_the_reward(make_stage: Make) -> None:
    stage = make_stage(disc_learning_rate=0.1)
    state, features = stage.init(jax.random.key(0)), jnp.asarray(gaussian(5, T, B) + 0.1)
    reward = stage.style_reward(state, features)
    after, metrics = stage.update(state, features, jax.random.key(1))
    assert float(metrics["amp_reward_mean"]) == pytest.approx(float(reward.mean()), rel=1e-5)
    assert float(metrics["amp_reward_std"]) == pytest.approx(float(reward.std()), rel=1e-3)
    assert np.abs(stage.style_reward(after, features) - reward).max() > 0.01


def test_held_out_pairs_are_never_learned_from(make_stage: Make) -> None:
    pairs = gaussian(0, 1000)
    stage = make_stage(pairs)
    learned = {row.tobytes() for row in np.asarray(stage.expert)}
    assert len(stage.held_out) == 100
    assert not learned & {row.tobytes() for row in np.asarray(stage.held_out)}
    assert len(make_stage(pairs, mirror=True).expert) == 2 * len(stage.expert)


def test_experts_are_judged_by_held_out_pairs_and_learned_from_the_others(make_stage: Make) -> None:
    stage, features, found = make_stage(), jnp.asarray(gaussian(5, T, B)), []
    state = stage.init(jax.random.key(0))
    for learned, held in ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5)):
        other = make_stage()
        other.expert, other.held_out = stage.expert + learned, stage.held_out + held
        after, metrics = other.update(state, features, jax.random.key(1))
        weights = np.asarray(after.params["params"]["Dense_0"]["kernel"]).sum()
        found.append((float(metrics["disc_logit_expert"]), float(weights)))
    plain, other_learned, other_held = found
    assert other_learned[0] == plain[0] and other_learned[1] != plain[1]
    assert other_held[0] != plain[0]


def test_without_pair_only_the_state_reached_counts(make_stage: Make) -> None:
    features = gaussian(5, T, B)
    other = features.copy()
    other[:, :, 0] += 0.5
    for pair, same in ((False, True), (True, False)):
        stage = make_stage(pair=pair)
        state = stage.init(jax.random.key(0))
        found = [np.asarray(stage.style_reward(state, jnp.asarray(x))) for x in (features, other)]
        assert np.array_equal(*found) == same
        assert state.params["params"]["Dense_0"]["kernel"].shape == (2 * F if pair else F, 16)


def test_running_scales_follow_the_agent_and_fixed_ones_do_not(make_stage: Make) -> None:
    features = jnp.asarray(gaussian(5, 40, B) + 3.0)
    for scales, moves in (("running", True), ({"joint_pos": 0.5}, False)):
        stage = make_stage(feature_scales=scales)
        state = stage.init(jax.random.key(0))
        after, _ = stage.update(state, features, jax.random.key(1))
        assert bool(jnp.all(after.norm.mean > state.norm.mean + 0.5)) == moves
        assert jnp.isfinite(stage.style_reward(after, features)).all()
    assert float(state.norm.var[0]) == pytest.approx(0.25)


def test_the_update_is_compiled_once(make_stage: Make) -> None:
    stage = make_stage()
    train(stage, 0.0, 3)
    assert stage._update._cache_size() == 1


def test_a_checkpoint_brings_the_state_back(make_stage: Make, tmp_path: Path) -> None:
    stage = make_stage()
    state, _ = train(stage, 0.1, 3)
    save_checkpoint(tmp_path / "one", state, {"iteration": 3})
    back, _ = load_checkpoint(tmp_path / "one", stage.init(jax.random.key(9)))
    features = jnp.asarray(gaussian(5, T, B))
    straight, resumed = (stage.update(s, features, jax.random.key(2))[0] for s in (state, back))
    for a, b in zip(jax.tree.leaves(straight), jax.tree.leaves(resumed), strict=True):
        np.testing.assert_array_equal(a, b)

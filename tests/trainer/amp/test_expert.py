"""Expert transitions: saved, loaded, mirrored, split, and refused."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract import ConfigError, RobotConfig
from trainer.amp.expert import ExpertMotions, load_expert, save_expert, split_held_out, with_mirrored
from trainer.amp.features import feature_dim, feature_slices, mirror_of_features

CTRL_DT = 0.02


@pytest.fixture
def expert(robot: RobotConfig) -> ExpertMotions:
    """Fifty transitions upright at 0.4 m, in which one joint swings by .3 rad."""
    at = feature_slices(11)
    pairs = np.zeros((50, 2, feature_dim(11)), np.float32)
    pairs[..., at["joint_pos"]] = robot.home
    for i in (0, 1):
        phase = 2 * math.pi * (np.arange(50) / 50 + i * CTRL_DT / 0.7)
        pairs[:, i, 2] += 0.3 * np.sin(phase)
        pairs[:, i, at["joint_vel"].start + 2] = 0.3 * 2 * math.pi / 0.7 * np.cos(phase)
    pairs[..., at["base_height"]] = 0.4
    pairs[..., at["base_orientation"]] = (1, 0, 0, 0, 1, 0)
    return ExpertMotions(pairs, robot.actuator_names, CTRL_DT, {"source": "a swing"})


def rewrite(path: Path, **changes: Any) -> None:
    """The file with some arrays changed, or left out where None."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files} | changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


def test_a_file_comes_back(expert: ExpertMotions, robot: RobotConfig, tmp_path: Path) -> None:
    for dtype, tolerance in (("float16", 4e-3), ("float32", 0)):
        save_expert(tmp_path / "deep" / "swing.npz", expert, dtype)
        back = load_expert(tmp_path / "deep" / "swing.npz", robot.actuator_names, CTRL_DT)
        assert back.pairs.dtype == np.float32
        np.testing.assert_allclose(back.pairs, expert.pairs, atol=tolerance)
        assert back[1:] == expert[1:]


def test_mirrored_pairs_follow_the_pairs(expert: ExpertMotions, robot: RobotConfig) -> None:
    mirror = mirror_of_features(robot)
    both = with_mirrored(expert.pairs, mirror)
    assert both.shape == (100, 2, 29)
    np.testing.assert_array_equal(both[:50], expert.pairs)
    np.testing.assert_allclose(mirror(both[50:]), expert.pairs)
    assert np.abs(both[50:] - both[:50]).max() > 0.1


@pytest.mark.parametrize("count", [20, 137, 5000, 12345])
def test_a_tenth_is_held_out_and_nothing_is_lost(count: int) -> None:
    numbers = np.arange(count)
    learned, held = split_held_out(numbers)
    assert sorted([*learned, *held]) == list(numbers)
    assert 0.05 <= len(held) / count <= 0.11
    assert len(split_held_out(numbers[:19])[1]) == 19


def test_a_wrong_file_is_refused_in_one_sentence(expert: ExpertMotions, robot: RobotConfig, tmp_path: Path) -> None:
    path, names = tmp_path / "swing.npz", list(robot.actuator_names)
    swapped = [names[1], names[0], *names[2:]]
    nan, scaled = expert.pairs.copy(), expert.pairs * 5
    nan[3, 1, 4] = np.nan
    for changes, words in (
        ({"pairs": None}, "no array 'pairs'"),
        ({"joint_names": np.array(swapped)}, f"{names[1]!r} as joint 0, expected {names[0]!r}"),
        ({"joint_names": np.array(names[:9])}, "9 joints, expected 11"),
        ({"features": np.array(["joint_vel", "joint_pos"])}, "features are"),
        ({"ctrl_dt_s": np.float64(0.01)}, "ctrl_dt_s is 0.01, expected 0.02 s"),
        ({"ctrl_dt_s": np.array("soon")}, "ctrl_dt_s is soon"),
        ({"provenance": np.array("from a friend")}, "provenance is 'from a friend', expected a JSON object"),
        ({"pairs": nan}, "pairs[3, 1, 4] is nan"),
        ({"pairs": expert.pairs[:, :, :28]}, "(50, 2, 28), expected floats (M, 2, 29)"),
        ({"pairs": scaled}, "column of length 5, expected 1"),
    ):
        save_expert(path, expert)
        rewrite(path, **changes)
        with pytest.raises(ConfigError) as refused:
            load_expert(path, names, CTRL_DT)
        assert str(path) in str(refused.value) and words in str(refused.value)
        assert "\n" not in str(refused.value)


def test_what_is_no_npz_is_refused(robot: RobotConfig, tmp_path: Path) -> None:
    pickled, text, empty, array = (tmp_path / name for name in ("pickled.npz", "text.npz", "empty.npz", "array.npz"))
    np.savez(pickled, pairs=np.array([{"a": 1}], dtype=object))
    text.write_text("not an archive")
    empty.write_bytes(b"")
    with array.open("wb") as file:
        np.save(file, np.zeros(3))
    for path in (pickled, text, empty, array):
        with pytest.raises(ConfigError, match="not an npz file of plain arrays"):
            load_expert(path, robot.actuator_names, CTRL_DT)
    with pytest.raises(ConfigError, match=r"No such file.*correct amp\.expert"):
        load_expert(tmp_path / "nowhere.npz", robot.actuator_names, CTRL_DT)


def test_what_would_not_load_is_not_saved(expert: ExpertMotions, tmp_path: Path) -> None:
    large = expert.pairs.copy()
    large[0, 0, 12] = 1e6
    with pytest.raises(ConfigError, match="do not fit float16"):
        save_expert(tmp_path / "large.npz", expert._replace(pairs=large))
    assert not (tmp_path / "large.npz").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="expected a place"):
        save_expert(tmp_path / "file" / "swing.npz", expert)

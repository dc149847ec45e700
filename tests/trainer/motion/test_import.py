"""A walk of known speed and cycle time, in each format, comes out on the robot's legs."""

import json
import math
from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np
import pytest
from click.testing import CliRunner
from synthetic_human import PERIOD, SHANK, SPEED, THIGH, write_amass, write_bvh, write_deepmimic

from contract import ConfigError
from trainer.cli import main
from trainer.motion.clips import HumanClip, leg_length, read_clip
from trainer.motion.cycle import HumanCycle, mean_cycle
from trainer.motion.feasible import check_motion
from trainer.motion.leg import SIDES, sole_corners
from trainer.motion.reference import ReferenceMotion, load_reference
from trainer.motion.retarget import OVERSAMPLE, STRIDES, RetargetParams, largest_stride, leg_ratio, retarget
from trainer.physics.robot_model import RobotModel

WRITERS = {"walk.txt": write_deepmimic, "walk.bvh": write_bvh, "walk.npz": write_amass}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for name, write in WRITERS.items():
        write(folder / name)
    return folder


@pytest.fixture(scope="session")
def human(folder: Path) -> HumanCycle:
    return mean_cycle(read_clip(folder / "walk.bvh"), 32 * OVERSAMPLE, symmetric=True)


@pytest.fixture(scope="session")
def params() -> RetargetParams:
    return RetargetParams(stride=0.3, lift_m=0.02, pitch=0.2)


@pytest.fixture(scope="session")
def imported(robot: RobotModel, human: HumanCycle, params: RetargetParams) -> ReferenceMotion:
    return retarget(robot, human, params)


@pytest.mark.parametrize("name", WRITERS)
def test_each_format_gives_the_same_walk(folder: Path, name: str) -> None:
    clip = read_clip(folder / name)
    assert leg_length(clip) == pytest.approx(THIGH + SHANK, abs=0.005)
    ankle = clip.places["left_ankle"]
    assert clip.places["pelvis"][:, 2].min() == pytest.approx(0.86, abs=1e-6)
    assert np.ptp(ankle[:, 2]) == pytest.approx(0.07, abs=0.005)
    cycle = mean_cycle(clip, 64, symmetric=False)
    assert cycle.period_s == pytest.approx(PERIOD, rel=0.02)
    assert cycle.velocity == pytest.approx([SPEED, 0.0], abs=0.02)
    assert cycle.double_support == pytest.approx(0.2, abs=0.06)
    assert cycle.ankle_m == pytest.approx(0.05 if name.endswith("txt") else 0.07, abs=0.005)
    assert np.ptp(cycle.bob) < 0.01
    middle = 16  # of 64: the left foot swings highest, the right one stands
    assert cycle.lift[0, middle] > 0.05 and cycle.lift[1, middle] < 0.005
    assert cycle.lift[1, middle + 32] > 0.05 and cycle.lift[0, middle + 32] < 0.005


def test_known_joint_places(folder: Path) -> None:
    """Two formats of other axes and units agree marker by marker, once both go the same way."""
    bvh, amass = read_clip(folder / "walk.bvh"), read_clip(folder / "walk.npz")
    for name, place in bvh.places.items():
        turned = amass.places[name][:, [1, 0, 2]] * [-1, 1, 1]
        np.testing.assert_allclose(place, turned, atol=1e-5)


def test_scaled_speed_and_cycle_time(
    robot: RobotModel, human: HumanCycle, params: RetargetParams, imported: ReferenceMotion
) -> None:
    size = leg_ratio(robot, human)
    assert size == pytest.approx((0.193 + 0.18 + 0.061) / (THIGH + SHANK + 0.07), rel=0.02)
    assert float(imported.period_s) == pytest.approx(PERIOD * math.sqrt(size), rel=0.03)
    assert imported.command[0] == pytest.approx([params.stride * SPEED * math.sqrt(size), 0, 0], abs=0.01)
    assert imported.joint_pos.shape == (1, 32, 11)


def test_knees_are_mirror_images_and_bend(robot: RobotModel, imported: ReferenceMotion) -> None:
    names = robot.config.actuator_names
    left, right = (imported.joint_pos[0][:, names.index(f"{side}_knee_pitch")] for side in SIDES)
    np.testing.assert_allclose(left, np.roll(right, 16), atol=5e-3)
    assert left.max() - left.min() > 0.15


def test_feet_are_on_the_floor(robot: RobotModel, imported: ReferenceMotion) -> None:
    data, lowest = mujoco.MjData(robot.model), []
    for frame in range(32):
        data.qpos[:] = robot.home_qpos
        p = robot.base_qpos
        data.qpos[p : p + 3] = imported.base_pos[0, frame]
        data.qpos[robot.qpos] = imported.joint_pos[0, frame]
        mujoco.mj_kinematics(robot.model, data)
        heights = []
        for side in SIDES:
            foot = data.body(f"{side}_foot")
            corners = foot.xpos + sole_corners(robot.model, side) @ foot.xmat.reshape(3, 3).T
            heights += [corners[:2, 2].mean(), corners[2:, 2].mean()]
        lowest.append(heights)
        assert np.abs(np.array(heights)[imported.contact[0, frame] == 1]).max() < 4e-3
    assert np.array(lowest).min() > -4e-3
    # the left foot is up at a quarter of the cycle, the right foot at three quarters
    assert lowest[8][0] > 0.01 and lowest[24][2] > 0.01
    assert imported.contact[0, 8].tolist() == [0, 0, 1, 1] and imported.contact[0, 24].tolist() == [1, 1, 0, 0]


def test_the_imported_walk_is_balanced_and_judged(robot: RobotModel, imported: ReferenceMotion) -> None:
    verdict = check_motion(robot, imported)[0]
    assert verdict.range_margin_rad.min() > -1e-4
    assert verdict.unbalanced_nm < 1.0


def test_a_stride_out_of_reach_is_refused(robot: RobotModel, human: HumanCycle) -> None:
    with pytest.raises(ConfigError, match="mm from where"):
        retarget(robot, human, RetargetParams(stride=1.8))
    with pytest.raises(ConfigError, match="slower is 9"):
        retarget(robot, human, RetargetParams(slower=9))


def test_the_largest_stride_that_the_servos_can_do_is_found(robot: RobotModel, human: HumanCycle) -> None:
    found = largest_stride(robot, human, RetargetParams())
    assert not isinstance(found, str)
    motion, params = found
    assert check_motion(robot, motion)[0].status != "fail"
    longer = replace(params, stride=STRIDES[STRIDES.index(params.stride) - 1])
    assert check_motion(robot, retarget(robot, human, longer))[0].status == "fail"
    reason = largest_stride(robot, human, RetargetParams(slower=0.5))
    assert isinstance(reason, str) and "limit" in reason


def test_standing_is_no_gait() -> None:
    places = {name: np.tile([0.0, 0.1, 0.5], (50, 1)) for name in read_names()}
    places["right_hip"] = places["right_hip"] * [1, -1, 1]
    with pytest.raises(ConfigError, match="no whole gait cycle"):
        mean_cycle(HumanClip(30.0, places, False), 32, True)


def read_names() -> tuple[str, ...]:
    from trainer.motion.clips import MARKERS

    return MARKERS


BAD = {
    "no.txt": ("not json", "not JSON"),
    "columns.txt": (json.dumps({"Frames": [[0.1] * 43] * 9}), "43"),
    "words.txt": (json.dumps({"Frames": [["a"] * 44] * 9}), "no number"),
    "no.bvh": ("HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\n", "not BVH"),
    "legless.bvh": (
        "HIERARCHY\nROOT Hips\n{\nOFFSET 0 0 0\nCHANNELS 1 Xposition\nEnd Site\n{\nOFFSET 0 1 0\n}\n}\n"
        "MOTION\nFrames: 1\nFrame Time: 0.1\n0\n",
        "no left hip",
    ),
    "no.npz": ("no zip", "not an npz"),
    "walk.fbx": ("", "unknown format"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    content, says = BAD[name]
    (tmp_path / name).write_text(content)
    with pytest.raises(ConfigError, match=says):
        read_clip(tmp_path / name)


def test_a_unit_that_makes_no_person_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="use --unit"):
        read_clip(folder / "walk.bvh", unit_m=1.0)


def test_too_few_frames_and_missing_files(tmp_path: Path) -> None:
    write_deepmimic(tmp_path / "short.txt")
    data = json.loads((tmp_path / "short.txt").read_text())
    (tmp_path / "short.txt").write_text(json.dumps(data | {"Frames": data["Frames"][:5]}))
    with pytest.raises(ConfigError, match="5 frames"):
        read_clip(tmp_path / "short.txt")
    with pytest.raises(ConfigError, match="no such file"):
        read_clip(tmp_path / "none.bvh")


def test_the_verb_needs_licence_and_source_and_keeps_them(robot: RobotModel, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "human.npz"
    asked = ["motion", "import", str(folder / "walk.txt"), "--output", str(out), "--stride", "0.2", "--slower", "1.3"]
    refused = CliRunner().invoke(main, [*asked, "--licence", "CC0"])
    assert refused.exit_code == 2 and "--source is missing" in refused.output and not out.exists()
    done = CliRunner().invoke(main, [*asked, "--licence", "CC0", "--source", "a formula"])
    assert done.exit_code in (0, 1), done.output
    motion, provenance = load_reference(out, robot.config)
    assert (provenance["licence"], provenance["source"]) == ("CC0", "a formula")
    assert provenance["human"]["period_s"] == pytest.approx(PERIOD, rel=0.02)
    assert ("fail" in done.output) == (done.exit_code == 1)
    assert len(motion.command) == 1

"""The MJCF is the robot of the design: masses, lengths, order, symmetry, signs."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
import pytest

from contract.mjcf import actuated_joint_names, flatten_mjcf
from contract.paths import assets_dir
from contract.robot_config import RobotConfig

LEG_MASSES = {"hip": 0.085, "thigh": 0.237, "shank": 0.381, "ankle": 0.023, "foot": 0.414}
MASSES = {"pelvis": 0.44, "chassis": 0.841} | {
    f"{s}_{part}": m for s in ("left", "right") for part, m in LEG_MASSES.items()
}
MIRROR = np.diag([1.0, -1.0, 1.0])
SWITCHES = ("left_toe", "left_heel", "right_toe", "right_heel")


def posed(model: mujoco.MjModel, **angles_rad: float) -> mujoco.MjData:
    """All joints at zero but the named ones, the pelvis upright at the origin."""
    data = mujoco.MjData(model)
    data.qpos[:7] = [0, 0, 0, 1, 0, 0, 0]
    for name, angle in angles_rad.items():
        data.joint(name).qpos[0] = angle
    mujoco.mj_forward(model, data)
    return data


def full_inertia(model: mujoco.MjModel, body: str) -> np.ndarray:
    """(3, 3) inertia of a body about its own centre of mass, in the body's frame, kg m^2."""
    rotation = np.zeros(9)
    mujoco.mju_quat2Mat(rotation, model.body(body).iquat)
    axes = rotation.reshape(3, 3)
    return axes @ np.diag(model.body(body).inertia) @ axes.T


def test_every_mass_is_the_weighed_one(model: mujoco.MjModel) -> None:
    found = {model.body(i).name: float(model.body_mass[i]) for i in range(1, model.nbody)}
    assert found == pytest.approx(MASSES, abs=1e-9)
    assert sum(found.values()) == pytest.approx(3.561, abs=1e-9)


def test_inertias_are_those_of_real_bodies(model: mujoco.MjModel) -> None:
    for i in range(1, model.nbody):
        a, b, c = sorted(model.body_inertia[i])
        assert a > 0 and a + b >= c, model.body(i).name


def test_left_and_right_bodies_mirror_each_other(model: mujoco.MjModel) -> None:
    for part in LEG_MASSES:
        left, right = f"left_{part}", f"right_{part}"
        np.testing.assert_allclose(model.body(right).pos, MIRROR @ model.body(left).pos, atol=1e-12)
        np.testing.assert_allclose(model.body(right).ipos, MIRROR @ model.body(left).ipos, atol=1e-9)
        np.testing.assert_allclose(full_inertia(model, right), MIRROR @ full_inertia(model, left) @ MIRROR, atol=1e-12)


def test_a_mirrored_pose_gives_mirrored_feet(model: mujoco.MjModel, config: RobotConfig) -> None:
    rng = np.random.default_rng(0)
    angles = rng.uniform(config.range_min, config.range_max)
    mirrored = config.symmetry_sign * angles[config.symmetric_index]
    data = posed(model, **dict(zip(config.actuator_names, angles, strict=True)))
    other = posed(model, **dict(zip(config.actuator_names, mirrored, strict=True)))
    for switch in SWITCHES:
        image = switch.replace("left", "x").replace("right", "left").replace("x", "right")
        np.testing.assert_allclose(other.site(image).xpos, MIRROR @ data.site(switch).xpos, atol=1e-7)
    forward, forward_image = (d.site("imu").xmat.reshape(3, 3)[:, 0] for d in (data, other))
    np.testing.assert_allclose(forward_image, MIRROR @ forward, atol=1e-7)


def test_lengths_are_the_measured_ones(model: mujoco.MjModel) -> None:
    data = posed(model)
    hip, knee, ankle = (data.xanchor[model.joint(f"left_{j}").id] for j in ("hip_pitch", "knee_pitch", "ankle_pitch"))
    np.testing.assert_allclose(hip, [0, 0.0536, -0.034], atol=1e-9)
    np.testing.assert_allclose(knee, [0, 0.09, -0.034 - 0.193], atol=1e-9)
    np.testing.assert_allclose(ankle, knee - [0, 0, 0.180], atol=1e-9)
    np.testing.assert_allclose(data.site("imu").xpos, [0, 0, 0.18], atol=1e-9)


def test_the_soles_hold_up_a_rectangle_of_20_by_9_cm(model: mujoco.MjModel) -> None:
    data = posed(model)
    ankle = data.xanchor[model.joint("left_ankle_pitch").id]
    corners = []
    for pad in ("left_heel", "left_toe"):
        geom = data.geom(pad)
        radius, half = model.geom(pad).size[:2]
        along = geom.xmat.reshape(3, 3)[:, 2] * half
        corners += sorted((geom.xpos + s * along - [0, 0, radius] - ankle).tolist() for s in (-1, 1))
    expected = [[x, y, -0.061] for x in (-0.08, 0.12) for y in (-0.045, 0.045)]
    np.testing.assert_allclose(sorted(np.round(corners, 9).tolist()), expected, atol=1e-9)


def test_names_agree_in_order(model: mujoco.MjModel, config: RobotConfig) -> None:
    names = config.actuator_names
    hinges = tuple(model.joint(i).name for i in range(1, model.njnt))
    assert hinges == names
    assert tuple(model.actuator(i).name for i in range(model.nu)) == names
    assert actuated_joint_names(assets_dir() / "scene.xml") == names
    assert tuple(model.joint(i).qposadr[0] for i in range(1, model.njnt)) == tuple(range(7, 18))
    for kind, suffix in ((mujoco.mjtSensor.mjSENS_JOINTPOS, "pos"), (mujoco.mjtSensor.mjSENS_JOINTVEL, "vel")):
        sensors = [model.sensor(i).name for i in range(model.nsensor) if model.sensor_type[i] == kind]
        assert sensors == [f"{name}_{suffix}" for name in names]


def test_keyframes_are_the_poses_of_the_config(model: mujoco.MjModel, config: RobotConfig) -> None:
    for key, pose in (("home", config.home), ("crouch", config.crouch)):
        np.testing.assert_allclose(model.key(key).qpos[7:], pose, atol=1e-6)
        np.testing.assert_allclose(model.key(key).ctrl, pose, atol=1e-6)
    assert model.key("home").qpos[2] == config.base.standing_height_m


def test_actuators_are_the_servos(model: mujoco.MjModel, config: RobotConfig) -> None:
    np.testing.assert_allclose(model.actuator_gainprm[:, 0], 21.1)
    np.testing.assert_allclose(model.actuator_biasprm[:, 1:3], np.tile([-21.1, -0.5], (11, 1)))
    np.testing.assert_allclose(model.actuator_forcerange, np.tile([-4.0, 4.0], (11, 1)))
    np.testing.assert_allclose(model.actuator_ctrlrange, np.stack([config.range_min, config.range_max], 1), atol=1e-6)
    np.testing.assert_allclose(model.dof_damping, [0] * 6 + [0.085] * 11)
    np.testing.assert_allclose(model.dof_frictionloss, [0] * 6 + [0.022] * 11)
    np.testing.assert_allclose(model.dof_armature, [0] * 6 + [0.025] * 11)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(
    ("joint", "point", "axis", "sign"),
    [
        ("hip_pitch", "heel", 0, 1),  # flexion: the foot goes forward
        ("knee_pitch", "heel", 0, -1),  # flexion: the foot goes back
        ("knee_pitch", "heel", 2, 1),  # and up
        ("ankle_pitch", "toe", 2, 1),  # dorsiflexion: the toe goes up
    ],
)
def test_pitch_signs(model: mujoco.MjModel, side: str, joint: str, point: str, axis: int, sign: int) -> None:
    rest, moved = posed(model), posed(model, **{f"{side}_{joint}": 0.3})
    shift = moved.site(f"{side}_{point}").xpos - rest.site(f"{side}_{point}").xpos
    assert sign * shift[axis] > 0.01
    assert shift[1] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("side", "outward"), [("left", 1), ("right", -1)])
def test_roll_signs(model: mujoco.MjModel, side: str, outward: int) -> None:
    leg_out = posed(model, **{f"{side}_hip_roll": 0.3}).body(f"{side}_foot").xpos[1]
    assert outward * leg_out > 0.09 + 0.05
    sole_up = posed(model, **{f"{side}_foot_roll": 0.3}).body(f"{side}_foot").xmat.reshape(3, 3)[:, 2]
    assert outward * sole_up[1] < -0.2  # the outer edge rises, so the sole's normal leans inward


def test_waist_turns_the_torso_and_its_imu_to_the_left(model: mujoco.MjModel) -> None:
    forward = posed(model, waist_yaw=0.3).site("imu").xmat.reshape(3, 3)[:, 0]
    np.testing.assert_allclose(forward, [np.cos(0.3), np.sin(0.3), 0], atol=1e-9)


def test_scene_flattened_into_one_file_is_the_same_model(model: mujoco.MjModel, tmp_path: Path) -> None:
    copy = tmp_path / "robot.xml"
    copy.write_text(flatten_mjcf(assets_dir() / "scene.xml"), encoding="utf-8")
    alone = mujoco.MjModel.from_xml_path(str(copy))
    for field in ("body_mass", "body_inertia", "geom_size", "jnt_range", "key_qpos", "actuator_gainprm"):
        np.testing.assert_array_equal(getattr(alone, field), getattr(model, field))
    assert (alone.geom("floor").id, alone.camera("track").id) == (model.geom("floor").id, model.camera("track").id)

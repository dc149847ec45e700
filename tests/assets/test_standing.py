"""The robot under plain mj_step: it stands without a policy, survives a drop, and lies on the floor when it falls."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from contract.robot_config import RobotConfig

GRAVITY = 9.81
TIMESTEPS_S = [0.002, 0.005]


def at_key(model: mujoco.MjModel, key: str) -> mujoco.MjData:
    data = mujoco.MjData(model)
    mujoco.mj_resetDataKeyframe(model, data, model.key(key).id)
    return data


def run(model: mujoco.MjModel, data: mujoco.MjData, seconds: float) -> None:
    mujoco.mj_step(model, data, round(seconds / model.opt.timestep))
    assert data.warning.number.sum() == 0


def up_z(data: mujoco.MjData) -> float:
    """Cosine of the pelvis's tilt."""
    return float(data.body("pelvis").xmat[8])


def floor_depth(data: mujoco.MjData) -> float:
    """Deepest contact, m; every contact is with the floor."""
    return max((-float(data.contact[i].dist) for i in range(data.ncon)), default=0.0)


@pytest.mark.parametrize("key", ["home", "crouch"])
def test_keyframe_puts_flat_soles_on_the_floor(model: mujoco.MjModel, key: str) -> None:
    data = at_key(model, key)
    mujoco.mj_forward(model, data)
    for side in ("left", "right"):
        np.testing.assert_allclose(data.body(f"{side}_foot").xmat.reshape(3, 3), np.eye(3), atol=1e-9)
        for pad in ("toe", "heel"):
            lowest = data.geom(f"{side}_{pad}").xpos[2] - model.geom(f"{side}_{pad}").size[0]
            assert lowest == pytest.approx(0, abs=2e-4)
    ankle_x = data.body("left_foot").xpos[0]
    assert data.subtree_com[0][0] - ankle_x == pytest.approx(0.02, abs=0.002)  # above the sole's centre


@pytest.mark.parametrize("timestep", TIMESTEPS_S)
@pytest.mark.parametrize("key", ["home", "crouch"])
def test_stands_for_ten_seconds_without_a_policy(model: mujoco.MjModel, key: str, timestep: float) -> None:
    model.opt.timestep = timestep
    data = at_key(model, key)
    run(model, data, 10.0)
    assert up_z(data) > 0.998  # within 3.6 degrees
    assert np.abs(data.qpos[:2]).max() < 0.01
    assert np.abs(data.qpos[2] - model.key(key).qpos[2]) < 0.01
    assert np.abs(data.qvel).max() < 0.002
    assert np.abs(data.actuator_force).max() < 1.5


def test_standing_is_not_an_accident(model: mujoco.MjModel) -> None:
    """The same check sees a robot whose servos are too weak to stand."""
    model.actuator_gainprm[:, 0] = 1.0
    model.actuator_biasprm[:, 1] = -1.0
    data = at_key(model, "home")
    run(model, data, 3.0)
    assert up_z(data) < 0.9


@pytest.mark.parametrize("angle_deg", range(0, 360, 45))
def test_home_survives_a_push_without_a_policy(model: mujoco.MjModel, angle_deg: int) -> None:
    data = at_key(model, "home")
    run(model, data, 0.5)
    angle = np.deg2rad(angle_deg)
    data.body("pelvis").xfrc_applied[:2] = 8 * np.array([np.cos(angle), np.sin(angle)])
    run(model, data, 0.2)
    data.body("pelvis").xfrc_applied[:] = 0
    run(model, data, 3.0)
    assert up_z(data) > 0.99


def test_foot_switches_read_body_weight_in_newtons(model: mujoco.MjModel, config: RobotConfig) -> None:
    data = at_key(model, "home")
    run(model, data, 2.0)
    mujoco.mj_forward(model, data)
    forces = np.array([data.sensor(name).data[0] for name in config.foot_switches])
    assert forces.sum() == pytest.approx(config.total_mass_kg * GRAVITY, rel=0.01)
    assert (forces > 5).all()


@pytest.mark.parametrize(("tilt_rad", "pressed"), [(0.15, "heel"), (-0.15, "toe")])
def test_only_the_pad_that_touches_is_pressed(model: mujoco.MjModel, tilt_rad: float, pressed: str) -> None:
    data = at_key(model, "home")
    for side in ("left", "right"):
        data.joint(f"{side}_ankle_pitch").qpos[0] += tilt_rad
    mujoco.mj_forward(model, data)
    soles = ("left_toe", "left_heel", "right_toe", "right_heel")
    lowest = min(data.geom(name).xpos[2] - model.geom(name).size[0] for name in soles)
    data.qpos[2] -= lowest + 0.001
    mujoco.mj_forward(model, data)
    for name in soles:
        assert (data.sensor(name).data[0] > 2) == name.endswith(pressed), name


@pytest.mark.parametrize("timestep", TIMESTEPS_S)
@pytest.mark.parametrize("height", [0.3, 0.5])
def test_a_drop_does_not_explode(model: mujoco.MjModel, height: float, timestep: float) -> None:
    model.opt.timestep = timestep
    data = at_key(model, "home")
    data.qpos[2] += height
    speed = depth = 0.0
    for _ in range(round(3.0 / timestep)):
        mujoco.mj_step(model, data)
        speed = max(speed, float(np.abs(data.qvel[:3]).max()))
        depth = max(depth, floor_depth(data))
    assert data.warning.number.sum() == 0
    assert speed < 1.2 * np.sqrt(2 * GRAVITY * height)  # no energy from the contact
    assert depth < 0.03
    assert data.qpos[2] < model.key("home").qpos[2] + 0.01


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_fallen_robot_lies_on_the_floor(model: mujoco.MjModel, axis: int, sign: int) -> None:
    data = at_key(model, "home")
    data.body("chassis").xfrc_applied[axis] = sign * 40
    run(model, data, 0.4)
    data.body("chassis").xfrc_applied[:] = 0
    run(model, data, 4.0)
    assert up_z(data) < 0.5
    assert floor_depth(data) < 0.005
    for body in ("pelvis", "chassis", "left_shank", "right_shank"):
        assert data.body(body).xipos[2] > 0.015, body


def test_wild_targets_stay_finite_at_the_longest_step(model: mujoco.MjModel, config: RobotConfig) -> None:
    model.opt.timestep = 0.005
    data, rng = at_key(model, "home"), np.random.default_rng(0)
    for _ in range(200):
        data.ctrl[:] = rng.uniform(config.range_min, config.range_max)
        run(model, data, 0.02)
        assert np.abs(data.qvel[6:]).max() < 60
        assert np.abs(data.actuator_force).max() <= 4.0


def test_the_robot_touches_the_floor_and_itself_only_flank_to_flank(model: mujoco.MjModel, config: RobotConfig) -> None:
    data, rng = at_key(model, "home"), np.random.default_rng(0)
    flanks = {"left_flank", "right_flank"}
    assert {model.geom(i).name for i in np.flatnonzero(model.geom_contype)} == flanks | {"floor"}
    touching: set[str] = set()
    for height in np.linspace(-0.1, 0.5, 300):
        data.qpos[2] = height
        data.qpos[7:] = rng.uniform(config.range_min, config.range_max)
        mujoco.mj_forward(model, data)
        pairs = [{model.geom(g).name for g in data.contact[i].geom} for i in range(data.ncon)]
        assert all("floor" in pair for pair in pairs if pair != flanks)
        touching |= {name for pair in pairs if pair != flanks for name in pair - {"floor"}}
    limbs = {f"{side}_{part}" for side in ("left", "right") for part in ("thigh", "shank", "toe", "heel")}
    assert touching == limbs | {"torso"}


def test_feet_meet_at_their_flanks_before_the_soles_cross(model: mujoco.MjModel) -> None:
    data = at_key(model, "home")
    mujoco.mj_forward(model, data)
    flanks = {"left_flank", "right_flank"}
    assert not any({model.geom(g).name for g in contact.geom} == flanks for contact in data.contact)
    for side in ("left", "right"):
        data.joint(f"{side}_hip_roll").qpos[0] = -0.175
        data.joint(f"{side}_foot_roll").qpos[0] = 0.175
    mujoco.mj_forward(model, data)
    assert any({model.geom(g).name for g in contact.geom} == flanks for contact in data.contact)

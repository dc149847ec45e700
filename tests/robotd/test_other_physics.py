"""Physics that no policy was trained on: what it changes in the twin, and that the robot's own stays as it was."""

from __future__ import annotations

import math

import mujoco
import numpy as np
import pytest
from test_mock_hardware import pose_rad

from contract import GOLDEN_POSES, Bundle, GoldenPose, check_golden_pose
from robotd.hal.physics import OTHER, OWN, Physics, Servos
from robotd.hal.sim import SimHardware, open_twin

PLAY = Physics(play_rad=math.radians(0.5))


def held(bundle: Bundle, physics: Physics, **options: object) -> SimHardware:
    """A twin on the stand that has held home for a second."""
    twin = open_twin(bundle, physics=physics, **options)
    twin.write(bundle.spec.robot.home)
    twin.enable()
    for _ in range(50):
        twin.read()
    return twin


def test_step_integrator_and_contacts_are_other_ones(zero_bundle: Bundle) -> None:
    own, other = open_twin(zero_bundle), open_twin(zero_bundle, physics=OTHER)
    assert own.model.opt.integrator == mujoco.mjtIntegrator.mjINT_EULER
    assert other.model.opt.integrator == mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    assert (own.model.opt.timestep, other.model.opt.timestep) == (0.002, 0.001)
    assert np.all(own.model.geom_solref[:, 0] == 0.02) and np.all(other.model.geom_solref[:, 0] == 0.04)
    other.read()
    other.read()
    assert other.time_s == pytest.approx(zero_bundle.spec.runtime.ctrl_dt)


def test_own_physics_changes_nothing(zero_bundle: Bundle) -> None:
    assert open_twin(zero_bundle).model.nq == open_twin(zero_bundle, physics=OWN).model.nq == 18
    plain, named = held(zero_bundle, OWN, seed=3), held(zero_bundle, Physics(), seed=3)
    assert np.array_equal(plain.qpos, named.qpos)


def test_a_link_turns_while_its_servo_stands_still_but_no_further_than_its_play(zero_bundle: Bundle) -> None:
    twin = held(zero_bundle, PLAY)
    name = "left_knee_pitch"
    joint = twin.model.joint(f"{name}_play")
    places, shafts = [], []
    for torque_nm in (-1.0, 1.0):
        twin.data.qfrc_applied[joint.dofadr[0]] = torque_nm
        twin.step(100)
        places.append(float(twin.data.qpos[joint.qposadr[0]]))
        shafts.append(float(twin.sense().joint_pos_rad[zero_bundle.spec.robot.actuator_names.index(name)]))
    assert places == pytest.approx([-PLAY.play_rad, PLAY.play_rad], abs=3e-3)
    assert shafts[0] == pytest.approx(shafts[1], abs=1e-3)


def test_a_servo_whose_zero_is_off_holds_another_angle_than_it_says(zero_bundle: Bundle) -> None:
    twin = held(zero_bundle, Physics(zero_offset_rad=0.05), seed=1)
    true = np.array([twin.data.joint(name).qpos[0] for name in zero_bundle.spec.robot.actuator_names])
    offset = true - twin.sense().joint_pos_rad
    assert 0.03 < np.max(np.abs(offset)) <= 0.05 + 1e-6 and len(np.unique(offset)) == 11
    own = held(zero_bundle, OWN, seed=1).sense().joint_pos_rad
    assert np.allclose(twin.sense().joint_pos_rad, own, atol=5e-3)  # it obeys what the servo says


def test_strength_scales_gains_and_torque_limit(zero_bundle: Bundle) -> None:
    model = open_twin(zero_bundle).model
    gain, bias, force = (x.copy() for x in (model.actuator_gainprm, model.actuator_biasprm, model.actuator_forcerange))
    servos = Servos(model, Physics(strength_spread=0.1), np.random.default_rng(0))
    for _ in range(20):  # always from the MJCF's values
        assert not np.any(servos.exchange())
        strength = model.actuator_gainprm[:, :1] / gain[:, :1]
        assert 0.02 < np.max(np.abs(strength - 1)) <= 0.1 + 1e-9
        assert np.allclose(model.actuator_biasprm, bias * strength)
        assert np.allclose(model.actuator_forcerange, force * strength)


def test_each_pick_up_gives_another_robot_and_the_same_seed_the_same_ones(zero_bundle: Bundle) -> None:
    def robots(seed: int) -> np.ndarray:
        twin = open_twin(zero_bundle, physics=OTHER, seed=seed)
        found = []
        for _ in range(3):
            twin.pick_up()
            found.append(twin.model.actuator_gainprm[:, 0].copy())
        return np.array(found)

    assert np.array_equal(robots(0), robots(0)) and not np.array_equal(robots(0), robots(1))
    assert len(np.unique(robots(0), axis=0)) == 3


def test_picked_up_after_a_fall_it_is_limp_upright_and_at_rest(zero_bundle: Bundle) -> None:
    twin = open_twin(zero_bundle, supported=False, physics=OTHER)
    for _ in range(100):
        twin.read()
    twin.push((9.0, 0.0, 0.0), 5.0)
    twin.enable()
    twin.data.warning.number[:] = 1
    twin.pick_up()
    signals = twin.read()
    assert twin.supported and not twin.enabled and not np.any(twin.push_n)
    assert abs(signals.quat_wxyz[0]) == pytest.approx(1) and np.all(signals.joint_vel_rad_s == 0)
    assert twin.base_position_m[2] > 0.4 and not np.any(twin.data.warning.number)


@pytest.mark.parametrize("pose", GOLDEN_POSES, ids=lambda pose: pose.name)
def test_golden_poses_hold_there_too(zero_bundle: Bundle, pose: GoldenPose) -> None:
    twin = open_twin(zero_bundle, physics=OTHER)
    twin.place(pose_rad(zero_bundle.spec, pose), pose.quat_wxyz)
    assert check_golden_pose(zero_bundle.spec, pose, twin.read()) == []

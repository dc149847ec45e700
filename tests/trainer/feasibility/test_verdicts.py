"""The shipped robot passes; one too heavy, too long or too weak fails where physics says so, its joint named."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np
import pytest
from click.testing import CliRunner
from variants import Change, changed_robot, heavier_torso, longer_shank, weak_servos

from contract import ConfigError
from trainer.cli import main
from trainer.config import TrainConfig
from trainer.feasibility.checks import all_verdicts, refuse_failed_twin
from trainer.feasibility.drop import drop, drop_test
from trainer.feasibility.poses import Goal, Kinematics, home, single_stance, solve
from trainer.feasibility.reach import _why, goals, reach_test
from trainer.feasibility.speed import speed_test
from trainer.feasibility.torque import apply, changes, hold, limits, torque_loads, torque_test
from trainer.feasibility.twin import Twin
from trainer.feasibility.verdict import FAIL, PASS, WARN, Finding, Verdict

Build = Callable[[Change], Twin]


def failures(verdict: Verdict) -> dict[str, str | None]:
    """The joint that each failed case names."""
    return {f.case: f.joint for f in verdict.findings if f.status == FAIL}


def test_the_shipped_robot_fails_nothing(shipped: Twin) -> None:
    found = {v.test: v for v in all_verdicts(shipped)}
    assert list(found) == ["drop", "torque", "speed", "reach"]
    assert [failures(v) for v in found.values()] == [{}] * 4
    assert [found[name].status for name in ("drop", "speed", "reach")] == [PASS] * 3


def test_a_heavier_torso_fails_in_the_knees(variant: Build) -> None:
    """+1.5 kg: the knees cannot stop the fall, and ask for more than 3.5 Nm in the gait."""
    twin = variant(heavier_torso)
    torque = torque_test(twin)
    assert torque.status == FAIL and all("knee" in str(joint) for joint in failures(torque).values())
    assert any("off chassis" in f.advice for f in torque.findings), "the torso is where the mass is"
    dropped = drop_test(twin)
    assert "knee" in str(failures(dropped)["tilt"])


def test_longer_shanks_fail_in_a_knee_and_with_what_was_made_for_short_ones(variant: Build, shipped: Twin) -> None:
    """+30 %: a knee asks for more than 3.5 Nm at 0.3 m/s; height and reference of the shipped legs do not fit."""
    twin = variant(longer_shank)
    torque = torque_test(twin)
    assert list(failures(torque)) == ["gait 0.3 ahead"] and "knee" in str(failures(torque)["gait 0.3 ahead"])
    assert "left_shank and right_shank" in torque.worst.advice
    assert drop_test(twin).status == PASS, "a longer leg alone does not fall"
    stale = Twin(changed_robot(longer_shank, shipped.robot.config), None, {}, shipped.own)
    assert set(failures(drop_test(stale))) == {"stated height off"}
    reach = failures(reach_test(stale))
    assert set(reach) == {"reference: fits legs"} and "ankle" in str(reach["reference: fits legs"])


def test_weak_servos_fail_in_the_hips(variant: Build) -> None:
    """2 Nm: on one leg a hip roll asks for 2.5 Nm; but home is light enough to come back to after a fall."""
    twin = variant(weak_servos)
    torque = failures(torque_test(twin))
    assert torque["stance left"] == "left_hip_roll" and torque["stance right"] == "right_hip_roll"
    assert drop_test(twin).status == PASS


def test_a_slow_servo_fails_the_speed_test(shipped: Twin) -> None:
    config = shipped.robot.config
    joints = {n: replace(j, max_velocity_rad_s=2.5 if "ankle" in n else 5.0) for n, j in config.joints.items()}
    slow = Twin(replace(shipped.robot, config=replace(config, joints=joints)), shipped.motion)
    found = failures(speed_test(slow, []))
    assert set(found) == {"gait 0.2 ahead", "gait 0.3 ahead"} and all("ankle" in str(j) for j in found.values())


def test_a_narrow_range_fails_the_reach_test(shipped: Twin) -> None:
    config = shipped.robot.config
    joints = {n: replace(j, range_max_rad=1.2 if "knee" in n else j.range_max_rad) for n, j in config.joints.items()}
    stiff = Twin(replace(shipped.robot, config=replace(config, joints=joints)), None)
    worst = next(f for f in reach_test(stiff).findings if f.case == "squat")
    assert worst.status == FAIL and "knee" in str(worst.joint)
    assert "_knee_pitch would have to go to 1.5" in worst.advice and "ends at 1.20" in worst.advice


def test_a_step_that_is_too_long_is_no_joints_doing(shipped: Twin) -> None:
    goal = goals(shipped)[1]
    far = Goal("far", goal.feet * [6, 1, 1], goal.com, goal.base_height)
    joint, advice = _why(shipped.robot, solve(shipped.robot, far), far)
    assert joint is None and "no range helps" in advice


def test_advice_on_a_mass_brings_the_torque_to_what_passes(variant: Build) -> None:
    robot = variant(heavier_torso).robot
    pose = single_stance(robot, "left")
    load, good = hold(robot, pose), limits(robot)[0]
    frame, joint = load.worst(good)
    assert abs(load.torque[frame, joint]) > good[joint]
    change = changes(robot, load, frame, joint)[0]
    lighter = replace(robot, model=apply(robot.model, change))
    found = hold(lighter, replace(pose, qpos=Kinematics(lighter).on_floor(pose.qpos))).torque[0, joint]
    assert abs(found) == pytest.approx(good[joint], rel=0.05)


def test_an_unstable_simulation_is_an_explosion(shipped: Twin) -> None:
    model = mujoco.MjModel.from_xml_path(str(Path(__file__).resolve().parents[3] / "assets/scene.xml"))
    model.actuator_gainprm[:, 0] *= 1e4
    model.actuator_biasprm[:, 1:] *= 1e4
    model.opt.timestep = 0.02
    verdict = drop_test(replace(shipped, robot=replace(shipped.robot, model=model)))
    assert verdict.status == FAIL


def test_the_robot_comes_to_rest_where_statics_say(shipped: Twin) -> None:
    seen = drop(shipped.robot)
    assert abs(seen.height_m - seen.expected_m) < 0.003
    assert seen.expected_m < home(shipped.robot).qpos[shipped.robot.base_qpos + 2], "servos give way"
    assert seen.torque_nm.max() > 2.0, "it did land"


def test_torques_of_the_gait_hold_accelerations(shipped: Twin) -> None:
    loads, _ = torque_loads(shipped)
    walking = next(load for load in loads if load.case == "gait 0.3 ahead")
    assert np.abs(walking.clip.qacc).max() > 5.0
    assert np.abs(walking.torque).max() > max(np.abs(load.torque).max() for load in loads if len(load.torque) == 1)


def test_a_finding_passes_warns_and_fails_at_its_limits() -> None:
    status = [Finding("x", None, v, 2.5, 3.5, "Nm").status for v in (2.5, 2.6, 3.5, 3.6, float("nan"))]
    assert status == [PASS, WARN, WARN, FAIL, FAIL]


def test_training_refuses_a_failed_twin_in_one_sentence(walking_config: TrainConfig, tmp_path: Path) -> None:
    path = weak_robot(tmp_path)
    config = walking_config.model_copy(
        update={"env": walking_config.env.model_copy(update={"robot_config": str(path), "reference": None})}
    )
    with pytest.raises(
        ConfigError, match=r"torque-test fails at .*(knee_pitch|hip_roll).*a servo of .*--allow-failed-twin"
    ):
        refuse_failed_twin(config)


def test_a_verb_writes_json_and_says_what_failed_by_its_exit_code(tmp_path: Path) -> None:
    run = CliRunner()
    args = ["torque-test", "--no-picture", "--output", str(tmp_path), "--json"]
    done = run.invoke(main, args)
    assert done.exit_code == 0 and json.loads(done.output)["status"] == WARN
    assert json.loads((tmp_path / "torque.json").read_text())["test"] == "torque"
    done = run.invoke(main, [*args, "--robot-config", str(weak_robot(tmp_path))])
    assert done.exit_code == 1 and json.loads(done.output)["status"] == FAIL


def weak_robot(folder: Path) -> Path:
    """The shipped robot_config.yaml with servos of 2 Nm."""
    text = (Path(__file__).resolve().parents[3] / "assets/robot_config.yaml").read_text()
    path = folder / "weak.yaml"
    path.write_text(text.replace("max_torque_nm: 4.0", "max_torque_nm: 2.0"))
    return path

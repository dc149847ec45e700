"""The robot that the shipped bundles were trained on is the robot of today: a policy fits no other."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from contract.paths import assets_dir

EXACT = 1e-9
FIELDS = (
    "jnt_axis", "jnt_pos", "jnt_range", "dof_damping", "dof_frictionloss", "dof_armature", "actuator_gainprm",
    "actuator_biasprm", "actuator_forcerange", "actuator_ctrlrange", "site_pos", "key_qpos", "key_ctrl", "body_mass",
    "body_pos", "body_ipos",
)  # fmt: skip
CONTACT = ("geom_size", "geom_pos", "geom_friction", "geom_solref", "geom_solimp", "geom_margin", "geom_condim")
LATER = {"left_flank", "right_flank"}  # a bundle from before the feet had flanks may lack them


def tensors(model: mujoco.MjModel) -> np.ndarray:
    """(bodies, 3, 3) kg m^2 in the bodies' axes: principal axes may be told in another order."""
    turns = np.zeros((model.nbody, 9))
    for turn, quat in zip(turns, model.body_iquat, strict=True):
        mujoco.mju_quat2Mat(turn, quat)
    axes = turns.reshape(-1, 3, 3)
    return np.einsum("bij,bj,bkj->bik", axes, model.body_inertia, axes)


def colliders(model: mujoco.MjModel) -> dict[str, int]:
    touching = np.flatnonzero((model.geom_contype != 0) | (model.geom_conaffinity != 0))
    return {model.geom(i).name: int(i) for i in touching}


@pytest.mark.parametrize("bundle", ["standing", "walking", "wildrobot/standing", "wildrobot/walking"])
def test_a_bundles_robot_is_the_one_in_assets(model: mujoco.MjModel, bundle: str) -> None:
    trained = mujoco.MjModel.from_xml_path(str(assets_dir() / "bundles" / bundle / "robot.xml"))
    for field in FIELDS:
        np.testing.assert_allclose(getattr(trained, field), getattr(model, field), rtol=0, atol=EXACT, err_msg=field)
    np.testing.assert_allclose(tensors(trained), tensors(model), rtol=0, atol=EXACT)
    old, new = colliders(trained), colliders(model)
    assert set(new) - LATER <= set(old) <= set(new)
    for name, index in old.items():
        for field in CONTACT:
            found, expected = getattr(trained, field)[index], getattr(model, field)[new[name]]
            np.testing.assert_allclose(found, expected, rtol=0, atol=EXACT, err_msg=f"{name} {field}")

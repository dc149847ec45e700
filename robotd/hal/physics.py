"""Other physics for a twin than its MJCF describes: what no policy was trained on, to rehearse the way to a robot."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_SOFT_S = 0.04  # MuJoCo's own time constant of contacts is 0.02
_PLAY_DAMPING, _PLAY_ARMATURE = 0.005, 1e-4  # Nm s/rad and kg m2 of a link that rattles between two teeth


class Physics(NamedTuple):
    """How the twin's world differs from the MJCF; as it stands here it does not.

    implicit: MuJoCo's implicitfast integrator; sim_dt_s: the physics step; contact_solref, contact_solimp: of every
    geom, where given; play_rad: how far each joint's link turns to both sides while its servo stands still;
    strength_spread: largest part by which a servo's gains and torque limit differ from the MJCF's;
    zero_offset_rad: largest angle by which a servo's zero is off.
    """

    implicit: bool = False
    sim_dt_s: float = 0.002
    contact_solref: tuple[float, float] | None = None
    contact_solimp: tuple[float, float, float] | None = None
    play_rad: float = 0.0
    strength_spread: float = 0.0
    zero_offset_rad: float = 0.0


OWN = Physics()
OTHER = Physics(
    implicit=True,
    sim_dt_s=0.001,
    contact_solref=(_SOFT_S, 1.0),
    contact_solimp=(0.85, 0.95, 0.003),
    play_rad=math.radians(0.5),
    strength_spread=0.02,
    zero_offset_rad=0.01,
)
PHYSICS = {"own": OWN, "other": OTHER}
OTHER_IN_WORDS = (
    f"implicitfast integrator with {OTHER.sim_dt_s * 1e3:g} ms steps instead of Euler with {OWN.sim_dt_s * 1e3:g} ms, "
    f"contacts that give way within {_SOFT_S * 1e3:g} ms instead of 20, "
    f"{math.degrees(OTHER.play_rad):g} deg of play to both sides in each joint, "
    f"servos up to {OTHER.strength_spread:.0%} weaker or stronger and their zeros up to "
    f"{math.degrees(OTHER.zero_offset_rad):.1f} deg off, drawn anew for each episode"
)


class Servos:
    """What makes one robot's servos different from another's: the actuators of a compiled mujoco.MjModel, with gains
    and torque limits drawn around those of the MJCF, and zeros that are off."""

    def __init__(self, model: Any, physics: Physics, rng: np.random.Generator) -> None:
        self._model, self._physics, self._rng = model, physics, rng
        self._gain, self._bias = model.actuator_gainprm.copy(), model.actuator_biasprm.copy()
        self._force = model.actuator_forcerange.copy()

    def exchange(self) -> NDArray[np.float64]:
        """Put in another set; returns the joints' true angles where the servos say 0, (J,) rad.

        Draws nothing where all are alike.
        """
        count, spread, off_rad = len(self._gain), self._physics.strength_spread, self._physics.zero_offset_rad
        if not spread and not off_rad:
            return np.zeros(count)
        strength = 1 + self._rng.uniform(-spread, spread, (count, 1))
        self._model.actuator_gainprm[:] = self._gain * strength
        self._model.actuator_biasprm[:] = self._bias * strength
        self._model.actuator_forcerange[:] = self._force * strength
        return self._rng.uniform(-off_rad, off_rad, count)


def alter(mujoco: Any, spec: Any, physics: Physics) -> None:
    """Change a mujoco.MjSpec before it is compiled: step, integrator, contacts, and the play in its driven joints."""
    spec.option.timestep = physics.sim_dt_s
    if physics.implicit:
        spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    for geom in spec.geoms:
        if physics.contact_solref is not None:
            geom.solref = physics.contact_solref
        if physics.contact_solimp is not None:
            geom.solimp[:3] = physics.contact_solimp
    if physics.play_rad:
        _loosen(mujoco, spec, physics.play_rad)


def _loosen(mujoco: Any, spec: Any, play_rad: float) -> None:
    """After each driven joint a second one on the same axis, with hardly any room: the link rattles on its servo."""
    for key in list(spec.keys):  # their qpos would be too short
        spec.delete(key)
    room = math.degrees(play_rad) if spec.compiler.degree else play_rad
    for actuator in spec.actuators:
        joint = spec.joint(actuator.target)
        if joint is None:  # the compiler says what is wrong
            continue
        joint.parent.add_joint(
            name=f"{joint.name}_play",
            type=mujoco.mjtJoint.mjJNT_HINGE,
            axis=joint.axis,
            pos=joint.pos,
            limited=True,
            range=(-room, room),
            solref_limit=(0.004, 1.0),
            damping=[_PLAY_DAMPING, 0, 0],
            armature=_PLAY_ARMATURE,
            frictionloss=0,
        )

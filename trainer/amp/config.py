"""The `amp` section of a training YAML."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..section import NotNegative, Positive, Section

Count = Annotated[int, Field(gt=0)]


class FeatureScales(Section):
    """What counts as one unit of each feature: rad, rad/s, m, and entries of a rotation matrix."""

    joint_pos: Positive = 0.2
    joint_vel: Positive = 2.0
    base_height: Positive = 0.02
    base_orientation: Positive = 0.1


class AmpConfig(Section):
    """The discriminator, its data and its reward; amp_reward_weight multiplies the style reward.

    `expert` names a file in assets/motions, or any file by its absolute path. With `pair` the discriminator sees
    (s_t, s_t+1), else only s_t+1. With `mirror` each expert motion is also shown in a mirror. `feature_scales` are
    fixed units, or `running` for a mean and spread that follow the data. instance_noise is in those units. Each
    iteration adds batch_size fresh pairs to a ring of replay_size. `target_accuracy` holds the discriminator near that
    accuracy (see stage.handicap); null lets it run free.
    """

    enable_amp: bool = False
    amp_reward_weight: NotNegative = 0.3
    amp_start_iteration: Annotated[int, Field(ge=0)] = 0
    expert: str = "walking.npz"
    pair: bool = True
    mirror: bool = True
    feature_scales: FeatureScales | Literal["running"] = FeatureScales()
    loss: Literal["bce", "lsgan"] = "lsgan"
    reward: Literal["lsgan", "bce", "log_sigmoid"] = "lsgan"
    disc_hidden_dims: Annotated[tuple[Count, ...], Field(min_length=1)] = (128, 64)
    disc_learning_rate: Positive = 1e-4
    disc_updates_per_iter: Count = 1
    batch_size: Annotated[int, Field(ge=2)] = 1024
    replay_size: Count = 32768
    r1_gamma: NotNegative = 5.0
    logit_reg: NotNegative = 0.01
    weight_decay: NotNegative = 1e-4
    instance_noise: NotNegative = 0.1
    target_accuracy: Annotated[float, Field(ge=0.55, le=0.8)] | None = 0.75

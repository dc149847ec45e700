"""Physics by name: what `auto` becomes, and what is refused in one sentence."""

import jax
import pytest

from contract import ConfigError
from trainer.env import Env
from trainer.physics.backends import create_physics, resolve_backend
from trainer.physics.mjx import MjxPhysics
from trainer.physics.native import NativePhysics


@pytest.mark.parametrize(("platform", "expected"), [("cpu", "native"), ("gpu", "mjx"), ("tpu", "mjx")])
def test_auto_follows_the_machine(monkeypatch: pytest.MonkeyPatch, platform: str, expected: str) -> None:
    monkeypatch.setattr(jax, "default_backend", lambda: platform)
    assert resolve_backend("auto") == expected
    assert resolve_backend("native") == "native"


def test_names_make_what_they_say(env: Env) -> None:
    assert type(create_physics("native", env.robot, 2, 4)) is NativePhysics
    physics = create_physics("mjx", env.robot, 2, 4)
    assert type(physics) is MjxPhysics
    assert (physics.num_envs, physics.decimation) == (2, 4)


def test_an_unknown_name_is_refused_with_a_suggestion(env: Env) -> None:
    with pytest.raises(ConfigError, match=r"'nativ' is unknown, expected one of native, mjx.*mean 'native'"):
        create_physics("nativ", env.robot, 2, 4)


def test_warp_without_a_gpu_is_refused(env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax, "default_backend", lambda: "cpu")
    with pytest.raises(ConfigError, match=r"'warp': jax found only a cpu, expected an NVIDIA GPU"):
        create_physics("warp", env.robot, 2, 4)


def test_warp_without_its_package_is_refused(env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="package warp-lang is missing"):
        create_physics("warp", env.robot, 2, 4)

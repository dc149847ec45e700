"""ONNX against the JAX network, and what must not be exported."""

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import pytest

from contract import BundleError
from trainer.config import NetworkConfig
from trainer.env import Env
from trainer.networks import Agent, Networks
from trainer.onnx_network import PARITY_INPUTS, build_onnx, parity_error, sample_observations
from trainer.symmetry import make_mirrors

CRITIC_DIM = 7


def trained(networks: Networks, obs_dim: int, key: jax.Array) -> Agent:
    """An agent with weights and normaliser far from their start."""
    agent = networks.init(key, obs_dim, CRITIC_DIM)
    samples = 3.0 + 2.0 * jax.random.normal(key, (1000, obs_dim))
    louder = jax.tree.map(lambda x: x + 0.1 * jax.random.normal(key, x.shape), agent.actor)
    return agent._replace(actor=louder, obs_norm=agent.obs_norm.update(samples))


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("activation", ["elu", "relu", "tanh"])
def test_onnx_is_the_network(env: Env, key: jax.Array, activation: str, symmetric: bool) -> None:
    config = NetworkConfig(activation=activation, policy_hidden_dims=(64, 32), symmetric=symmetric)
    networks = Networks.create(config, env.spec.num_joints, make_mirrors(env.spec, env.robot.config))
    agent = trained(networks, env.spec.model.obs_dim, key)
    content = build_onnx(networks, agent, env.spec)
    assert parity_error(content, networks, agent) <= 1e-5
    model = onnx.load_from_string(content)
    properties = {p.key: p.value for p in model.metadata_props}
    assert properties["actuator_names"].split(",") == list(env.spec.robot.actuator_names)
    assert properties["contract_version"] == env.spec.contract_version


def test_parity_inputs_reach_the_clip(env: Env, networks: Networks, key: jax.Array) -> None:
    agent = trained(networks, env.spec.model.obs_dim, key)
    samples = sample_observations(agent, PARITY_INPUTS)
    scaled = (samples - agent.obs_norm.mean) / np.sqrt(agent.obs_norm.var)
    assert len(samples) >= 1000
    assert np.abs(scaled).max() > 8.5


def test_another_activation_is_refused(env: Env, networks: Networks, key: jax.Array, monkeypatch) -> None:
    """The field's bug: a network trained with one activation, exported with another."""
    monkeypatch.setitem(__import__("trainer.onnx_network").onnx_network.OPS, "elu", "Selu")
    with pytest.raises(BundleError, match="differs from the network by"):
        build_onnx(networks, trained(networks, env.spec.model.obs_dim, key), env.spec)


@pytest.mark.parametrize("broken", ["kernel", "bias", "mean"])
def test_nan_is_refused(env: Env, networks: Networks, key: jax.Array, broken: str) -> None:
    agent = trained(networks, env.spec.model.obs_dim, key)
    if broken == "mean":
        agent = agent._replace(obs_norm=agent.obs_norm._replace(mean=agent.obs_norm.mean.at[3].set(jnp.nan)))
    else:
        layer = agent.actor["params"]["Dense_1"]
        layer[broken] = layer[broken].at[(0,) * layer[broken].ndim].set(jnp.nan)
    with pytest.raises(BundleError, match="not finite"):
        build_onnx(networks, agent, env.spec)

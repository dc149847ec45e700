"""Data-parallel training: each process has its own robots and physics, and all learn from the joined batch.

The update is the one of a single process. Its rollout is one global array, sharded over the robots across all devices
of all processes, and its parameters are replicated: so gradients, normalisers and statistics of advantages are those
of the whole batch, and XLA's compiler puts the exchange where it is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from contract import ConfigError

from .ppo import Transition

ROBOTS = "robots"


def join_processes(coordinator: str, process_id: int, num_processes: int) -> Processes:
    """Meet the other processes; call it before jax computes anything.

    Args:
        coordinator: host:port of process 0, reachable by all.

    Raises:
        ConfigError: a process_id outside 0 to num_processes - 1, or not all came within jax's time.
    """
    if not 0 <= process_id < num_processes:
        raise ConfigError(f"--process-id: found {process_id}, expected 0 to {num_processes - 1}; number from 0")
    cast(Any, jax.config).update("jax_cpu_collectives_implementation", "gloo")
    try:
        jax.distributed.initialize(coordinator, num_processes, process_id)
    except RuntimeError as problem:
        detail = " ".join(str(problem).split())[:160]
        raise ConfigError(
            f"--coordinator: {coordinator} did not bring {num_processes} processes together ({detail}), "
            "expected all of them to start with the same address; check that it can be reached"
        ) from None
    return Processes(num_processes, process_id, Mesh(np.array(jax.devices()), (ROBOTS,)))


@dataclass(frozen=True)
class Processes:
    """The processes that train together, as one of them sees them; without a mesh nothing is ever exchanged."""

    count: int
    index: int
    mesh: Mesh | None

    @staticmethod
    def alone() -> Processes:
        """One process on one device."""
        return Processes(1, 0, None)

    @property
    def first(self) -> bool:
        """True in the one process that writes."""
        return self.index == 0

    def own_share(self, num_envs: int) -> int:
        """How many of all robots live here. Raises ConfigError where they do not divide."""
        devices = 1 if self.mesh is None else self.mesh.size
        if num_envs % max(self.count, devices):
            found = f"{num_envs} robots do not divide by {max(self.count, devices)} devices"
            raise ConfigError(f"env.num_envs: {found}, expected a multiple of it; set --num-envs")
        return num_envs // self.count

    def own_key(self, key: Any) -> Any:
        """A random key that no other process has."""
        return key if self.count == 1 else jax.random.fold_in(key, self.index)

    def same(self, tree: Any) -> Any:
        """What is equal in all processes, on all devices; random keys as well."""
        if self.mesh is None:
            return tree
        everywhere = _sharding(self.mesh)

        def put(x: Any) -> Any:
            if isinstance(x, jax.Array) and jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
                return jax.random.wrap_key_data(put(jax.random.key_data(x)))
            return jax.device_put(np.asarray(x), everywhere)

        return jax.tree.map(put, tree)

    def share(self, rollout: Transition) -> Transition:
        """Everyone's rollouts [T, B of this process, ...] as one [T, B of all, ...], each part where it was made."""
        if self.mesh is None:
            return rollout
        along_robots, join = _sharding(self.mesh, None, ROBOTS), cast(Any, jax.make_array_from_process_local_data)
        joined: Transition = jax.tree.map(lambda x: join(along_robots, np.asarray(x)), rollout)
        return joined

    def mine(self, tree: Any) -> Any:
        """This process's copy of what is equal in all, as plain arrays."""
        return tree if self.mesh is None else jax.tree.map(lambda x: np.asarray(_local(x)), tree)


def _sharding(mesh: Mesh, *axes: str | None) -> NamedSharding:
    return NamedSharding(mesh, cast(Any, PartitionSpec)(*axes))


def _local(x: Any) -> Any:
    return x.addressable_data(0) if isinstance(x, jax.Array) else x

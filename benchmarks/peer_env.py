"""The environment step of another project, as its own PPO wraps it, timed in that project's Python environment.

    python benchmarks/peer_env.py brax|playground NUM_ENVS STEPS REPEATS SUBSTEPS

Prints one line of JSON: name, seconds of each run (the first one warms up), first_s with compilation, versions. Both
projects use MJX here; their humanoids are walkers of about our size in degrees of freedom. Imports nothing of ours.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from typing import Any

import jax

EPISODE = 1000


def brax_humanoid(substeps: int) -> tuple[Any, dict[str, Any]]:
    """Brax's humanoid on MJX with the wrappers of its training, and what it is."""
    from brax import envs

    env = envs.get_environment("humanoid", backend="mjx", n_frames=substeps)
    facts = {
        "name": f"brax: humanoid, {env.sys.opt.timestep * 1e3:.0f} ms physics",
        "dofs": int(env.sys.nv),
        "solver": [int(env.sys.opt.iterations), int(env.sys.opt.ls_iterations)],
        "versions": {name: version(name) for name in ("brax", "jax", "mujoco-mjx")},
    }
    return envs.training.wrap(env, episode_length=EPISODE, action_repeat=1), facts


def playground_humanoid(substeps: int) -> tuple[Any, dict[str, Any]]:
    """MuJoCo Playground's HumanoidWalk with the wrappers of its training, and what it is.

    Its robots with legs (Berkeley Humanoid, G1) are not in its wheel: their meshes are fetched when first used.
    """
    from mujoco_playground import registry, wrapper

    sim_dt = 0.005
    changes = {"impl": "jax", "sim_dt": sim_dt, "ctrl_dt": sim_dt * substeps}
    env = registry.load("HumanoidWalk", config_overrides=changes)
    facts = {
        "name": f"playground: HumanoidWalk, {sim_dt * 1e3:.0f} ms physics",
        "dofs": int(env.mj_model.nv),
        "solver": [int(env.mj_model.opt.iterations), int(env.mj_model.opt.ls_iterations)],
        "versions": {name: version(name) for name in ("playground", "jax", "mujoco-mjx")},
    }
    return wrapper.wrap_for_brax_training(env, episode_length=EPISODE), facts


def time_steps(env: Any, num_envs: int, steps: int, repeats: int) -> dict[str, Any]:
    """Seconds of `steps` steps with random actions, as one compiled scan; first_s has reset and compilation in it."""

    def run(state: Any, key: Any) -> Any:
        def step(state: Any, key: Any) -> tuple[Any, None]:
            action = jax.random.uniform(key, (num_envs, env.action_size), minval=-1.0, maxval=1.0)
            return env.step(state, action), None

        return jax.lax.scan(step, state, jax.random.split(key, steps))[0]

    key = jax.random.PRNGKey(0)
    started = time.perf_counter()
    state = jax.jit(env.reset)(jax.random.split(key, num_envs))
    compiled = jax.jit(run).lower(state, key).compile()
    jax.block_until_ready(state)
    built_s, seconds = time.perf_counter() - started, []
    for repeat in range(repeats + 1):
        started = time.perf_counter()
        state = jax.block_until_ready(compiled(state, jax.random.fold_in(key, repeat)))
        seconds.append(time.perf_counter() - started)
    return {"seconds": seconds, "first_s": built_s + seconds[0]}


def main() -> None:
    peer, *sizes = sys.argv[1:]
    num_envs, steps, repeats, substeps = map(int, sizes)
    env, facts = {"brax": brax_humanoid, "playground": playground_humanoid}[peer](substeps)
    print(json.dumps(facts | time_steps(env, num_envs, steps, repeats)))


if __name__ == "__main__":
    main()

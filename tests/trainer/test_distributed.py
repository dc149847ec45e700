"""Two processes with halves of a batch learn what one learns from the whole."""

import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from contract import ConfigError
from trainer.distributed import Processes, join_processes

TOLERANCE = 2e-4
"""Sums in another order in float32, through sixteen steps of Adam; measured, see the test's message."""
PROGRAM = """
import sys
import jax, numpy as np
from trainer.distributed import Processes, join_processes
address, index, count, out = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
processes = Processes.alone() if count == 1 else join_processes(address, index, count)
from trainer.config import load_train_config
from trainer.ppo import Transition, make_update
from trainer.task import make_env
from trainer.train import init_learner, make_networks
from trainer.amp.features import feature_dim
from pathlib import Path
config = load_train_config(Path(sys.argv[5]))
env = make_env(config, num_envs=16 // count)
networks = make_networks(config, env)
learner = processes.same(init_learner(config, env, networks, jax.random.key(0)))
sizes = [networks.mirrors.obs.order.size, networks.mirrors.critic_obs.order.size]
rng = np.random.default_rng(0)
draw = lambda *shape: rng.normal(size=(8, 16, *shape)).astype(np.float32)
action = draw(11)
whole = Transition(draw(sizes[0]), draw(sizes[1]), draw(sizes[1]), 0.3 * action, -5 + 0.1 * draw(), draw(),
                   draw() > 2, draw() > 2, draw(2, feature_dim(11)))
each = 16 // count
mine = jax.tree.map(lambda x: x[:, index * each:(index + 1) * each], whole)
learner, losses = make_update(networks, config.ppo)(
    learner, processes.share(mine), processes.same(jax.random.key(1)))
agent = processes.mine(learner.agent)
if index == 0:
    np.savez(out, *[np.asarray(x) for x in jax.tree.leaves(agent)], loss=float(losses["value_loss"]))
"""


def learn(out: Path, config: Path, count: int) -> list[np.ndarray]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "-c", PROGRAM, address]
    words = (str(count), str(out), str(config))
    started = [subprocess.Popen([*command, str(i), *words], stderr=subprocess.PIPE, text=True) for i in range(count)]
    for process in started:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors[-2000:]
    with np.load(out) as file:
        return [file[name] for name in file.files]


def test_two_processes_learn_as_one(tmp_path: Path) -> None:
    config = Path(__file__).resolve().parents[2] / "trainer" / "configs" / "standing.yaml"
    one, two = learn(tmp_path / "one.npz", config, 1), learn(tmp_path / "two.npz", config, 2)
    worst = max(float(np.max(np.abs(a - b) / (1 + np.abs(a)))) for a, b in zip(one, two, strict=True))
    assert worst < TOLERANCE, worst


def test_numbers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="found 2, expected 0 to 1"):
        join_processes("127.0.0.1:1", 2, 2)
    with pytest.raises(ConfigError, match=r"7 robots do not divide by 2"):
        Processes(2, 0, None).own_share(7)

"""Servos and their bus: each quirk alone, by its own arithmetic."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from contract import PolicySpec
from trainer.env import Env
from trainer.randomization import DomainRandomization, Quirks, draw_quirks
from trainer.servo import (
    SPEED_WINDOW_S,
    TARGET_MARGIN_RAD,
    ServoState,
    drive,
    history_length,
    initial_servos,
    limit,
    read,
)

DECIMATION, SIM_DT, CTRL_DT = 4, 0.005, 0.02


@pytest.fixture(scope="module")
def spec(env: Env) -> PolicySpec:
    return env.spec


@pytest.fixture(scope="module")
def ideal(spec: PolicySpec) -> Quirks:
    """Nothing wrong: no latency, the set-point jumps as fast as a joint may move."""
    return draw_quirks(DomainRandomization(), spec.num_joints, SIM_DT, jax.random.key(0))


class Bench:
    """Servos of one robot, driven by targets; remembers every aim."""

    def __init__(self, spec: PolicySpec, quirks: Quirks, latency_max_s: float = 0.0) -> None:
        self.spec, self.quirks, self.aims = spec, quirks, []
        self.start = np.asarray(spec.robot.home) + 0.1
        self.state = initial_servos(jnp.asarray(self.start), latency_max_s, CTRL_DT)
        self._drive = jax.jit(lambda state, target: drive(spec, quirks, state, target, DECIMATION))

    def send(self, offset_rad: float, steps: int = 1) -> np.ndarray:
        """Ask all joints for start + offset; the aims of these steps (steps * DECIMATION, J), less the start."""
        for _ in range(steps):
            self.state, aims = self._drive(self.state, jnp.asarray(self.start + offset_rad))
            self.aims.extend(np.asarray(aims) - self.start)
        return np.array(self.aims[-steps * DECIMATION :])


def test_targets_stay_inside_the_range_less_a_margin(spec: PolicySpec) -> None:
    low, high = spec.robot.range_min, spec.robot.range_max
    far = np.float32(100.0)
    near_top = limit(spec, jnp.asarray(high + far), jnp.asarray(high - TARGET_MARGIN_RAD - 0.01))
    np.testing.assert_allclose(near_top, high - TARGET_MARGIN_RAD, atol=1e-6)
    near_bottom = limit(spec, jnp.asarray(low - far), jnp.asarray(low + TARGET_MARGIN_RAD + 0.01))
    np.testing.assert_allclose(near_bottom, low + TARGET_MARGIN_RAD, atol=1e-6)
    inside = (low + high) / 2
    np.testing.assert_array_equal(limit(spec, jnp.asarray(inside), jnp.asarray(inside)), inside)


def test_targets_move_no_faster_than_a_joint_may(spec: PolicySpec) -> None:
    middle = np.asarray((spec.robot.range_min + spec.robot.range_max) / 2)
    step = spec.robot.max_velocity * CTRL_DT
    np.testing.assert_allclose(limit(spec, jnp.asarray(middle + 0.3), jnp.asarray(middle)), middle + step, atol=1e-6)
    np.testing.assert_allclose(limit(spec, jnp.asarray(middle - 0.3), jnp.asarray(middle)), middle - step, atol=1e-6)


def test_ideal_servos_aim_at_the_target_at_once(spec: PolicySpec, ideal: Quirks) -> None:
    bench = Bench(spec, ideal)
    np.testing.assert_allclose(bench.send(0.02), 0.02, atol=1e-6)
    np.testing.assert_allclose(bench.send(-0.005), -0.005, atol=1e-6)


@pytest.mark.parametrize("latency", [0, 1, 3, 4, 6, 8])
def test_a_target_arrives_its_latency_in_physics_steps_later(spec: PolicySpec, ideal: Quirks, latency: int) -> None:
    bench = Bench(spec, ideal._replace(latency=jnp.asarray(latency)), latency_max_s=8 * SIM_DT)
    aims = np.concatenate([bench.send(0.01), bench.send(0.02), bench.send(0.03), bench.send(0.03, 2)])[:, 0]
    wanted = np.repeat([0.01, 0.02, 0.03, 0.03, 0.03], DECIMATION)
    wanted = np.concatenate([np.zeros(latency), wanted])[: len(aims)]
    np.testing.assert_allclose(aims, wanted, atol=1e-6)


def test_the_oldest_latency_of_a_config_is_remembered(spec: PolicySpec) -> None:
    for seconds, depth in ((0.0, 1), (0.004, 2), (0.02, 2), (0.021, 3), (0.04, 3)):
        assert len(initial_servos(jnp.zeros(spec.num_joints), seconds, CTRL_DT).targets) == depth


@pytest.mark.parametrize("ramp", [1, 2, 4])
def test_the_ramp_arrives_exactly_when_its_time_is_up(spec: PolicySpec, ideal: Quirks, ramp: int) -> None:
    bench = Bench(spec, ideal._replace(ramp=jnp.asarray(float(ramp))))
    aims = np.concatenate([bench.send(0.024), bench.send(0.024)])[:, 0]
    wanted = 0.024 * np.minimum(np.arange(1, 2 * DECIMATION + 1) / ramp, 1.0)
    np.testing.assert_allclose(aims, wanted, atol=1e-6)


def test_the_set_point_moves_no_faster_than_a_joint_may(spec: PolicySpec, ideal: Quirks) -> None:
    bench = Bench(spec, ideal)
    aims = bench.send(0.15, 4)
    steps = np.diff(np.concatenate([np.zeros((1, spec.num_joints)), aims]), axis=0)
    fastest = spec.robot.max_velocity * SIM_DT
    np.testing.assert_allclose(steps[:4], np.tile(fastest, (4, 1)), atol=1e-6)
    assert (steps <= fastest + 1e-6).all()
    np.testing.assert_allclose(aims[-1], 0.15, atol=1e-6)


def test_backlash_is_a_loop_twice_as_wide_as_its_half_play(spec: PolicySpec, ideal: Quirks) -> None:
    """The play operator: the shaft waits while the set-point crosses the gap, on the way up and on the way down."""
    half = 0.008
    bench = Bench(spec, ideal._replace(backlash=jnp.full(spec.num_joints, half)))
    places = np.concatenate([np.arange(0, 0.05, 0.004), np.arange(0.05, -0.05, -0.004), np.arange(-0.05, 0.05, 0.004)])
    shaft, expected, wanted = [], 0.0, []
    for place in places:
        shaft.append(bench.send(float(place))[-1, 0])
        expected = max(place - half, min(expected, place + half))
        wanted.append(expected)
    np.testing.assert_allclose(shaft, wanted, atol=1e-5)


def test_backlash_leaves_the_shaft_behind_on_either_side(spec: PolicySpec, ideal: Quirks) -> None:
    half = 0.008
    bench = Bench(spec, ideal._replace(backlash=jnp.full(spec.num_joints, half)))
    bench.send(-0.05, 3)
    from_below = bench.send(0.0, 3)[-1]
    bench.send(0.05, 3)
    from_above = bench.send(0.0, 3)[-1]
    np.testing.assert_allclose(from_above - from_below, 2 * half, atol=1e-6)
    np.testing.assert_allclose(bench.send(0.0, 2), np.tile(from_above, (2 * DECIMATION, 1)), atol=1e-7)


def test_a_joint_offset_moves_the_joint_and_hides_itself(spec: PolicySpec, ideal: Quirks) -> None:
    """A servo whose zero is off goes elsewhere, and then says that it is where it was told to be."""
    offset = jnp.linspace(-0.03, 0.03, spec.num_joints)
    quirks = ideal._replace(joint_offset=offset)
    bench = Bench(spec, quirks)
    aims = bench.send(0.02)
    np.testing.assert_allclose(aims, np.tile(0.02 + offset, (DECIMATION, 1)), atol=1e-6)
    pos, vel = read(quirks, jnp.tile(jnp.asarray(bench.start + aims[-1]), (4, 1)), jnp.asarray(1.0), CTRL_DT, 0.0)
    np.testing.assert_allclose(pos, bench.start + 0.02, atol=1e-6)
    np.testing.assert_allclose(vel, 0.0, atol=1e-5)


SPEED = 2.0


def moving(joints: int, time_s: float, length: int) -> jax.Array:
    """A robot whose every angle is SPEED times the time, remembered for `length` steps."""
    return jnp.tile((SPEED * (time_s - CTRL_DT * np.arange(length)))[:, None], (1, joints)).astype(jnp.float32)


def test_readings_without_quirks_are_exact(ideal: Quirks) -> None:
    history = moving(11, 1.0, history_length(0.0, 0.0, CTRL_DT))
    pos, vel = read(ideal, history, jnp.asarray(1.0), CTRL_DT, 0.0)
    np.testing.assert_array_equal(pos, history[0])
    np.testing.assert_allclose(vel, SPEED, rtol=1e-4)


def test_each_joint_is_sampled_and_held_at_its_own_phase(ideal: Quirks) -> None:
    """A reading stays until the next one, its age runs from the delay to delay + period, and comes back each period."""
    period, delay, ticks = 0.05, 0.004, 60
    phases = jnp.linspace(0, 1, 11, endpoint=False)
    quirks = ideal._replace(
        feedback_period=jnp.asarray(period), feedback_delay=jnp.asarray(delay), feedback_phase=phases
    )
    length = history_length(period, delay, CTRL_DT)
    look = jax.jit(lambda history, time: read(quirks, history, time, CTRL_DT, 0.0))
    times = CTRL_DT * np.arange(10, 10 + ticks)
    sampled = np.array([look(moving(11, t, length), jnp.asarray(t, jnp.float32))[0] / SPEED for t in times])
    ages = times[:, None] - sampled
    assert ages.min() >= delay - 1e-4 and ages.max() <= delay + period + 1e-4
    assert ages.max() - ages.min() > 0.9 * period
    turns = (sampled + delay) / period + np.asarray(phases)
    np.testing.assert_allclose(turns, np.round(turns), atol=5e-3)
    moments = np.diff(sampled, axis=0)
    held = np.abs(moments) < 1e-4
    assert held.mean() == pytest.approx(1 - CTRL_DT / period, abs=0.05)
    np.testing.assert_allclose(moments[~held], period, atol=1e-3)
    assert len(np.unique(np.round(ages[0], 4))) > 5


def test_speed_is_a_difference_over_the_window(ideal: Quirks) -> None:
    """A joint that stepped by .3 rad one and a half steps ago shows .3 / window, spread by the interpolation."""
    length = history_length(0.0, 0.0, CTRL_DT)
    still = np.zeros((length, 11), np.float32)
    still[0] = 0.3
    pos, vel = read(ideal, jnp.asarray(still), jnp.asarray(1.0), CTRL_DT, 0.0)
    np.testing.assert_allclose(pos, 0.3, atol=1e-6)
    np.testing.assert_allclose(vel, 0.3 / SPEED_WINDOW_S, rtol=1e-4)
    still[1] = 0.3
    _, vel = read(ideal, jnp.asarray(still), jnp.asarray(1.0), CTRL_DT, 0.0)
    np.testing.assert_allclose(vel, 0.15 / SPEED_WINDOW_S, rtol=1e-4)


def test_readings_come_in_whole_units(ideal: Quirks) -> None:
    unit = 0.0041888
    angles = np.random.default_rng(0).uniform(-1, 1, 11).astype(np.float32)
    history = jnp.tile(jnp.asarray(angles), (4, 1)).at[2:].add(0.4 * unit)
    pos, vel = read(ideal, history, jnp.asarray(1.0), CTRL_DT, unit)
    counts = np.asarray(pos) / unit
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-3)
    assert np.abs(np.asarray(pos) - angles).max() <= unit / 2 + 1e-6
    steps = np.asarray(vel) * SPEED_WINDOW_S / unit
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)
    exact, _ = read(ideal, history, jnp.asarray(1.0), CTRL_DT, 0.0)
    assert np.abs(np.asarray(pos) - np.asarray(exact)).max() > unit / 10


def test_history_reaches_back_as_far_as_a_reading_can(ideal: Quirks) -> None:
    """At the greatest age the speed of a steady motion is still right: nothing is missing at the end."""
    period, delay = 0.035, 0.005
    quirks = ideal._replace(feedback_period=jnp.asarray(period), feedback_delay=jnp.asarray(delay))
    quirks = quirks._replace(feedback_phase=jnp.full(11, 0.9999))
    history = moving(11, 0.7, history_length(period, delay, CTRL_DT))
    pos, vel = read(quirks, history, jnp.asarray(0.7), CTRL_DT, 0.0)
    np.testing.assert_allclose(pos, SPEED * (0.7 - period - delay), atol=1e-3)
    np.testing.assert_allclose(vel, SPEED, rtol=1e-3)


def test_servo_state_is_finite_over_a_wild_second(spec: PolicySpec) -> None:
    random = DomainRandomization(
        control_latency=(0.0, 0.04), move_time_s=(0.0, 0.03), backlash_rad=(0.0, 0.02), joint_offset_rad=0.03
    )
    bench = Bench(spec, draw_quirks(random, spec.num_joints, SIM_DT, jax.random.key(3)), 0.04)
    for offset in np.random.default_rng(2).uniform(-1, 1, 50):
        aims = bench.send(float(offset))
    assert isinstance(bench.state, ServoState)
    assert all(np.isfinite(np.asarray(leaf)).all() for leaf in bench.state)
    absolute = np.array(bench.aims) + bench.start - np.asarray(bench.quirks.joint_offset)
    slack = np.asarray(bench.quirks.backlash) + 1e-5
    assert (absolute >= spec.robot.range_min - slack).all() and (absolute <= spec.robot.range_max + slack).all()
    assert np.ptp(np.array(bench.aims), axis=0).min() > 0.1
    assert aims.shape == (DECIMATION, spec.num_joints)

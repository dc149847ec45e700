"""What the monitor says, and when it is silent."""

import math

from trainer.amp.monitor import warning


def iterations(accuracy: float, reward: float, handicap: float = 0.0, count: int = 20) -> list[dict[str, float]]:
    return [{"disc_accuracy": accuracy, "amp_reward_mean": reward, "disc_handicap": handicap}] * count


def test_silent_inside_the_band_and_before_there_is_enough() -> None:
    assert warning(iterations(0.75, 0.7, 0.4)) is None
    assert warning(iterations(0.99, 0.0, count=19)) is None


def test_saturation_names_the_figures_and_the_cure() -> None:
    said = warning(iterations(0.98, 0.01)) or ""
    assert "saturated" in said and "0.98" in said and "0.010" in said and "amp.disc_learning_rate" in said


def test_above_and_below_the_band() -> None:
    high, low = warning(iterations(0.93, 0.5)) or "", warning(iterations(0.51, 0.74)) or ""
    assert "0.93" in high and "saturated" not in high and "lower amp.disc_learning_rate" in high
    assert "0.51" in low and "raise amp.disc_learning_rate" in low
    assert "saturated" not in (warning(iterations(0.97, 0.6)) or "")


def test_a_full_handicap_is_not_health() -> None:
    assert "held back" in (warning(iterations(0.85, 0.7, 1.0)) or "")


def test_only_the_last_iterations_count() -> None:
    assert warning(iterations(0.99, 0.0, count=50) + iterations(0.75, 0.7)) is None
    assert warning(iterations(0.75, 0.7, count=50) + iterations(0.99, 0.0)) is not None


def test_not_a_number_is_said() -> None:
    assert "disc_accuracy is nan" in (warning(iterations(math.nan, 0.5)) or "")


def test_every_warning_is_one_sentence() -> None:
    for case in ((0.98, 0.01), (0.93, 0.5), (0.51, 0.74), (0.85, 0.7, 1.0), (math.nan, 0.5)):
        said = warning(iterations(*case)) or ""
        assert said and "\n" not in said and ". " not in said

"""Prompts of a calibration, answered at a terminal or out of a file."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from robotd.ctl.calibration.prompts import DONE, PersonAtTerminal, PersonOnPaper, Prompt
from robotd.ctl.refusal import Refusal

WHICH = Prompt("servos.leg.3", "Which joint moved?", ("left_knee_pitch", "waist_yaw", "again"))
READY = Prompt("offsets.jig", "Put the robot into its jig.")


def typing(monkeypatch: pytest.MonkeyPatch, text: str) -> PersonAtTerminal:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    return PersonAtTerminal()


def test_at_the_terminal_a_slip_is_named_and_asked_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    person = typing(monkeypatch, "left_nee_pitch\n\n Waist_Yaw \n")
    assert person.answer(WHICH) == "waist_yaw"
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("[servos.leg.3] left_knee_pitch, waist_yaw, again") == 3
    assert "found 'left_nee_pitch', did you mean 'left_knee_pitch'?" in said.err
    assert "found '', expected one of left_knee_pitch, waist_yaw, again" in said.err


def test_enter_says_done_where_nothing_else_can_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert typing(monkeypatch, "\n").answer(READY) == DONE
    assert typing(monkeypatch, "no\ndone\n").answer(READY) == DONE


def test_an_input_that_ends_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refusal, match=r"^\[servos.leg.3\] .*: the input has ended; .* or give --answers FILE$"):
        typing(monkeypatch, "").answer(WHICH)


def test_a_file_answers_by_name_and_need_not_say_done(tmp_path: Path) -> None:
    path = tmp_path / "answers.yaml"
    path.write_text("servos.leg.3: WAIST_yaw\nbegin: done\n")
    person = PersonOnPaper(path)
    assert (person.answer(WHICH), person.answer(READY)) == ("waist_yaw", DONE)
    with pytest.raises(Refusal, match=r"no answer for the prompt servos.leg.4, .*'servos.leg.4: left_knee"):
        person.answer(WHICH._replace(name="servos.leg.4"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a\n", "found list, expected a mapping"),
        ("a: [", "not YAML"),
        ("servos.leg.3: knee\n", "found 'knee', expected one of left_knee_pitch, waist_yaw, again"),
    ],
)
def test_a_file_that_cannot_answer_is_one_sentence(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "answers.yaml"
    path.write_text(text)
    with pytest.raises(Refusal) as caught:
        PersonOnPaper(path).answer(WHICH)
    assert words in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)

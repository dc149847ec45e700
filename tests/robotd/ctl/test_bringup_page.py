"""docs/bringup.md, run as it stands: every command does what the page says, and says what stands beside it."""

from __future__ import annotations

from pathlib import Path

from bringup_page import PAGE, Said, Step, blocks_of, run_page, skeleton, steps_of, with_transcripts

STAGES = [
    "doctor",
    "bus",
    "servo",
    "bus-budget",
    "imu",
    "calibrate",
    "check-pose",
    "dry-run",
    "arm",
    "activate",
    "stop",
]


def test_every_command_of_the_page_does_what_the_page_says(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    steps = [step for block in blocks_of(page) for step in block]
    verbs = [step.words[1] for step in steps if step.words[0] == "robotctl"]
    assert [verb for verb in dict.fromkeys(verbs) if verb in STAGES] == STAGES
    now = with_transcripts(page, run_page(page, tmp_path, patient=True))
    assert skeleton(now) == skeleton(page), "run python tests/robotd/ctl/bringup_page.py"
    assert (tmp_path / "bench" / "witness.jsonl").exists()


def test_steps_are_read_as_a_shell_would() -> None:
    shell = "robotctl a --b 1 &\nrobotctl c   # exits 2: because\nrobotctl d # why\n"
    assert [step[1:] for step in steps_of(shell)] == [
        (("robotctl", "a", "--b", "1"), 0, True),
        (("robotctl", "c"), 2, False),
        (("robotctl", "d"), 0, False),
    ]


def test_what_a_command_said_stands_behind_its_block_in_the_place_of_what_stood_there() -> None:
    page = "a\n```sh\nrobotctl x\n```\n```text\nold\n```\nb\n```text\nno command\n```\n```sh\nrobotctl y &\n```\n"
    x, y = (block[0] for block in blocks_of(page))
    said = [[(x, Said(0, "  1.5 ms\n"))], [(y, Said(0, ""))]]
    new = with_transcripts(page, said)
    assert new == page.replace("old\n", "$ robotctl x\n  1.5 ms\n")
    assert with_transcripts(new, said) == new


def test_other_numbers_are_no_change_and_other_words_are() -> None:
    page = "```text\n$ robotctl bus scan\n  id 3   12 ms\n```\n"
    assert skeleton(page) == skeleton(page.replace("12 ms", " 9.5 ms"))
    assert skeleton(page) != skeleton(page.replace("ms", "s"))
    listed = "```text\n$ robotctl dry-run\n    pass  speed: slow\n```\n"
    assert skeleton(listed) == skeleton(listed.replace("slow", "slower"))
    assert skeleton(listed) != skeleton(listed.replace("pass", "FAIL"))
    assert skeleton("in prose 12\n") != skeleton("in prose 13\n")


def test_a_step_is_shown_without_its_comment() -> None:
    step = Step("robotctl c # why", ("robotctl", "c"), 0, False)
    assert with_transcripts("```sh\nrobotctl c # why\n```\n", [[(step, Said(0, "x\n"))]]) == (
        "```sh\nrobotctl c # why\n```\n```text\n$ robotctl c\nx\n```\n"
    )

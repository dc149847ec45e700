"""Every verb's help, of robotctl and of trainer: an example that can be typed, its exit codes, and --json."""

from __future__ import annotations

import itertools
import re
import shlex

import click
import pytest
from command_reference import verbs

from robotd.ctl import cli
from trainer.cli import main as trainer

# Verbs whose result is no figures: something is shown, driven, written or served.
WITHOUT_JSON = {
    "robotctl completion",
    "robotctl log export",
    "robotctl log layout",
    "robotctl service install",
    "robotctl service show",
    "robotctl service uninstall",
    "robotctl teleop",
    "trainer card",
    "trainer completion",
    "trainer deploy",
    "trainer export",
    "trainer keygen",
    "trainer motion build",
    "trainer motion import",
    "trainer motion view",
    "trainer pictures",
    "trainer record-expert",
    "trainer replay-dump",
    "trainer sign",
    "trainer train",
    "trainer visualize",
}
CODES = {"0", "1", "2", "3", "130"}


ALL = dict([*verbs(cli.robotctl, "robotctl"), *verbs(trainer, "trainer")])


def page(path: str) -> str:
    command = ALL[path]
    return command.get_help(click.Context(command, info_name=path, terminal_width=120, max_content_width=120))


def examples(path: str) -> list[str]:
    """The arguments of each example of this verb, as they would be typed."""
    lines = [line.strip() for line in page(path).splitlines()]
    start = next((place for place, line in enumerate(lines) if re.match(r"Examples?:", line)), len(lines))
    block = list(itertools.takewhile(bool, lines[start:]))
    found = [line.partition(f"{path} ")[2] for line in block if re.search(rf"(^|: |\(|'){path}( |$)", line)]
    return [re.split(r"[|>)]", arguments)[0] for arguments in found]


def test_there_is_something_to_look_at() -> None:
    assert len(ALL) > 40 and {"robotctl bus scan", "trainer motion import"} <= set(ALL)
    assert set(ALL) >= WITHOUT_JSON - {"trainer pictures"}


@pytest.mark.parametrize("path", ALL)
def test_it_has_an_example_that_click_takes(path: str) -> None:
    found = examples(path)
    assert found, f"{path} --help has no paragraph 'Example: {path} ...'"
    for arguments in found:
        command = ALL[path]
        ctx = click.Context(command, info_name=path, **command.context_settings)
        given, rest, _ = command.make_parser(ctx).parse_args(shlex.split(arguments))
        assert rest == [], f"{path}: {arguments}"
        missing = [each.name for each in command.params if each.required and given.get(each.name or "") in (None, ())]
        assert not [name for name in missing if name], f"{path} {arguments}: {missing} is required"


@pytest.mark.parametrize("path", ALL)
def test_it_documents_its_exit_codes(path: str) -> None:
    found = re.search(r"Exit codes: (.*?)\.\s*$", " ".join(page(path).partition("Options:")[0].split()))
    assert found, f"{path} --help does not end with 'Exit codes: 0 ..., 2 ....'"
    codes = re.findall(r"(?:^|, )(\d+) \w", found.group(1))
    assert codes[0] == "0" and "2" in codes and set(codes) <= CODES
    assert [int(code) for code in codes] == sorted({int(code) for code in codes})


@pytest.mark.parametrize("path", ALL)
def test_programs_get_json_unless_there_is_nothing_to_tell(path: str) -> None:
    has = any("--json" in each.opts for each in ALL[path].params)
    assert has == (path not in WITHOUT_JSON)


@pytest.mark.parametrize("path", ALL)
def test_every_option_is_explained(path: str) -> None:
    options = [each for each in ALL[path].params if isinstance(each, click.Option) and not each.hidden]
    bare = [each.opts[0] for each in options if not each.help]
    assert bare == [], f"{path}: {bare} without a word of help"

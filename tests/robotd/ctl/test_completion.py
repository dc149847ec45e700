"""Shell completion: what click is asked by a shell, and a real bash that asks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from robotd.ctl import cli

NAMES = {"robotctl": "robotd.ctl.entry", "trainer": "trainer.cli"}
COMPLETE = """
import json, os, sys
sys.argv = [{name!r}]
from {module} import main
try:
    main({arguments})
finally:
    heavy = ("numpy", "mujoco", "jax", "onnxruntime", "pydantic")
    print([each for each in heavy if each in sys.modules], file=sys.stderr)
"""


def completed(name: str, line: str) -> tuple[list[str], str]:
    """What is offered at the end of a line, and the heavy modules that were imported for it."""
    arguments = "prog_name='trainer'" if name == "trainer" else ""
    program = COMPLETE.format(name=name, module=NAMES[name], arguments=arguments)
    environment = {
        **os.environ,
        f"_{name.upper()}_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return [word.partition(",")[2] for word in done.stdout.split()], done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "name, line, words",
    [
        ("robotctl", "robotctl st", ["status", "stop"]),
        ("robotctl", "robotctl tele", ["teleop"]),
        ("robotctl", "robotctl bus s", ["scan"]),
        ("robotctl", "robotctl teleop --max-f", ["--max-forward"]),
        ("robotctl", "robotctl completion ", ["bash", "zsh", "fish"]),
        ("robotctl", "robotctl nosuchverb --x", []),
        ("trainer", "trainer val", ["validate-setup"]),
        ("trainer", "trainer motion v", ["view"]),
        ("trainer", "trainer export --check", ["--checkpoint"]),
        ("trainer", "trainer nosuchverb --x", []),
    ],
)
def test_verbs_and_options_are_offered(name: str, line: str, words: list[str]) -> None:
    assert completed(name, line)[0] == words


def test_verbs_are_offered_without_importing_one() -> None:
    words, heavy = completed("robotctl", "robotctl ")
    assert words == sorted(cli.VERBS) and heavy == "[]"


@pytest.mark.parametrize("name", NAMES)
def test_a_real_bash_completes(name: str, tmp_path: Path) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    command = tmp_path / name
    call = "main(prog_name='trainer')" if name == "trainer" else "main()"
    command.write_text(f"#!{sys.executable}\nfrom {NAMES[name]} import main\n{call}\n")
    command.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(Path.cwd())}
    lines = (
        f"source <({name} completion bash); complete -p {name}; COMP_WORDS=({name} c); COMP_CWORD=1; "
        f'_{name}_completion {name}; printf "%s\\n" "${{COMPREPLY[@]}}"'
    )
    done = subprocess.run([bash, "-c", lines], capture_output=True, text=True, env=environment, check=True, timeout=90)
    first, *words = done.stdout.splitlines()
    assert f"_{name}_completion" in first and "check-pose" in words and "completion" in words


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_lines(name: str, shell: str) -> None:
    call = "main(prog_name='trainer')" if name == "trainer" else "main()"
    program = f"import sys; sys.argv[1:] = ['completion', {shell!r}]; from {NAMES[name]} import main; {call}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert f"_{name.upper()}_COMPLETE={shell}_complete" in done.stdout

"""Nothing that is loaded may run as code: no pickle, no eval, no shell, no YAML that builds objects, in any file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import ROOMS, name_of, sources, tree_of

MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "torch", "telnetlib", "xmlrpc"}
NAMES = {"eval", "exec", "compile", "__import__"}
YAML = {"load", "load_all", "unsafe_load", "unsafe_load_all", "full_load", "full_load_all"}
OS = {"system", "popen"}
PLAIN_YAML = ("contract/plain_yaml.py", "yaml.load")
"""The one that gives yaml.load a loader of its own, a SafeLoader that does less."""
FILES = sources(*ROOMS, "pages", "assets", "benchmarks")


def unsafe(tree: ast.AST) -> Iterator[str]:
    """What in a file could make data run as code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in MODULES:
            yield str(node.module)
        elif isinstance(node, ast.Call):
            yield from _unsafe_call(node)


def _unsafe_call(call: ast.Call) -> Iterator[str]:
    function = ast.unparse(call.func)
    options = {each.arg: ast.unparse(each.value) for each in call.keywords}
    owner, _, name = function.rpartition(".")
    if function in NAMES or (owner == "yaml" and name in YAML) or (owner == "os" and name in OS):
        yield function
    pickles = options.get("allow_pickle", "True" if name == "load" else "False") != "False"
    if name in {"load", "save", "savez", "savez_compressed"} and owner in {"np", "numpy"} and pickles:
        yield f"{function} without allow_pickle=False"
    if options.get("shell", "False") != "False":
        yield f"{function} with a shell"
    if name in {"mktemp"} or (name == "extractall" and owner):
        yield function


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_no_file_runs_what_it_loads(file: Path) -> None:
    found = [(name_of(file), what) for what in unsafe(tree_of(file))]
    assert [each for each in found if each != PLAIN_YAML] == []


def test_the_one_yaml_load_builds_plain_things_only() -> None:
    import yaml

    from contract.plain_yaml import load_plain

    assert load_plain("a: [1, 2.5, x]") == {"a": [1, 2.5, "x"]}
    for text in (
        "!!python/object/apply:os.system ['true']",
        "!!python/name:os.system",
        "a: &a [1]\nb: *a",
        "x" * 2**21,
    ):
        with pytest.raises(yaml.YAMLError):
            load_plain(text)


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from torch.nn import X",
        "eval(x)",
        "yaml.load(text)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "subprocess.run('ls', shell=True)",
        "os.system('ls')",
        "archive.extractall(path)",
    ],
)
def test_the_look_finds_what_it_looks_for(text: str) -> None:
    assert list(unsafe(ast.parse(text)))


def test_the_look_lets_pass_what_is_harmless() -> None:
    for text in (
        "np.load(p, allow_pickle=False)",
        "yaml.safe_load(t)",
        "re.compile(x)",
        "run(['ls'])",
        "np.savez(p, a=a)",
    ):
        assert not list(unsafe(ast.parse(text)))

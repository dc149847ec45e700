"""Sizes, names and habits that keep the house readable."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest
from house import FOLDERS, ROOMS, ROOT, name_of, sources, tree_of

MAX_LINES, MAX_FUNCTION_LINES = 400, 60
SHAPELESS = {"utils", "util", "common", "core", "helpers", "helper", "misc", "scripts", "lib"}
DATED = re.compile(r"(^|_)(v\d+|new|old|final|copy|20\d\d)(_|$)|\d{4}-\d{2}")
PRODUCT = sources(*ROOMS, "assets", "benchmarks")
ALL = [*PRODUCT, *sources("tests")]


def long_functions(tree: ast.AST) -> list[tuple[str, int]]:
    """Functions of more than 60 lines, their decorators not counted."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    sizes = [(f.name, (f.end_lineno or 0) - f.lineno + 1) for f in functions]
    return [(name, size) for name, size in sizes if size > MAX_FUNCTION_LINES]


def broad_excepts(tree: ast.AST) -> int:
    """Handlers that catch everything: bare, Exception or BaseException, alone or in a tuple."""
    handlers = [node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)]
    broad = {"Exception", "BaseException"}

    def names(node: ast.expr) -> set[str]:
        return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}

    return sum(handler.type is None or bool(names(handler.type) & broad) for handler in handlers)


@pytest.mark.parametrize("file", ALL, ids=name_of)
def test_no_file_and_no_function_is_too_long(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= MAX_LINES
    assert long_functions(tree_of(file)) == []


def test_at_most_one_broad_except_in_the_project() -> None:
    found = {name_of(file): count for file in PRODUCT if (count := broad_excepts(tree_of(file)))}
    assert sum(found.values()) <= 1, f"found {found}, expected only the loop's last line of defence"


def test_the_measures_measure() -> None:
    body = "\n".join(["    x = 1"] * 60)
    assert long_functions(ast.parse(f"def f():\n{body}")) == [("f", 61)]
    assert long_functions(ast.parse(f"async def f():\n{body[:-10]}")) == []
    text = "try:\n    pass\nexcept {}:\n    pass\n"
    for kind, count in {"Exception": 1, "(OSError, BaseException)": 1, "": 1, "OSError": 0}.items():
        assert broad_excepts(ast.parse(text.format(kind))) == count
    assert DATED.search("policy_v2") and DATED.search("env_new") and not DATED.search("environment")


def test_no_name_is_shapeless_dated_or_versioned() -> None:
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*") if "__pycache__" not in file.parts]
    assert files
    for file in files:
        stem = file.stem.lower()
        assert stem not in SHAPELESS, f"{name_of(file)}: name it after what it holds"
        assert file.suffix not in {".py", ".yaml"} or not DATED.search(stem), f"{name_of(file)}: git keeps versions"


def test_names_of_test_files_differ() -> None:
    """Tests are imported by their bare name; two of one name would hide each other, and a package would hide a room."""
    counts = Counter(file.name for file in sources("tests") if file.name != "conftest.py")
    assert [name for name, count in counts.items() if count > 1] == []
    assert not list((ROOT / "tests").rglob("__init__.py"))
    assert not {file.stem for file in sources("tests")} & {module.stem for module in ROOT.glob("*") if module.is_dir()}

"""What the layers' contracts in pyproject.toml cannot say, on the syntax trees."""

import ast
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import scaler
import scaler.declare
import scaler.sdk
import scaler.testing

HERE = Path(scaler.__file__).parent
SOURCES = sorted([*HERE.rglob("*.py"), *HERE.parent.joinpath("scalers").glob("*.py")])
CORE = [path for path in SOURCES if HERE / "core" in path.parents]
PURE = {"dataclasses", "enum", "math", "collections", "typing", "functools", "re", "decimal"}


def imported(text: str) -> Iterator[str]:
    """Every module that a source text imports, wherever in it."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


def impure(text: str) -> list[str]:
    """What a module of the core imports and may not."""
    own = ("scaler.core", "scaler.errors")
    return [
        name
        for name in imported(text)
        if name.partition(".")[0] not in PURE and name not in own and not name.startswith("scaler.core.")
    ]


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.name)
def test_the_core_is_pure(path: Path) -> None:
    assert impure(path.read_text()) == []


@pytest.mark.parametrize(
    "planted", ["import asyncio", "from scaler.sdk import Http", "import math, time", "import io as re"]
)
def test_what_is_not_pure_would_be_found(planted: str) -> None:
    assert impure(f"def decide():\n    {planted}\n") != []


def test_the_core_is_where_it_is_looked_for() -> None:
    assert {"decide.py", "model.py", "hpa.py"} <= {path.name for path in CORE}


@pytest.mark.parametrize("path", [path for path in SOURCES if HERE in path.parents], ids=lambda path: path.name)
def test_the_daemon_imports_no_scaler(path: Path) -> None:
    assert not [name for name in imported(path.read_text()) if name.partition(".")[0] == "scalers"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_module_says_why_it_is_there(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert docstring, "a module begins with a docstring"
    assert path == HERE / "__init__.py" or len(docstring.splitlines()) <= 20


@pytest.mark.parametrize("package", [scaler.sdk, scaler.declare, scaler.testing], ids=lambda package: package.__name__)
def test_the_public_list_is_complete_and_sorted(package: ModuleType) -> None:
    public = {name for name, one in vars(package).items() if name[0] != "_" and not isinstance(one, ModuleType)}
    listed = package.__all__
    assert set(listed) == public
    assert listed == sorted(listed, key=lambda name: (not name.isupper(), not name[0].isupper(), name))

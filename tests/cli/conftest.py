"""How verbs are called in tests, and a package with a trigger type that is installed for one test."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from scaler import catalog
from scaler.cli import app
from tests.plug_in import SCALER, install

Call = Callable[..., Result]


@pytest.fixture
def call() -> Call:
    """Call `scaler` with these arguments; what a verb raises by mistake is raised here."""

    def _call(*arguments: object, piped: str = "") -> Result:
        return CliRunner().invoke(app, [str(one) for one in arguments], input=piped, catch_exceptions=False)

    return _call


@pytest.fixture
def my_queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a plug-in with the type `my-queue`."""
    folder = tmp_path / "packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    catalog.find.cache_clear()
    install(folder, "my-package", {"my-queue": "my_queue"}, {"my_queue": SCALER})
    yield folder
    catalog.find.cache_clear()
    sys.modules.pop("my_queue", None)

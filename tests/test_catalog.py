"""Finding scalers: files of `scalers/` by their names, plug-ins by entry points, and what can be wrong with one."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaler import catalog
from scaler.catalog import BUILT_IN, Listing, MissingLibrary, UnknownScaler
from scaler.errors import ManifestError
from scaler.sdk import Scaler
from tests.plug_in import SCALER, install


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path for plug-ins; what was found and imported there is forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    catalog.find.cache_clear()
    yield tmp_path
    catalog.find.cache_clear()
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def built_in(packages: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose files count as files of `scalers/`."""
    folder = packages / "built_in"
    folder.mkdir()
    scalers = importlib.import_module("scalers")
    monkeypatch.setattr(scalers, "__path__", [*scalers.__path__, str(folder)])
    return folder


def listing(type_: str, *, imported: bool = True) -> list[Listing]:
    return [one for one in catalog.types(imported=imported) if one.type == type_]


def problem(type_: str) -> str:
    with pytest.raises(UnknownScaler) as caught:
        catalog.find(type_)
    return caught.value.sentence


# ---------------------------------------------------------------------------------------------------------- built in


def test_a_file_is_a_type(built_in: Path) -> None:
    (built_in / "my_fine_queue.py").write_text(SCALER)
    found = catalog.find("my-fine-queue")
    assert (found.__name__, found.__module__) == ("MyQueue", "scalers.my_fine_queue")
    assert issubclass(found, Scaler)
    assert listing("my-fine-queue") == [Listing("my-fine-queue", BUILT_IN)]


def test_only_the_one_asked_for_is_imported(built_in: Path) -> None:
    (built_in / "first.py").write_text(SCALER)
    (built_in / "second.py").write_text("raise SystemError('nobody asked')")
    catalog.find("first")
    assert "scalers.second" not in sys.modules
    assert listing("second", imported=False) == [Listing("second", BUILT_IN)]
    assert "scalers.second" not in sys.modules


def test_it_is_found_once(built_in: Path) -> None:
    (built_in / "first.py").write_text(SCALER)
    assert catalog.find("first") is catalog.find("first")


def test_what_a_family_shares_is_no_type(built_in: Path) -> None:
    (built_in / "_shared.py").write_text(SCALER)
    assert "shared" not in [one.type for one in catalog.types()]
    assert problem("-shared") == "is not known here"


@pytest.mark.parametrize("type_", ["", "../errors", "my_queue", "My-Queue", "my--queue", "my-queue ", "_shared", "a.b"])
def test_what_is_no_type_is_not_known(built_in: Path, type_: str) -> None:
    (built_in / "my_queue.py").write_text(SCALER)
    assert problem(type_).startswith("is not known here")


def test_an_unknown_type_is_answered_with_the_nearest(built_in: Path) -> None:
    (built_in / "peculiar_queue.py").write_text(SCALER)
    with pytest.raises(ManifestError) as caught:
        catalog.find("peculiar-queu")
    assert caught.value.problems == {"type": "is not known here, did you mean peculiar-queue?"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('"""None."""', "the module scalers.odd defines 0 scalers, not one"),
        (f"{SCALER}\n\nclass Other(MyQueue):\n    pass\n", "the module scalers.odd defines 2 scalers, not one"),
        ("1 / 0", "the scaler cannot be imported (ZeroDivisionError: division by zero)"),
        ("import no_such_library", "the scaler needs no_such_library, which is not installed"),
    ],
)
def test_what_is_wrong_with_one_is_an_error_of_that_type_alone(built_in: Path, text: str, sentence: str) -> None:
    (built_in / "odd.py").write_text(text)
    (built_in / "even.py").write_text(SCALER)
    assert problem("odd") == sentence
    assert listing("odd") == [Listing("odd", BUILT_IN, sentence)]
    assert catalog.find("even").__name__ == "MyQueue"


def test_imported_and_private_classes_are_not_the_modules_own(built_in: Path) -> None:
    (built_in / "first.py").write_text(SCALER)
    text = (
        "from scalers.first import MyQueue\n\n\nclass _Base(MyQueue):\n    pass\n\n\nclass Second(_Base):\n    pass\n"
    )
    (built_in / "second.py").write_text(text)
    assert catalog.find("second").__name__ == "Second"


def test_a_missing_library_is_answered_with_the_extra_that_brings_it(built_in: Path) -> None:
    """The extra is named after the file that wants the library, or after the type."""
    (built_in / "_fast.py").write_text("import no_such_library\n")
    (built_in / "quick_queue.py").write_text(f"import scalers._fast\n\n{SCALER}")
    (built_in / "demo.py").write_text(f"import no_such_library\n\n{SCALER}")
    assert problem("quick-queue") == "needs an optional library: pip install 'event-scaler[fast]'"
    assert problem("demo") == "needs an optional library: pip install 'event-scaler[demo]'"
    with pytest.raises(MissingLibrary):
        catalog.find("demo")


# ---------------------------------------------------------------------------------------------------------- plug-ins


def test_a_plug_in_is_found_by_its_entry_point(packages: Path) -> None:
    install(packages, "my-package", {"my-queue": "my_module"}, {"my_module": SCALER})
    assert listing("my-queue", imported=False) == [Listing("my-queue", "my-package")]
    assert "my_module" not in sys.modules
    assert catalog.find("my-queue").__module__ == "my_module"
    assert listing("my-queue") == [Listing("my-queue", "my-package")]


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        ("1 / 0", "the plug-in of my-package cannot be imported (ZeroDivisionError: division by zero)"),
        ("import no_such_library", "the plug-in of my-package needs no_such_library, which is not installed"),
        ("", "the module my_module defines 0 scalers, not one"),
    ],
)
def test_a_broken_plug_in_is_named_and_hurts_no_other(packages: Path, module: str, sentence: str) -> None:
    install(packages, "my-package", {"my-queue": "my_module", "gone": "no_module"}, {"my_module": module})
    install(packages, "fine-package", {"fine-queue": "fine_module"}, {"fine_module": SCALER})
    assert problem("my-queue") == sentence
    assert problem("gone") == "the plug-in of my-package needs no_module, which is not installed"
    assert listing("my-queue") == [Listing("my-queue", "my-package", sentence)]
    assert listing("fine-queue") == [Listing("fine-queue", "fine-package")]


def test_an_entry_point_names_a_module(packages: Path) -> None:
    install(packages, "my-package", {"my-queue": "my_module:MyQueue"}, {"my_module": SCALER})
    assert problem("my-queue") == "the entry point my_module:MyQueue does not name a module"


def test_an_entry_point_that_is_no_type(packages: Path) -> None:
    install(packages, "my-package", {"My_Queue": "my_module"}, {"my_module": SCALER})
    assert "is no type" in listing("My_Queue")[0].problem
    assert problem("My_Queue").startswith("is not known here")


def test_a_built_in_scaler_wins_over_a_plug_in_and_the_clash_is_told(packages: Path, built_in: Path) -> None:
    (built_in / "my_queue.py").write_text(SCALER)
    install(packages, "my-package", {"my-queue": "my_module"}, {"my_module": SCALER})
    assert catalog.find("my-queue").__module__ == "scalers.my_queue"
    assert listing("my-queue", imported=False) == [
        Listing("my-queue", BUILT_IN),
        Listing("my-queue", "my-package", "is not used: a built-in scaler has the same type"),
    ]


def test_of_two_plug_ins_with_one_type_neither_is_used(packages: Path) -> None:
    install(packages, "my-package", {"my-queue": "my_module"}, {"my_module": SCALER})
    install(packages, "your-package", {"my-queue": "your_module"}, {"your_module": SCALER})
    both = "is offered by my-package and your-package: only one of them may be installed"
    assert problem("my-queue") in (both, "is offered by your-package and my-package: only one of them may be installed")
    assert [one.origin for one in listing("my-queue", imported=False)] == ["my-package", "your-package"]
    assert all("only one of them" in one.problem for one in listing("my-queue", imported=False))


def test_a_plug_in_is_suggested_too(packages: Path) -> None:
    install(packages, "my-package", {"my-peculiar-queue": "my_module"}, {"my_module": SCALER})
    assert problem("my-peculiar-quue") == "is not known here, did you mean my-peculiar-queue?"


# -------------------------------------------------------------------------------------------------------- what is here


def test_every_listed_type_is_listed_once_by_name() -> None:
    names = [one.type for one in catalog.types()]
    assert names == sorted(set(names))

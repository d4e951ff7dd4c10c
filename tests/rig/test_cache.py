"""A download that broke is never taken for a good one."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.rig import cache
from tests.rig.cache import Unavailable


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def _good(folder: Path) -> None:
    (folder / "program").write_text("good")


def _broken(folder: Path) -> None:
    (folder / "program").write_text("half")
    raise Unavailable("the line broke")


def test_is_built_once_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    made = cache.entry("thing", "1.2", _good, cost="about 3 s")
    assert made == cache.folder() / "thing-1.2"
    assert "thing-1.2, once (about 3 s)" in capsys.readouterr().err
    assert cache.entry("thing", "1.2", _broken, cost="about 3 s") == made
    assert capsys.readouterr().err == ""


def test_another_version_is_another_entry() -> None:
    assert cache.entry("thing", "1", _good, cost="-") != cache.entry("thing", "2", _good, cost="-")


def test_a_build_that_failed_leaves_nothing() -> None:
    with pytest.raises(Unavailable, match="the line broke"):
        cache.entry("thing", "1", _broken, cost="-")
    assert [path.name for path in cache.folder().iterdir()] == ["thing-1.lock"]
    assert (cache.entry("thing", "1", _good, cost="-") / "program").read_text() == "good"


def test_what_a_killed_build_left_is_not_taken() -> None:
    part = cache.folder() / "thing-1.part"
    part.mkdir(parents=True)
    (part / "rest").write_text("half")
    made = cache.entry("thing", "1", _good, cost="-")
    assert [path.name for path in made.iterdir()] == ["program"]


def test_two_at_once_build_once() -> None:
    built: list[Path] = []

    def build(folder: Path) -> None:
        built.append(folder)
        _good(folder)

    with ThreadPoolExecutor() as threads:
        made = [threads.submit(cache.entry, "thing", "1", build, cost="-") for _ in range(4)]
    assert len({one.result() for one in made}) == 1
    assert len(built) == 1


def test_a_step_that_fails_shows_its_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Unavailable, match="sh failed with 3"):
        cache.call([cache.tool("sh"), "-c", "echo no such version; exit 3"], cwd=tmp_path)
    assert "no such version" in capsys.readouterr().err


def test_a_missing_tool_is_named() -> None:
    with pytest.raises(Unavailable, match=r"^no surely-not-a-program$"):
        cache.tool("surely-not-a-program")

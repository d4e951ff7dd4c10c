"""Files that a manifest may name, and all the ways to name another one (CVE-2025-68476)."""

import os
from pathlib import Path

import pytest

from scaler.credentials.files import LARGEST, Files
from scaler.errors import CredentialError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "team").mkdir(parents=True)
    (folder / "team" / "a.json").write_text('{"a": "b"}')
    (tmp_path / "outside").write_text("hush")
    (tmp_path / "rooted").mkdir()
    (tmp_path / "rooted" / "near").write_text("hush")
    return folder


async def refused(files: Files, path: str) -> str:
    with pytest.raises(CredentialError) as raised:
        await files.read(path)
    assert "hush" not in str(raised.value)
    assert raised.value.__cause__ is None
    return str(raised.value)


async def test_what_is_below_the_folder(root: Path) -> None:
    assert await Files(root).read("team/a.json") == '{"a": "b"}'


async def test_links_within_as_a_kubelet_makes_them(root: Path) -> None:
    """A mounted Secret is a link to a link to a folder that is exchanged as a whole."""
    (root / "..2026").mkdir()
    (root / "..2026" / "token").write_text("t")
    (root / "..data").symlink_to("..2026")
    (root / "token").symlink_to("..data/token")
    assert await Files(root).read("token") == "t"
    assert await Files(None, root).read(str(root / "token")) == "t"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("../outside", "nor hold '..'"),
        ("team/../../outside", "nor hold '..'"),
        ("", "must not be empty"),
        ("team/\0a.json", "must not be empty, nor hold"),
        ("link", "is not within"),
        ("folder/outside", "is not within"),
        ("missing", "cannot be read"),
        ("team", "only regular files"),
        ("loop", "cannot be read"),
        ("team/a.json/b", "cannot be read"),
        ("x" * 5000, "cannot be read"),
        ("pipe", "only regular files"),
        ("bytes", "cannot be read, or is no text"),
        ("large", "must not be larger"),
        ("near", "is not within"),
    ],
)
async def test_what_is_refused(root: Path, path: str, words: str) -> None:
    (root / "link").symlink_to(root.parent / "outside")
    (root / "folder").symlink_to("..")
    (root / "loop").symlink_to("loop")
    (root / "near").symlink_to(root.parent / "rooted" / "near")
    os.mkfifo(root / "pipe")
    (root / "bytes").write_bytes(b"\xff\xfe")
    (root / "large").write_text("x" * (LARGEST + 1))
    assert words in await refused(Files(root), path)


async def test_an_absolute_path_is_for_tokens_alone(root: Path) -> None:
    files = Files(root, root.parent / "rooted")
    for path in (str(root / "team" / "a.json"), "/etc/passwd", "/proc/self/environ", "/etc/no-such-file"):
        assert (await refused(files, path)).endswith("others may not be read")
    assert "'..'" in await refused(files, f"{root.parent}/rooted/../outside")
    assert await files.read(str(root.parent / "rooted" / "near")) == "hush"


async def test_without_a_folder_nothing_relative_is_read() -> None:
    assert "filepathAuthRootPath" in await refused(Files(None), "a.json")

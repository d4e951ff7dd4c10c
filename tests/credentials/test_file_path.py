"""`filePath`: what a file may say, and what is said when it does not."""

import pytest

from scaler.credentials.file_path import FilePath, fetch
from scaler.errors import CredentialError
from tests.credentials.tools import EPOCH, tools

AT = "spec.filePath"


def holding(text: str):  # type: ignore[no-untyped-def]  # a function of one argument
    async def file(path: str) -> str:
        assert path == "team/kafka.json"
        return text

    return tools(file=file)


async def test_all_that_it_holds() -> None:
    found = await fetch(FilePath("team/kafka.json"), AT, holding('{"username": "me", "password": "hush"}'))
    assert found.values == {"username": "me", "password": "hush"}
    assert found.until == EPOCH + 15


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hush", "is not JSON"),
        ('["hush"]', "one JSON object of texts"),
        ('{"a": 1, "b": "hush"}', "one JSON object of texts"),
        ('{"a": null}', "one JSON object of texts"),
        ("[" * 100_000, "is not JSON"),
    ],
)
async def test_what_it_must_not_hold(text: str, words: str) -> None:
    with pytest.raises(CredentialError, match=words) as raised:
        await fetch(FilePath("team/kafka.json"), AT, holding(text))
    assert str(raised.value).startswith(f"{AT}: the file team/kafka.json")
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize("path", ["/etc/passwd", "../kafka.json", "team/..secret", "a/../b"])
async def test_a_path_that_leads_elsewhere_is_not_even_looked_for(path: str) -> None:
    with pytest.raises(CredentialError, match=r"^spec.filePath: must be relative and not contain '\.\.'$"):
        await fetch(FilePath(path), AT, holding("{}"))

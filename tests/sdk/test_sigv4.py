"""Signatures, against what Amazon publishes: the documentation's example, and the vectors of its test suite."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from scaler.sdk.signing import Request
from scaler.sdk.sigv4 import Keys, Place, signed

NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
KEYS = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
PLACE = Place("us-east-1", "service")
HOST = "https://example.amazonaws.com"
FORM = ("Content-Type", "application/x-www-form-urlencoded")
TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7"
    "mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d"
    "+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)


def shown(request: Request) -> tuple[str, str]:
    """(signed headers, signature) of the header that was added."""
    header = dict(request.headers)["Authorization"]
    algorithm, _, rest = header.partition(" ")
    parts = dict(part.split("=", 1) for part in rest.split(", "))
    assert algorithm == "AWS4-HMAC-SHA256"
    assert parts["Credential"].startswith("AKIDEXAMPLE/20150830/us-east-1/")
    return parts["SignedHeaders"], parts["Signature"]


@pytest.mark.parametrize(
    ("request_", "names", "signature"),
    [
        (
            Request("GET", HOST),
            "host;x-amz-date",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            Request("GET", f"{HOST}/", (("Param2", "value2"), ("Param1", "value1"))),
            "host;x-amz-date",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            Request("POST", f"{HOST}/"),
            "host;x-amz-date",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            Request("POST", f"{HOST}/", headers=(FORM,), body=b"Param1=value1"),
            "content-type;host;x-amz-date",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ],
)
def test_the_vectors(request_: Request, names: str, signature: str) -> None:
    assert shown(signed(request_, KEYS, PLACE, NOW)) == (names, signature)


def test_the_documentations_example() -> None:
    form = ("Content-Type", f"{FORM[1]}; charset=utf-8")
    request = Request("GET", "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08", headers=(form,))
    names, signature = shown(signed(request, KEYS, Place("us-east-1", "iam"), NOW))
    assert names == "content-type;host;x-amz-date"
    assert signature == "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"


def test_a_temporary_keys_token_is_signed_too() -> None:
    request = signed(Request("POST", f"{HOST}/"), replace(KEYS, token=TOKEN), PLACE, NOW)
    assert dict(request.headers)["X-Amz-Security-Token"] == TOKEN
    assert shown(request) == (
        "host;x-amz-date;x-amz-security-token",
        "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
    )


def test_a_port_belongs_to_the_host() -> None:
    plain, other = (shown(signed(Request("GET", url), KEYS, PLACE, NOW)) for url in (HOST, f"{HOST}:8443"))
    assert plain != other
    assert shown(signed(Request("GET", f"{HOST}:443"), KEYS, PLACE, NOW)) == plain


def test_secrets_are_not_seen() -> None:
    keys = Keys("AKID", "hush", "hush")
    assert "hush" not in f"{keys!r} {signed(Request('GET', HOST), keys, PLACE, NOW)!r}"

"""`oauth2`: the parameters that a trigger logs in with, as KEDA makes them (KEDA behaviour 2.2)."""

from typing import Any

import pytest

from scaler.credentials.blocks import OAuth2
from scaler.credentials.oauth2 import fetch
from scaler.errors import CredentialError
from tests.credentials.tools import tools

AT = "spec.oauth2"
REF = {"valueFrom": {"secretKeyRef": {"name": "idp", "key": "secret"}}}


def block(**more: Any) -> OAuth2:
    written = {"type": "clientCredentials", "clientId": "me", "tokenUrl": "https://id.test/token", "clientSecret": REF}
    return OAuth2.model_validate({**written, **more})


async def test_all_parameters() -> None:
    given = block(scopes=["read", "write"], tokenUrlParams={"resource": "a b", "audience": "x&y"})
    found = await fetch(given, AT, tools(data={("Secret", "idp"): {"secret": "hush"}}))
    assert found.values == {
        "oauthTokenURI": "https://id.test/token",
        "clientID": "me",
        "clientSecret": "hush",
        "scopes": "read,write",
        "endpointParams": "audience=x%26y&resource=a+b",
    }
    assert found.until is None


async def test_what_is_not_given_is_not_made() -> None:
    found = await fetch(block(clientSecret=None), AT, tools())
    assert found.values == {"oauthTokenURI": "https://id.test/token", "clientID": "me", "clientSecret": ""}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({}, "spec.oauth2.clientSecret: there is no Secret idp"),
        ({("Secret", "idp"): {"other": "hush"}}, "spec.oauth2.clientSecret: Secret idp has no key secret"),
    ],
)
async def test_a_secret_that_is_not_there_is_named(data: Any, sentence: str) -> None:
    with pytest.raises(CredentialError) as raised:
        await fetch(block(), AT, tools(data=data))
    assert str(raised.value) == sentence


def test_equal_blocks_are_one_key() -> None:
    """Of the parameters it knows equality, though a mapping has no hash."""
    assert len({block(tokenUrlParams={"a": "b"}), block(tokenUrlParams={"a": "b"})}) == 1
    assert len({block(tokenUrlParams={"a": "b"}), block(tokenUrlParams={"a": "c"})}) == 2

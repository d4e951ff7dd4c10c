"""`boundServiceAccountToken`: whose token, for how long, and who may not have it."""

from typing import Any

import pytest

from scaler.credentials.blocks import BoundServiceAccountToken
from scaler.credentials.bound_token import fetch
from scaler.credentials.store import Token, Where
from scaler.errors import CredentialError, Forbidden
from tests.credentials.tools import EPOCH, Accounts, tools

AT = "spec.boundServiceAccountToken[0]"
BLOCK = BoundServiceAccountToken(parameter="bearerToken", service_account_name="reader")


async def test_a_token_of_the_account_where_the_authentication_looks_for_secrets() -> None:
    """KEDA behaviour 2.2: the object's namespace, for a cluster-wide one the cluster objects'."""
    accounts = Accounts(("keda", "reader"))
    found = await fetch(BLOCK, AT, tools(Where("keda", "shop"), token=accounts, token_life=7200))
    assert found.values == {"bearerToken": "keda/reader 1"}
    assert accounts.asked == [("keda", "reader", "", 7200)]


async def test_it_is_renewed_when_four_fifths_of_its_life_are_over() -> None:
    """Of the life that it was given, which may be shorter than the one that was asked for."""

    async def shorter(namespace: str, account: str, **asked: Any) -> Token:
        return Token("t", EPOCH + 1000)

    assert (await fetch(BLOCK, AT, tools(token=shorter))).until == EPOCH + 800


async def test_who_is_not_there() -> None:
    with pytest.raises(CredentialError) as raised:
        await fetch(BLOCK, AT, tools(token=Accounts()))
    assert str(raised.value) == f"{AT}: there is no service account shop/reader"


async def test_a_right_that_was_not_granted_is_named() -> None:
    async def forbidden(namespace: str, account: str, **asked: Any) -> Token:
        raise Forbidden("no")

    with pytest.raises(CredentialError, match="takes the right to create serviceaccounts/token"):
        await fetch(BLOCK, AT, tools(token=forbidden))

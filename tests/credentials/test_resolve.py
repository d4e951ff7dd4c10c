"""References to parameters: order, what is missing, and that no value is ever quoted."""

from collections.abc import Mapping

import pytest

from scaler.credentials.resolve import Reference, resolve
from scaler.errors import CredentialError, Forbidden, NotFound


async def read(kind: str, name: str) -> Mapping[str, str]:
    if name == "theirs":
        raise Forbidden("Secret shop/theirs may not be read")
    data = {("Secret", "s"): {"k": "from-secret"}, ("ConfigMap", "c"): {"k": "from-config"}}
    try:
        return data[kind, name]
    except KeyError:
        raise NotFound("no") from None


async def test_later_references_win() -> None:
    first, second = Reference("p", "ConfigMap", "c", "k", "a"), Reference("p", "Secret", "s", "k", "b")
    assert await resolve([first, second], read) == {"p": "from-secret"}
    assert await resolve([second, first], read) == {"p": "from-config"}


async def test_every_missing_reference_is_named_and_no_value_quoted() -> None:
    references = [
        Reference("a", "Secret", "s", "k", "spec.secretTargetRef[0]"),
        Reference("b", "Secret", "s", "nokey", "spec.secretTargetRef[1]"),
        Reference("c", "Secret", "nowhere", "k", "spec.secretTargetRef[2]"),
        Reference("d", "Secret", "theirs", "k", "spec.secretTargetRef[3]"),
    ]
    with pytest.raises(CredentialError) as raised:
        await resolve(references, read)
    assert str(raised.value) == (
        "spec.secretTargetRef[1]: Secret s has no key nokey; spec.secretTargetRef[2]: there is no Secret nowhere; "
        "spec.secretTargetRef[3]: Secret shop/theirs may not be read"
    )

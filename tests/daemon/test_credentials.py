"""How the stores are put together: whose Secrets, which files, how long a token, which of the daemon's variables."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scaler import settings
from scaler.core.decide import decide
from scaler.core.model import Goal, Spec
from scaler.credentials.blocks import BoundServiceAccountToken, HashiCorpVault, OAuth2
from scaler.credentials.file_path import FilePath
from scaler.credentials.rooms import ROOMS
from scaler.credentials.store import Token, Where
from scaler.credentials.stores import Stores
from scaler.daemon.credentials import Doubts, guard_addresses, stores_of
from scaler.errors import ClusterError, CredentialError
from scaler.manifests.watched import Ref, Watched
from scaler.sdk.addresses import METADATA_ALLOWED
from tests.credentials.tools import Accounts, Clock

SHOP = Where("shop", "shop", "worker")


def stores(given: Mapping[str, str], data: Mapping[Ref, Mapping[str, str]] | None = None, token: Any = None) -> Stores:
    async def read(ref: Ref) -> Mapping[str, str]:
        return (data or {})[ref]

    return stores_of(read, token or Accounts(("shop", "reader")), settings.read(given), Clock())


@pytest.mark.parametrize(
    ("written", "seconds"), [(None, 3600), ("10m", 3600), ("90m", 5400), ("6h", 21600), ("24h", 21600)]
)
async def test_how_long_a_token_lives(written: str | None, seconds: int) -> None:
    """KEDA behaviour 5.2: 1h unless given, never less than 1h or more than 6h."""
    accounts = Accounts(("shop", "reader"))
    made = stores({"boundTokenExpiry": written} if written else {}, token=accounts)
    block = BoundServiceAccountToken(parameter="token", service_account_name="reader")
    await made.get(ROOMS["boundServiceAccountToken"], block, "spec.x", SHOP)
    assert accounts.asked == [("shop", "reader", "", seconds)]


def test_kedas_variable_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEDA_BOUND_SERVICE_ACCOUNT_TOKEN_EXPIRY", "2h")
    assert settings.read({}).bound_token_expiry == 7200


async def test_secrets_are_read_where_the_authentication_looks_for_them() -> None:
    block = OAuth2.model_validate(
        {
            "clientId": "me",
            "tokenUrl": "https://id.test",
            "clientSecret": {"valueFrom": {"secretKeyRef": {"name": "idp", "key": "secret"}}},
        }
    )
    made = stores({}, {Ref("Secret", "keda", "idp"): {"secret": "hush"}})
    got = await made.get(ROOMS["oauth2"], block, "spec.oauth2", Where("keda", "shop", "worker"))
    assert got.values["clientSecret"] == "hush"


async def test_files_below_the_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"password": "hush"}')
    made = stores({"filepathAuthRootPath": str(tmp_path)})
    assert (await made.get(ROOMS["filePath"], FilePath("a.json"), "spec.filePath", SHOP)).values == {"password": "hush"}
    with pytest.raises(CredentialError, match="the daemon has no filepathAuthRootPath"):
        await stores({}).get(ROOMS["filePath"], FilePath("a.json"), "spec.filePath", SHOP)


async def test_a_vault_cannot_be_used_to_read_a_file() -> None:
    """CVE-2025-68476, through everything that the daemon puts together."""
    block = HashiCorpVault.model_validate(
        {
            "address": "http://127.0.0.1:9",
            "authentication": "kubernetes",
            "mount": "kubernetes",
            "role": "r",
            "credential": {"serviceAccount": "/etc/passwd"},
            "secrets": [{"parameter": "p", "path": "a", "key": "k"}],
        }
    )
    with pytest.raises(CredentialError) as raised:
        await stores({}).get(ROOMS["hashiCorpVault"], block, "spec.hashiCorpVault", SHOP)
    assert str(raised.value).startswith(
        "spec.hashiCorpVault.credential.serviceAccount: the file /etc/passwd is not within /"
    )


async def test_whether_the_pods_own_token_goes_to_a_vault_of_a_namespaces_choice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("VAULT_ADDR", raising=False)
    block = HashiCorpVault.model_validate(
        {
            "address": "http://127.0.0.1:9",
            "authentication": "kubernetes",
            "mount": "kubernetes",
            "role": "r",
            "secrets": [{"parameter": "p", "path": "a", "key": "k"}],
        }
    )
    kept = "the daemon's token goes to no Vault that a namespace chooses"
    for given, where, held_back in (
        ({"showOwnTokenToVault": "false"}, SHOP, True),
        ({"showOwnTokenToVault": "false"}, replace(SHOP, shared=True), False),
        ({}, SHOP, False),
    ):
        with pytest.raises(CredentialError) as raised:
            await stores(given).get(ROOMS["hashiCorpVault"], block, "spec.hashiCorpVault", where)
        assert (kept in str(raised.value)) is held_back


def _bound(name: str, *refs: Ref) -> Watched:
    ref, goal = Ref("ScaledObject", "shop", name), Goal("s0-cron", 1.0)
    target = Ref("Deployment", "shop", "worker")
    return Watched(ref, Spec(name=str(ref), goals=(goal,)), (), 30.0, target, frozenset(refs), decide)


async def test_a_role_by_annotation_is_looked_at_again_when_it_is_refused() -> None:
    """Nobody watches ServiceAccounts; and a source that refuses at every poll is no reason to bind at each."""
    clock, touched = Clock(), list[Ref]()
    doubts = Doubts(stores({}), touched.append, clock)
    account = Ref("Identity", "shop", "worker")
    one, other = (_bound(name, account, Ref("Secret", "shop", "s")) for name in ("a", "b"))
    for _ in range(3):
        await doubts(one)
        await doubts(other)
        clock.at += 5
    assert touched == [account, account]


async def test_where_there_are_no_service_accounts() -> None:
    """In standalone."""

    async def none(namespace: str, account: str, **asked: Any) -> Token:
        raise ClusterError(f"there is no token of service account {account}: a folder has no service accounts")

    block = BoundServiceAccountToken(parameter="token", service_account_name="reader")
    with pytest.raises(CredentialError, match=r"^spec\.x: there is no token of service account reader: a folder has"):
        await stores({}, token=none).get(ROOMS["boundServiceAccountToken"], block, "spec.x", SHOP)


def test_what_stores_may_know_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "hush")
    monkeypatch.setenv("HOME_PASSWORD", "hush")
    assert settings.store_environment()["VAULT_TOKEN"] == "hush"
    assert set(settings.store_environment()) <= set(settings.STORES)


@pytest.mark.parametrize("allowed", [True, False])
async def test_whether_metadata_addresses_are_asked(allowed: bool) -> None:
    async def started() -> bool:
        guard_addresses(settings.read({"allowMetadataAddresses": str(allowed).lower()}))
        return await asyncio.create_task(_allowed())

    async def _allowed() -> bool:
        return METADATA_ALLOWED.get()

    assert await asyncio.create_task(started()) is allowed
    assert settings.read({}).allow_metadata_addresses

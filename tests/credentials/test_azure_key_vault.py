"""Azure Key Vault, against a login and a vault that are HTTP servers of a few lines, made from Azure's public API
documentation: no real vault is to be had here."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from scaler.credentials.azure_key_vault import fetch
from scaler.credentials.blocks import AzureKeyVault
from scaler.credentials.identity.azure import cloud_of
from scaler.credentials.store import Tools
from scaler.errors import CredentialError, LoginError, ScalerError, SourceError
from tests.credentials.tools import tools
from tests.sdk.identity.services import Service, service

AT = "spec.azureKeyVault"
REF = {"valueFrom": {"secretKeyRef": {"name": "app", "key": "secret"}}}
SECRETS: dict[tuple[str, str], dict[str, str]] = {("Secret", "app"): {"secret": "hush\n"}}
TOKEN = {"access_token": "entra", "expires_in": 3599}


@pytest.fixture
async def azure() -> AsyncIterator[Service]:
    """Login and vault in one."""
    async with service() as made:
        made.says = {"/tenant/oauth2/v2.0/token": (200, TOKEN), "/secrets/connection": (200, {"value": "hush 1"})}
        yield made


def block(azure: Service, *secrets: dict[str, str], **more: Any) -> AzureKeyVault:
    """In a private cloud that is this machine."""
    cloud = {"type": "Private", "keyVaultResourceURL": azure.url, "activeDirectoryEndpoint": azure.url}
    written = {
        "vaultUri": f"{azure.url}/",
        "credentials": {"clientId": "app-id", "tenantId": "tenant", "clientSecret": REF},
        "cloud": cloud,
        "secrets": list(secrets) or [{"parameter": "connection", "name": "connection"}],
    }
    return AzureKeyVault.model_validate({**written, **more})


async def failing(given: AzureKeyVault, with_: Tools | None = None) -> ScalerError:
    with pytest.raises(ScalerError) as raised:
        await fetch(given, AT, with_ or tools(data=SECRETS))
    assert "hush" not in str(raised.value)
    return raised.value


async def test_an_application_reads_the_vault(azure: Service) -> None:
    azure.says["/secrets/password/4387e9f3"] = 200, {"value": "hush 2"}
    given = block(
        azure,
        {"parameter": "connection", "name": "connection"},
        {"parameter": "password", "name": "password", "version": "4387e9f3"},
    )
    found = await fetch(given, AT, tools(data=SECRETS))
    assert found.values == {"connection": "hush 1", "password": "hush 2"}
    login, first, second = azure.asked
    assert login.form["scope"] == f"{azure.url}/.default"
    assert login.headers["Authorization"].startswith("Basic ")
    assert {one.headers["Authorization"] for one in (first, second)} == {"Bearer entra"}
    assert first.query == {"api-version": "7.4"}


async def test_a_token_is_kept_from_fetch_to_fetch(azure: Service) -> None:
    """Until the secret that it was had by is another one."""
    memory: dict[str, Any] = {}
    for text in ("a", "a", "b"):
        await fetch(block(azure), AT, tools(data={("Secret", "app"): {"secret": text}}, memory=memory))
    assert [asked.path for asked in azure.asked].count("/tenant/oauth2/v2.0/token") == 2


async def test_a_token_that_is_refused_is_not_shown_again(azure: Service) -> None:
    azure.says["/secrets/connection"] = 401, {}
    memory: dict[str, Any] = {}
    error = await failing(block(azure), tools(data=SECRETS, memory=memory))
    assert isinstance(error, LoginError)
    assert str(error) == f"{azure.url}/ does not accept the identity's token"
    azure.says["/secrets/connection"] = 200, {"value": "x"}
    await fetch(block(azure), AT, tools(data=SECRETS, memory=memory))
    assert [asked.path for asked in azure.asked].count("/tenant/oauth2/v2.0/token") == 2


async def test_the_daemon_reads_the_vault(azure: Service, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("federated")
    environment = {
        "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token"),
        "AZURE_CLIENT_ID": "daemon",
        "AZURE_TENANT_ID": "elsewhere",
        "AZURE_AUTHORITY_HOST": azure.url,
    }
    identity = {"provider": "azure-workload", "identityId": "reader", "identityTenantId": "tenant"}
    given = block(azure, credentials=None, podIdentity=identity)
    found = await fetch(given, AT, tools(environment=environment))
    assert found.values == {"connection": "hush 1"}
    form = azure.asked[0].form
    assert (form["client_id"], form["client_assertion"]) == ("reader", "federated")


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((404, {"error": {"code": "SecretNotFound"}}), "there is no secret connection in {}/"),
        ((403, {"error": {"code": "Forbidden"}}), "the identity may not read secret connection in {}/"),
    ],
)
async def test_a_reference_that_leads_nowhere_is_named(azure: Service, answer: Any, sentence: str) -> None:
    azure.says["/secrets/connection"] = answer
    error = await failing(block(azure))
    assert str(error) == f"{AT}.secrets[0].name: {sentence.format(azure.url)}"


async def test_all_of_them_are_named(azure: Service) -> None:
    given = block(
        azure,
        {"parameter": "a", "name": "x"},
        {"parameter": "b", "name": "../y"},
        {"parameter": "c", "name": "connection"},
    )
    said = str(await failing(given))
    assert f"{AT}.secrets[0].name: there is no secret x" in said
    assert f"{AT}.secrets[1].name: must be a secret's name" in said
    assert "secrets[2]" not in said


async def test_a_vault_that_is_down_takes_nothing_away(azure: Service) -> None:
    azure.says["/secrets/connection"] = 500, {}
    error = await failing(block(azure))
    assert type(error) is SourceError


async def test_so_is_a_login_that_is_down(azure: Service) -> None:
    azure.says["/tenant/oauth2/v2.0/token"] = 500, {}
    error = await failing(block(azure))
    assert type(error) is SourceError


@pytest.mark.parametrize("answer", [{}, [], {"value": 5}])
async def test_an_answer_without_a_value(azure: Service, answer: Any) -> None:
    azure.says["/secrets/connection"] = 200, answer
    assert str(await failing(block(azure))) == f"{AT}.secrets[0].name: the answer for secret connection holds no value"


WORKLOAD = {"provider": "azure-workload"}
PRIVATE = {"type": "Private", "keyVaultResourceURL": "https://vault.corp", "activeDirectoryEndpoint": "https://id.corp"}


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"vaultUri": "http://shop.vault.azure.net"}, "vaultUri: must be an https URL such as https://name.vault"),
        ({"cloud": {"type": "AzureGermanCloud"}}, "cloud.type: must be AzurePublicCloud, AzureUSGovernmentCloud"),
        ({"cloud": {"type": "Private"}}, "cloud.keyVaultResourceURL: must be an https URL in a Private cloud"),
        ({"credentials": None}, "spec.azureKeyVault: needs credentials or podIdentity"),
        ({"credentials": None, "podIdentity": {"provider": "none"}}, "needs credentials or podIdentity"),
        ({"podIdentity": {"provider": "gcp"}}, "podIdentity.provider: must be azure-workload here"),
        (
            {"podIdentity": WORKLOAD, "cloud": None, "vaultUri": "https://evil.example"},
            "vaultUri: must be a vault under https://vault.azure.net with podIdentity",
        ),
        (
            {"podIdentity": WORKLOAD, "cloud": None, "vaultUri": "https://xn--a"},
            "vaultUri: must be a vault under https://vault.azure.net with podIdentity",
        ),
        (
            {"podIdentity": WORKLOAD, "cloud": None, "vaultUri": "https://shop.vault.azure.net:99999"},
            "vaultUri: must be a vault under https://vault.azure.net with podIdentity",
        ),
        (
            {"podIdentity": WORKLOAD, "cloud": None, "vaultUri": "https://xvault.azure.net"},
            "vaultUri: must be a vault under https://vault.azure.net with podIdentity",
        ),
        (
            {"podIdentity": WORKLOAD, "cloud": PRIVATE, "vaultUri": "https://a.vault.corp"},
            "podIdentity: must be a login host of Azure, or the daemon's own (AZURE_AUTHORITY_HOST)",
        ),
    ],
)
async def test_what_cannot_work(azure: Service, more: dict[str, Any], sentence: str) -> None:
    """And where the daemon's token must not go."""
    environment = {"AZURE_FEDERATED_TOKEN_FILE": "/t", "AZURE_CLIENT_ID": "d", "AZURE_TENANT_ID": "t"}
    error = await failing(block(azure, **more), tools(data=SECRETS, environment=environment))
    assert isinstance(error, CredentialError)
    assert sentence in str(error)
    assert azure.asked == []


async def test_a_secret_that_is_not_there_is_named(azure: Service) -> None:
    error = await failing(block(azure), tools())
    assert str(error) == f"{AT}.credentials.clientSecret: there is no Secret app"


@pytest.mark.parametrize(
    ("kind", "login", "url"),
    [
        ("AzurePublicCloud", "https://login.microsoftonline.com", "https://shop.vault.azure.net"),
        ("azureusgovernmentcloud", "https://login.microsoftonline.us", "https://shop.vault.usgovcloudapi.net"),
        ("AzureChinaCloud", "https://login.chinacloudapi.cn", "https://shop.vault.azure.cn"),
    ],
)
async def test_every_cloud_has_its_hosts(azure: Service, kind: str, login: str, url: str) -> None:
    given = block(azure, cloud={"type": kind}).cloud
    cloud = cloud_of(given, AT)
    assert cloud.login == login
    assert cloud.holds(url)
    assert cloud.scope == f"https://{url.partition('.')[2]}/.default"

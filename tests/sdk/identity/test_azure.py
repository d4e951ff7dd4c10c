"""The rules of Azure's workload identity: what it is made of, and to whom the daemon's token goes."""

import pytest

from scaler.sdk.identity.azure import LOGINS, AzureWorkload, protected, token_url
from scaler.sdk.signing import ClientCredentials

DAEMON = {
    "federatedTokenFile": "/var/run/token",
    "clientId": "daemon",
    "tenantId": "tenant",
    "authorityHost": "https://login.microsoftonline.com/",
}


def test_the_daemons_own() -> None:
    workload = AzureWorkload.of(DAEMON)
    assert not list(workload.problems())
    assert workload.tokens("https://vault.azure.net/.default") == ClientCredentials(
        "https://login.microsoftonline.com/tenant/oauth2/v2.0/token",
        "daemon",
        scopes=("https://vault.azure.net/.default",),
        assertion_file="/var/run/token",
    )


def test_another_identity_that_believes_the_daemon() -> None:
    other = {"identityId": "other", "identityTenantId": "theirs", "identityAuthorityHost": LOGINS[1]}
    workload = AzureWorkload.of({**DAEMON, **other})
    assert not list(workload.problems())
    assert (workload.tokens("s").client_id, workload.tokens("s").token_url) == (
        "other",
        f"{LOGINS[1]}/theirs/oauth2/v2.0/token",
    )


def test_a_clouds_login_counts_where_nobody_names_one() -> None:
    bare = {name: value for name, value in DAEMON.items() if name != "authorityHost"}
    assert AzureWorkload.of(bare, LOGINS[2]).tokens("s").token_url.startswith(LOGINS[2])
    assert AzureWorkload.of(DAEMON, LOGINS[2]).tokens("s").token_url.startswith(LOGINS[0])


@pytest.mark.parametrize(
    "login",
    ["https://evil.example", "https://login.microsoftonline.com.evil.example", "http://login.microsoftonline.com"],
)
def test_the_daemons_token_does_not_go_elsewhere(login: str) -> None:
    """Neither by the object's word nor by that of a private cloud."""
    [(name, problem)] = AzureWorkload.of({**DAEMON, "identityAuthorityHost": login}).problems()
    assert name == "identityAuthorityHost"
    assert problem == "must be a login host of Azure, or the daemon's own (AZURE_AUTHORITY_HOST)"
    bare = {name: value for name, value in DAEMON.items() if name != "authorityHost"}
    assert list(AzureWorkload.of(bare, login).problems())


def test_all_that_is_missing_is_said() -> None:
    said = " ".join(problem for _, problem in AzureWorkload.of({}).problems())
    assert "AZURE_FEDERATED_TOKEN_FILE" in said
    assert "AZURE_CLIENT_ID" in said
    assert "AZURE_TENANT_ID" in said


@pytest.mark.parametrize(
    ("url", "is_protected"),
    [
        ("https://shop.vault.azure.net", True),
        ("https://shop.vault.azure.net:443/", True),
        ("https://vault.local.azurestack.external/5d1a-x", True),
        ("http://127.0.0.1:8080", True),
        ("http://localhost/", True),
        ("http://shop.vault.azure.net", False),
        ("http://127.0.0.1.evil.example", False),
        ("https://user@shop.vault.azure.net", False),
        ("https://evil.example\\@shop.vault.azure.net", False),
        ("https://evil.example#.vault.azure.net", False),
        ("https://evil.example?.vault.azure.net", False),
        ("https://shop.vault.azure.net\n", False),
        ("", False),
    ],
)
def test_where_nobody_else_hears_it(url: str, is_protected: bool) -> None:
    assert protected(url) is is_protected


def test_a_tenant_stays_a_part_of_the_path() -> None:
    assert token_url("https://login/", "../a?b") == "https://login/..%2Fa%3Fb/oauth2/v2.0/token"

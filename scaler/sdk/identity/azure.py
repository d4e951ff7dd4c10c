"""Azure: tokens of Microsoft Entra for an application, by its secret or by a token that the platform keeps in a file
(workload identity federation). What must not leave: the daemon's token goes to Azure's own login hosts, and to the one
that the daemon was given."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from scaler.sdk.signing import ClientCredentials

WORKLOAD = "azure-workload"

LOGINS = (
    "https://login.microsoftonline.com",
    "https://login.microsoftonline.us",
    "https://login.chinacloudapi.cn",
    "https://login.partner.microsoftonline.cn",
)
"""Who gets the daemon's token can act as the daemon: it goes to these, and to the host that the daemon was given."""


@dataclass(frozen=True, slots=True)
class AzureWorkload:
    """The daemon's identity, or another one that believes the daemon's token. `authority_host` is the daemon's own."""

    token_file: str
    client_id: str
    tenant_id: str
    login: str = ""
    authority_host: str = ""

    @classmethod
    def of(cls, known: Mapping[str, str], login: str = "") -> "AzureWorkload":
        """By the parameters that binding knows of an identity; `login` counts where nobody names one."""
        own = known.get("authorityHost", "")
        return cls(
            known.get("federatedTokenFile", ""),
            known.get("identityId") or known.get("clientId", ""),
            known.get("identityTenantId") or known.get("tenantId", ""),
            (known.get("identityAuthorityHost") or own or login).rstrip("/"),
            own.rstrip("/"),
        )

    def problems(self) -> Iterator[tuple[str, str]]:
        """What is missing or must not be, by the part of the identity."""
        for what, there in (
            ("a token file (AZURE_FEDERATED_TOKEN_FILE)", self.token_file),
            ("a client id (AZURE_CLIENT_ID or identityId)", self.client_id),
            ("a tenant (AZURE_TENANT_ID or identityTenantId)", self.tenant_id),
        ):
            if not there:
                yield "podIdentity", f"{WORKLOAD} needs {what}, which the daemon does not have"
        if self._login not in (*LOGINS, self.authority_host):
            yield "identityAuthorityHost", "must be a login host of Azure, or the daemon's own (AZURE_AUTHORITY_HOST)"
        elif not protected(self._login):
            yield "podIdentity", "the daemon's own login host (AZURE_AUTHORITY_HOST) must be an https URL"

    def tokens(self, scope: str) -> ClientCredentials:
        url = token_url(self._login, self.tenant_id)
        return ClientCredentials(url, self.client_id, scopes=(scope,), assertion_file=self.token_file)

    @property
    def _login(self) -> str:
        return self.login or LOGINS[0]


def token_url(login: str, tenant: str) -> str:
    return f"{login.rstrip('/')}/{quote(tenant, safe='')}/oauth2/v2.0/token"


def protected(url: str) -> bool:
    """Whether what is said there is heard by nobody else: https, or this machine itself."""
    return _PROTECTED.fullmatch(url) is not None


_PROTECTED = re.compile(r"(https://[A-Za-z0-9.-]+|http://(127\.0\.0\.1|localhost))(:[0-9]{1,5})?(/[\w./-]*)?", re.ASCII)

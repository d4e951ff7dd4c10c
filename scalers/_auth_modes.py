"""The ways to log in that many HTTP types share (`authModes`): parameters, what each way needs, and the values for the
`Http` source made from them."""

from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from scaler.sdk import (
    AUTH,
    METADATA,
    Anonymous,
    ClientCredentials,
    Declared,
    Fixed,
    Http,
    Listed,
    Several,
    Signer,
    Tls,
    UrlPairs,
    basic,
    bearer,
    param,
    secret,
)

ALONE = ("bearer", "basic", "oauth")
"""Each of these fills the same header."""

NEEDS = {
    "apiKey": {"apiKey": "api_key"},
    "basic": {"username": "username"},
    "tls": {"cert": "cert", "key": "key"},
    "bearer": {"bearerToken": "bearer_token"},
    "custom": {"customAuthHeader": "custom_auth_header", "customAuthValue": "custom_auth_value"},
    "oauth": {"oauthTokenURI": "oauth_token_uri", "clientID": "client_id"},
}
"""What each way cannot do without: the parameter and its field."""


class AuthModes(Declared):
    """A shared group: to be named before `Scaler` among a type's bases."""

    auth_modes: Listed = param(
        "Ways to log in, separated by commas; of bearer, basic and oauth only one.",
        default=(),
        choices=tuple(NEEDS),
        places=(METADATA, AUTH),
        names=("authModes", "authMode"),
    )
    api_key: str = secret("The key, for `apiKey`.", default="", places=(METADATA, AUTH))
    method: str = param(
        "Where the API key is put.", default="header", choices=("header", "query"), places=(METADATA, AUTH)
    )
    key_param_name: str = param(
        "Name of the header or query parameter for the API key; X-API-KEY or api_key unless given.",
        default="",
        places=(METADATA, AUTH),
    )
    username: str = param("User, for `basic`.", default="", places=(AUTH,))
    password: str = secret("Password of that user; may be left out.", default="")
    bearer_token: str = secret("The token, for `bearer`.", default="", names=("bearerToken", "token"))
    cert: str = param("Client certificate in PEM, for `tls`.", default="", places=(AUTH,))
    key: str = secret("Private key of the certificate in PEM, for `tls`.", default="")
    ca: str = param("Certificates in PEM that are trusted beside the system's.", default="", places=(AUTH,))
    custom_auth_header: str = param("Name of the header, for `custom`.", default="", places=(AUTH,))
    custom_auth_value: str = secret("Value of that header.", default="")
    oauth_token_uri: str = param(
        "URL of the token endpoint, for `oauth`.", default="", places=(AUTH,), names=("oauthTokenURI",)
    )
    client_id: str = param("Client that asks for a token.", default="", places=(AUTH,), names=("clientID",))
    client_secret: str = secret("Secret of that client.", default="")
    scopes: Listed = param("Scopes to ask for.", default=(), places=(AUTH,), names=("scopes", "scope"))
    endpoint_params: UrlPairs = param("More for the token endpoint: a=b&c=d.", default=(), places=(AUTH,))

    def check(self) -> Iterator[tuple[str, str]]:
        yield from super().check()
        alone = [mode for mode in self.auth_modes if mode in ALONE]
        if len(alone) > 1:
            yield "authModes", f"must have only one of {', '.join(ALONE)}"
        for mode in self.auth_modes:
            for name, field in NEEDS[mode].items():
                if not getattr(self, field):
                    yield name, f"is required for {mode}"

    def http(self, url: str, *, verify: bool, timeout: float) -> Http:
        """The server of this URL as a source; what stands behind its host belongs to the query (`path_of`)."""
        parts = urlsplit(url)
        base = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        shows = "tls" in self.auth_modes
        tls = Tls(self.ca, self.cert if shows else "", self.key if shows else "", verify=verify)
        return Http(base, self._signer(parts.username, parts.password), tls, timeout)

    def _signer(self, user: str | None, password: str | None) -> Signer:
        """A user in the URL counts where no other way to log in fills the same header."""
        signers = [self._way(mode) for mode in self.auth_modes if mode != "tls"]
        if user is not None and not set(ALONE) & set(self.auth_modes):
            signers.append(basic(unquote(user), unquote(password or "")))
        return Several(tuple(signers)) if len(signers) > 1 else signers[0] if signers else Anonymous()

    def _way(self, mode: str) -> Signer:
        match mode:
            case "basic":
                return basic(self.username, self.password)
            case "bearer":
                return bearer(self.bearer_token)
            case "custom":
                return Fixed(((self.custom_auth_header, self.custom_auth_value),))
            case "oauth":
                return ClientCredentials(
                    self.oauth_token_uri, self.client_id, self.client_secret, self.scopes, self.endpoint_params
                )
        if self.method == "query":
            return Fixed(params=((self.key_param_name or "api_key", self.api_key),))
        return Fixed(((self.key_param_name or "X-API-KEY", self.api_key),))


def path_of(url: str) -> str:
    """What stands behind a URL's host: path and query."""
    return urlsplit(url)._replace(scheme="", netloc="", fragment="").geturl()


def url_problem(url: str) -> str:
    """What is wrong with a URL, or nothing."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    return "" if good else "must be a whole URL such as http://service:8080/path"

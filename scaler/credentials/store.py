"""The seam of the stores: what a room (`vault.py`, `file_path.py` …) is handed, and what it gives back. A room is one
function, `fetch`, that keeps nothing outside `Tools.memory`; that equal blocks are fetched once, when they are fetched
anew and what a failure means is known by `stores.py`."""

from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol, TypeVar

from scaler.credentials.resolve import Read
from scaler.errors import CredentialError, Forbidden, NotFound
from scaler.sdk.http import Reply
from scaler.sdk.signing import Anonymous, Request, Signer
from scaler.sdk.tls import Tls

AGE = 300.0
"""Seconds after which what has no end of its own is fetched anew, and for which what nobody uses is kept."""

TIMEOUT = 5.0
"""Seconds that a store has for one request."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """The trigger's parameters. `until` is when they must be fetched anew (seconds since the epoch): well before what
    is in them expires. None is for what has no end of its own: it is looked at again every few minutes."""

    values: Mapping[str, str] = field(repr=False)
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """A service account's token, and when it expires (seconds since the epoch)."""

    value: str = field(repr=False)
    until: float


@dataclass(frozen=True, slots=True)
class Where:
    """Where a block is fetched for: `namespace` is that of the Secrets it names (for a ClusterTriggerAuthentication the
    cluster objects' one), `home` the object's own, `workload` its target as an `Environment` names it. The latter two
    are empty where the room does not ask for them: what does not matter must not keep equal blocks apart. `shared` says
    that the block is a ClusterTriggerAuthentication's, which only who rules the cluster may write."""

    namespace: str
    home: str = ""
    workload: str = ""
    shared: bool = False


class Ask(Protocol):
    """One HTTP request, signed by `auth`; any status but 2xx and those in `also` is an error. Redirects are followed on
    the same host only. `own` is for addresses that no person chose (a cloud's metadata service): the switch against
    those does not hold then. Raises `SourceError`, `LoginError` (401, 403), `AnswerError` (another 3xx or 4xx)."""

    async def __call__(
        self,
        request: Request,
        *,
        auth: Signer = Anonymous(),  # noqa: B008  # a frozen value
        tls: Tls = Tls(),  # noqa: B008  # as above
        timeout: float = TIMEOUT,
        also: Container[int] = (),
        own: bool = False,
    ) -> Reply: ...


class AskToken(Protocol):
    """The cluster's TokenRequest for a service account; without an `audience` the API server's own. Raises
    `NotFound`, `Forbidden`, `ClusterError`; standalone has no such thing and says so."""

    async def __call__(self, namespace: str, account: str, *, audience: str = "", seconds: int = 3600) -> Token: ...


class ReadFile(Protocol):
    """The text of a file of the daemon, which must be within one of the roots that it may read (links followed). Raises
    `CredentialError`."""

    async def __call__(self, path: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Tools:
    """All that a room may use. `read` gives Secrets and ConfigMaps of `where.namespace`: a fetch that read some is done
    anew when they change. `token_life` are the seconds to ask tokens for. `environment` holds the daemon's variables by
    which it says who it is (`VAULT_TOKEN`, `AWS_ROLE_ARN` …); `show_own_token` is whether the pod's own token may go to
    a Vault of a namespace's choice. `memory` is the room's own between two fetches of one
    block: a login, a lease; it is emptied when a source refuses what was fetched."""

    where: Where
    ask: Ask = field(repr=False)
    read: Read = field(repr=False)
    token: AskToken = field(repr=False)
    file: ReadFile = field(repr=False)
    now: Callable[[], float] = field(repr=False)
    token_life: int = 3600
    show_own_token: bool = True
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    memory: dict[str, Any] = field(default_factory=dict, repr=False)


Fetch = Callable[[Any, str, Tools], Awaitable[Fetched]]
"""(block, at, tools): `block` is the declared one, `at` its path (`spec.hashiCorpVault`). What goes wrong is raised as
`CredentialError(f"{at}.secrets[0]: …")`, in one sentence without a value; an error of `ask`, `token` or `file` may be
let through where it says all there is to say: `at` is put before it."""


class Per(Enum):
    """What a block's fetch depends on beside the block: equal blocks within are fetched once."""

    NAMESPACE = "namespace"
    HOME = "home"
    WORKLOAD = "workload"


def _per_namespace(block: Any) -> Per:
    return Per.NAMESPACE


@dataclass(frozen=True, slots=True)
class Room:
    """One store: how a block of it is fetched, and what else that depends on."""

    fetch: Fetch
    per: Callable[[Any], Per] = _per_namespace


class _Parameter(Protocol):
    """One entry of a block's `secrets`."""

    @property
    def parameter(self) -> str: ...


P = TypeVar("P", bound=_Parameter)


async def each(secrets: Sequence[P], at: str, read: Callable[[P, str], Awaitable[str]]) -> Fetched:
    """The parameters of a block that names one secret for each, as `read` gives them by entry and path. Raises
    `CredentialError` that names every reference which leads nowhere."""
    values: dict[str, str] = {}
    problems: list[str] = []
    for index, one in enumerate(secrets):
        try:
            values[one.parameter] = await read(one, f"{at}.secrets[{index}]")
        except CredentialError as problem:
            problems.append(str(problem))
    if problems:
        raise CredentialError("; ".join(problems))
    return Fetched(values)


async def secret_key(name: str, key: str, at: str, tools: Tools) -> str:
    """The value of a `secretKeyRef`. Raises `CredentialError` that names it, `ClusterError`."""
    try:
        data = await tools.read("Secret", name)
    except NotFound:
        raise CredentialError(f"{at}: there is no Secret {name}") from None
    except Forbidden as error:
        raise CredentialError(f"{at}: {error}") from None
    if key not in data:
        raise CredentialError(f"{at}: Secret {name} has no key {key}")
    return data[key]


async def service_account_token(namespace: str, account: str, at: str, tools: Tools) -> Token:
    """A token of that service account, for the API server's own audience. Raises `CredentialError` that names it,
    `ClusterError`."""
    try:
        return await tools.token(namespace, account, seconds=tools.token_life)
    except NotFound:
        raise CredentialError(f"{at}: there is no service account {namespace}/{account}") from None
    except Forbidden:
        raise CredentialError(
            f"{at}: the daemon may not ask for tokens of service account {namespace}/{account}, "
            "that takes the right to create serviceaccounts/token"
        ) from None

"""azure-queue: validation, Azurite (Azure's own emulator), and at wire level what that has not: workload identity,
refusals, silence."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from aiohttp import web

from scaler.declare import UNRESOLVED, load
from scaler.errors import AnswerError, LoginError, SourceBusy, SourceError
from scaler.sdk import Backlog, ClientCredentials, Tls
from scalers._azure_storage import SCOPE, Length, Queue, StorageQueues, by_connection_string
from scalers.azure_queue import AzureQueue
from tests.rig.azurite import Azurite
from tests.rig.certificates import Authority
from tests.sdk.servers import serving, serving_tls

KEY = "aHVzaC1odXNo"
CONNECTION = f"DefaultEndpointsProtocol=https;AccountName=shop;AccountKey={KEY};EndpointSuffix=core.windows.net"
METADATA = {"queueName": "orders"}
DAEMON = {"federatedTokenFile": "/var/run/token", "clientId": "client", "tenantId": "tenant"}
WORKLOAD = {**DAEMON, "podIdentity": "azure-workload"}


def problems(metadata: dict[str, str], auth: dict[str, str], env: dict[str, str] | None = None) -> dict[str, str]:
    return dict(load(AzureQueue, {**METADATA, **metadata}, auth, env or {}).problems)


def loaded(metadata: dict[str, str], auth: dict[str, str], env: dict[str, str] | None = None) -> AzureQueue:
    scaler = load(AzureQueue, {**METADATA, **metadata}, auth, env or {}).value
    assert scaler is not None
    return scaler


# ------------------------------------------------------------------------------------------------------- declaration


def test_the_connection_is_needed_and_may_still_come() -> None:
    assert list(problems({}, {})) == ["connection"]
    assert load(AzureQueue, METADATA, UNRESOLVED, UNRESOLVED).problems == {}


@pytest.mark.parametrize(
    ("metadata", "auth", "env"),
    [
        ({}, {"connection": CONNECTION}, {}),
        ({"connection": CONNECTION}, {}, {}),
        ({"connectionFromEnv": "STORAGE"}, {}, {"STORAGE": CONNECTION}),
    ],
)
def test_the_connection_comes_from_anywhere(
    metadata: dict[str, str], auth: dict[str, str], env: dict[str, str]
) -> None:
    assert loaded(metadata, auth, env).source() == StorageQueues("https://shop.queue.core.windows.net", "shop", KEY)


@pytest.mark.parametrize(
    ("connection", "endpoint"),
    [
        (f"AccountName=shop;AccountKey={KEY}", "https://shop.queue.core.windows.net"),
        (f"AccountName=shop;AccountKey={KEY};", "https://shop.queue.core.windows.net"),
        (f"accountname=shop;accountkey={KEY};EndpointSuffix=x.cn", "https://shop.queue.x.cn"),
        (f"AccountName=a;AccountKey={KEY};QueueEndpoint=http://h:1/a/", "http://h:1/a"),
        ("AccountName=a;SharedAccessSignature=?sv=1&sig=2", "https://a.queue.core.windows.net"),
        ("UseDevelopmentStorage=true", "http://127.0.0.1:10001/devstoreaccount1"),
    ],
)
def test_connection_strings(connection: str, endpoint: str) -> None:
    assert by_connection_string(connection).endpoint == endpoint


@pytest.mark.parametrize(
    "connection",
    [
        "hush",
        "hush=",
        "=hush",
        "AccountName=hush",
        "AccountKey=hush",
        "AccountName=a;AccountKey=hush hush",
        f"AccountName=a;AccountKey={KEY};hush",
        f"AccountName=a;AccountKey={KEY};DefaultEndpointsProtocol=hush",
        f"AccountName=a;AccountKey={KEY};QueueEndpoint=hush",
        f"AccountName=a;AccountKey={KEY};QueueEndpoint=https://[hush",
        f"AccountName=a;AccountKey={KEY};QueueEndpoint=https://hush:99999/",
    ],
)
def test_a_wrong_connection_string_is_a_problem_that_does_not_quote_it(connection: str) -> None:
    [(name, problem)] = problems({}, {"connection": connection}).items()
    assert name == "connection"
    assert "hush" not in problem
    assert KEY not in problem


def test_a_signature_is_of_no_use_beside_a_key() -> None:
    both = f"AccountName=a;AccountKey={KEY};SharedAccessSignature=sig"
    assert by_connection_string(both) == by_connection_string(f"AccountName=a;AccountKey={KEY}")


def test_a_workload_identity_asks_for_the_account_and_nothing_else() -> None:
    assert list(problems({}, WORKLOAD)) == ["accountName"]
    source = loaded({"accountName": "shop"}, WORKLOAD).source()
    assert source.endpoint == "https://shop.queue.core.windows.net"
    assert source.identity == ClientCredentials(
        "https://login.microsoftonline.com/tenant/oauth2/v2.0/token",
        "client",
        scopes=("https://storage.azure.com/.default",),
        assertion_file="/var/run/token",
    )


def test_an_object_may_have_an_identity_of_its_own() -> None:
    own = {
        "identityId": "other",
        "identityTenantId": "elsewhere",
        "identityAuthorityHost": "https://login.microsoftonline.us/",
    }
    source = loaded({"accountName": "shop"}, {**WORKLOAD, **own}).source()
    assert source.identity is not None
    assert source.identity.client_id == "other"
    assert source.identity.token_url == "https://login.microsoftonline.us/elsewhere/oauth2/v2.0/token"


@pytest.mark.parametrize("missing", sorted(DAEMON))
def test_a_daemon_without_identity_says_so(missing: str) -> None:
    auth = {name: text for name, text in WORKLOAD.items() if name != missing}
    assert "which the daemon does not have" in problems({"accountName": "shop"}, auth)["podIdentity"]


@pytest.mark.parametrize(
    "host", ["https://evil.example", "http://login.microsoftonline.com", "login.microsoftonline.com"]
)
def test_an_object_cannot_choose_who_gets_the_daemons_token(host: str) -> None:
    """Whoever gets it can act as the daemon."""
    auth = {**WORKLOAD, "identityAuthorityHost": host}
    assert problems({"accountName": "shop"}, auth).keys() == {"identityAuthorityHost"}


def test_the_daemons_own_login_host_is_trusted() -> None:
    private = {**WORKLOAD, "authorityHost": "https://login.private.example/"}
    for auth in (private, {**private, "identityAuthorityHost": "https://login.private.example"}):
        source = loaded({"accountName": "shop"}, auth).source()
        assert source.identity is not None
        assert source.identity.token_url == "https://login.private.example/tenant/oauth2/v2.0/token"
    assert "podIdentity" in problems(
        {"accountName": "shop"}, {**WORKLOAD, "authorityHost": "http://login.private.example"}
    )


def test_other_identities_are_refused() -> None:
    assert "podIdentity" in problems({}, {"podIdentity": "aws", "connection": CONNECTION})
    assert problems({}, {"podIdentity": "none", "connection": CONNECTION}) == {}


@pytest.mark.parametrize(
    ("metadata", "suffix"),
    [
        ({}, "queue.core.windows.net"),
        ({"endpointSuffix": "ignored.example"}, "queue.core.windows.net"),
        ({"cloud": "AzureUSGovernmentCloud"}, "queue.core.usgovcloudapi.net"),
        ({"cloud": "azurechinacloud"}, "queue.core.chinacloudapi.cn"),
        (
            {"cloud": "Private", "endpointSuffix": "privatelink.queue.core.windows.net"},
            "privatelink.queue.core.windows.net",
        ),
        ({"cloud": "private", "endpointSuffix": "Z7.Queue.Storage.Azure.Net:443"}, "Z7.Queue.Storage.Azure.Net:443"),
    ],
)
def test_clouds(metadata: dict[str, str], suffix: str) -> None:
    source = loaded({"accountName": "shop", **metadata}, WORKLOAD).source()
    assert source.endpoint == f"https://shop.{suffix}"


@pytest.mark.parametrize("name", ["evil.example/", "evil.example?", "user@evil.example", "a#", "x" * 64, "ab", "Shop"])
def test_an_account_is_a_name_and_no_host(name: str) -> None:
    """The daemon's token goes where it leads."""
    assert problems({"accountName": name}, WORKLOAD).keys() == {"accountName"}


@pytest.mark.parametrize(
    "metadata", [{"cloud": "Private"}, {"cloud": "Moon"}, {"cloud": "Private", "endpointSuffix": "x/y"}]
)
def test_an_unknown_cloud_is_a_problem(metadata: dict[str, str]) -> None:
    assert "cloud" in problems({"accountName": "shop", **metadata}, WORKLOAD)


@pytest.mark.parametrize(
    "suffix",
    [
        "attacker.example",
        "xqueue.core.windows.net",
        "queue.core.windows.net.attacker.example",
        "attacker.example:443",
        "blob.core.windows.net",
        "queue.core.windows.net.",
        "core.windows.net",
    ],
)
def test_a_private_cloud_cannot_choose_who_gets_the_daemons_token(suffix: str) -> None:
    metadata = {"accountName": "shop", "cloud": "Private", "endpointSuffix": suffix}
    assert problems(metadata, WORKLOAD).keys() == {"endpointSuffix"}
    assert problems(metadata, {"connection": CONNECTION}) == {}, "there no token is shown"


@pytest.mark.parametrize("strategy", ["VisibleOnly", "some"])
def test_a_strategy_is_spelled_as_in_keda(strategy: str) -> None:
    assert "queueLengthStrategy" in problems({"queueLengthStrategy": strategy}, {"connection": CONNECTION})


def test_what_is_known_is_reported() -> None:
    scaler = loaded({"queueLengthStrategy": "visibleonly"}, {"connection": CONNECTION})
    assert scaler.ask() == Queue("orders", visible=True)
    assert scaler.read(Length(7, visible=True)) == Backlog(7.0)
    assert scaler.read(Length(40)) == 40.0
    assert scaler.label() == "azure-queue-orders"


# ----------------------------------------------------------------------------------------------------------- Azurite


async def asked(source: StorageQueues, *queries: Queue) -> list[Length | SourceError]:
    async with source.open() as connection:
        return [answer for query in queries for answer in await connection.fetch([query])]


async def test_a_real_queue(azurite: Azurite) -> None:
    """Of forty messages five are received and three more are delayed: the count has all, the peek the visible ones."""
    await azurite.create_queue("mixed")
    await azurite.send("mixed", 15)
    await azurite.send("mixed", 3, delay=3600)
    await azurite.receive("mixed", 5)
    source = by_connection_string(azurite.connection_string)
    assert await asked(source, Queue("mixed"), Queue("mixed", visible=True)) == [Length(18), Length(10, visible=True)]


@pytest.mark.parametrize(("sent", "answer"), [(0, Length(0, True)), (31, Length(31, True)), (32, Length(34))])
async def test_more_than_can_be_peeked_at_is_counted(azurite: Azurite, sent: int, answer: Length) -> None:
    await azurite.create_queue("edge")
    await azurite.send("edge", sent)
    await azurite.send("edge", 2, delay=3600)
    [found] = await asked(by_connection_string(azurite.connection_string), Queue("edge", visible=True))
    assert found == answer


async def test_a_missing_queue_is_the_error_of_its_query_alone(azurite: Azurite) -> None:
    await azurite.create_queue("there")
    source = by_connection_string(azurite.connection_string)
    missing, there, peeked = await asked(source, Queue("nowhere"), Queue("there"), Queue("nowhere", visible=True))
    assert isinstance(missing, AnswerError)
    assert str(missing) == str(peeked) == f"there is no queue nowhere at {azurite.queue_endpoint}"
    assert there == Length(0)


@pytest.mark.parametrize("name", ["Not A Name", "x", "a/b", "a?b", "q" * 100])
async def test_an_impossible_name_is_an_error(azurite: Azurite, name: str) -> None:
    [answer] = await asked(by_connection_string(azurite.connection_string), Queue(name))
    assert isinstance(answer, SourceError)


async def test_a_wrong_key_is_refused(azurite: Azurite) -> None:
    source = StorageQueues(azurite.queue_endpoint, azurite.account, KEY)
    [answer] = await asked(source, Queue("there"))
    assert isinstance(answer, LoginError)
    assert str(answer) == f"{azurite.queue_endpoint} answers with HTTP 403, the credentials are not accepted"


async def test_an_account_that_is_not_there() -> None:
    [answer] = await asked(StorageQueues("http://127.0.0.1:9/shop", "shop", KEY), Queue("orders"))
    assert str(answer) == "http://127.0.0.1:9/shop cannot be reached"


# -------------------------------------------------------------------------------------------------------- wire level


class Azure:
    """Entra's token endpoint and an account's queues: not Azure, but on the wire as Azure documents it."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.logins: list[dict[str, str]] = []
        self.shown: list[str] = []
        self.lifetime = 3600
        self.refusal: tuple[int, dict[str, str]] | None = None
        self.silent = False
        self.login_status = 200

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/oauth2/v2.0/token"):
            self.logins.append(dict(parse_qsl(await request.text())) | {"path": request.path})
            answer = {"access_token": f"token{len(self.logins)}", "expires_in": self.lifetime}
            return web.json_response(answer, status=self.login_status)
        self.shown.append(request.headers.get("Authorization", ""))
        if self.silent:
            await asyncio.sleep(60)
        if self.refusal:
            status, headers = self.refusal
            return web.Response(status=status, headers=headers)
        return web.Response(headers={"x-ms-approximate-messages-count": "12"})

    @asynccontextmanager
    async def serving(self, token_file: Path, *, timeout: float = 3.0) -> AsyncIterator[StorageQueues]:
        """The account with a workload identity."""
        async with serving(self.answer, context=serving_tls(self.authority)) as url:
            credentials = ClientCredentials(
                f"{url}/tenant/oauth2/v2.0/token", "client", scopes=(SCOPE,), assertion_file=str(token_file)
            )
            tls = Tls(ca=self.authority.certificate.read_text())
            yield StorageQueues(f"{url}/shop", identity=credentials, tls=tls, timeout=timeout)


@pytest.fixture
def azure(tmp_path: Path) -> Azure:
    return Azure(Authority(tmp_path))


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "federated"
    file.write_text("assertion1\n")
    return file


async def test_a_workload_identity_exchanges_its_token(azure: Azure, token_file: Path) -> None:
    async with azure.serving(token_file) as source:
        assert await asked(source, Queue("orders"), Queue("orders")) == [Length(12)] * 2
    assert azure.logins == [
        {
            "path": "/tenant/oauth2/v2.0/token",
            "grant_type": "client_credentials",
            "client_id": "client",
            "scope": "https://storage.azure.com/.default",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": "assertion1",
        }
    ]
    assert azure.shown == ["Bearer token1"] * 2


async def test_a_renewal_reads_the_token_file_anew(azure: Azure, token_file: Path) -> None:
    azure.lifetime = 31
    async with azure.serving(token_file) as source, source.open() as connection:
        await connection.fetch([Queue("orders")])
        await asyncio.to_thread(token_file.write_text, "assertion2")
        await asyncio.sleep(1.1)
        await connection.fetch([Queue("orders")])
    assert [login["client_assertion"] for login in azure.logins] == ["assertion1", "assertion2"]
    assert azure.shown == ["Bearer token1", "Bearer token2"]


async def test_many_queues_are_one_login(azure: Azure, token_file: Path) -> None:
    async with azure.serving(token_file) as source, source.open() as connection:
        await asyncio.gather(*(connection.fetch([Queue(f"queue{index}")]) for index in range(32)))
    assert len(azure.logins) == 1


async def test_a_token_that_is_refused_is_not_shown_for_ever(azure: Azure, token_file: Path) -> None:
    async with azure.serving(token_file) as source:
        azure.refusal = (401, {})
        [refused] = await asked(source, Queue("orders"))
        azure.refusal = None
        assert await asked(source, Queue("orders")) == [Length(12)]
    assert isinstance(refused, LoginError)
    assert str(refused).endswith("answers with HTTP 401, the credentials are not accepted")
    assert azure.shown == ["Bearer token1", "Bearer token2"]


async def test_an_identity_without_its_file(azure: Azure, tmp_path: Path) -> None:
    async with azure.serving(tmp_path / "nothing") as source:
        [answer] = await asked(source, Queue("orders"))
    assert str(answer) == f"the identity's token file {tmp_path}/nothing cannot be read"


async def test_an_identity_that_entra_refuses(azure: Azure, token_file: Path) -> None:
    azure.login_status = 400
    async with azure.serving(token_file) as source:
        [answer] = await asked(source, Queue("orders"))
    assert str(answer) == "the token endpoint answers with HTTP 400, the client is not accepted"


async def test_a_throttled_account_is_left_alone(azure: Azure, token_file: Path) -> None:
    """Once: the keeper repeats, Azure's client does not."""
    azure.refusal = (503, {"Retry-After": "7"})
    async with azure.serving(token_file) as source:
        [answer] = await asked(source, Queue("orders"))
    assert isinstance(answer, SourceBusy)
    assert answer.retry_after == 7
    assert len(azure.shown) == 1


@pytest.mark.parametrize("status", [301, 400, 404, 500])
async def test_a_status_is_an_error(azure: Azure, token_file: Path, status: int) -> None:
    azure.refusal = (status, {})
    async with azure.serving(token_file) as source:
        [answer] = await asked(source, Queue("orders"))
    assert isinstance(answer, AnswerError)
    assert len(azure.shown) == 1


async def test_silence_ends(azure: Azure, token_file: Path) -> None:
    azure.silent = True
    async with azure.serving(token_file, timeout=0.3) as source:
        [answer] = await asked(source, Queue("orders"))
        assert str(answer) == f"{source} did not answer in 0.3 s"


async def test_an_untrusted_account(azure: Azure, token_file: Path) -> None:
    async with azure.serving(token_file) as source:
        [answer] = await asked(StorageQueues(source.endpoint, "shop", KEY), Queue("orders"))
        assert str(answer) == f"the TLS certificate of {source} is not trusted"


async def test_an_account_of_another_name_counts_nothing(azure: Azure, token_file: Path) -> None:
    """A 200 without the count is not zero."""
    azure.refusal = (200, {})
    async with azure.serving(token_file) as source:
        [answer] = await asked(source, Queue("orders"))
        assert str(answer) == f"{source} does not say how long orders is"


def test_secrets_are_not_seen() -> None:
    for connection in (CONNECTION, "AccountName=a;SharedAccessSignature=aHVzaC1odXNo"):
        scaler = loaded({}, {"connection": connection})
        assert KEY not in f"{scaler!r} {scaler} {scaler.source()!r} {scaler.source()}"


@pytest.mark.parametrize("signature", [f"sv=2021&sig={KEY}", f"?sv=2021&sig={KEY}"])
async def test_a_shared_access_signature_is_shown_in_the_url_and_nowhere_else(signature: str) -> None:
    seen: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(request.query.get("sig", ""))
        return web.Response(status=403)

    async with serving(handle) as url:
        source = by_connection_string(f"AccountName=a;SharedAccessSignature={signature};QueueEndpoint={url}/a")
        [answer] = await asked(source, Queue("orders"))
    assert seen == [KEY]
    assert KEY not in str(answer)

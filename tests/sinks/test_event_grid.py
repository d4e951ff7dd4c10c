"""Azure Event Grid: what its data plane gets on the wire (a fake, `event_grid.py`), who is shown which credential."""

from collections.abc import AsyncIterator, Mapping, Set

import aiohttp
import pytest

from scaler.errors import CredentialError, LoginError
from scaler.manifests.watched import Ref
from scaler.sdk.http import http_session
from scaler.sdk.signing import ClientCredentials, Fixed
from scaler.sdk.tls import Tls
from scaler.sinks.event_grid import EventGridSink, signer
from tests.sinks.event_grid import Topic, topic
from tests.sinks.happenings import ORIGIN, happened

KEY = "Zm9vYmFyMTIzNDU2Nzg5MA=="
SECRET = Ref("Secret", "shop", "grid")
AZURE = "https://events.westeurope-1.eventgrid.azure.net/api/events"
IDENTITY = {
    "podIdentity": "azure-workload",
    "clientId": "client",
    "tenantId": "tenant",
    "federatedTokenFile": "/var/run/token",
}


class Granted:
    """A grant whose parameters a test sets."""

    def __init__(self, **values: str) -> None:
        self.values, self.asked, self.doubted, self.ended = values, 0, 0, 0
        self.refs: Set[Ref] = {SECRET}

    async def parameters(self) -> Mapping[str, str]:
        self.asked += 1
        return self.values

    async def doubt(self) -> None:
        self.doubted += 1

    def end(self) -> None:
        self.ended += 1


@pytest.fixture
async def grid() -> AsyncIterator[Topic]:
    async with topic(KEY) as made:
        yield made


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with http_session(Tls(), 0) as opened:
        yield opened


async def test_an_event_arrives(grid: Topic, session: aiohttp.ClientSession) -> None:
    await EventGridSink(grid.url, ORIGIN, Granted(accessKey=f"{KEY}\n")).send(happened(), session)
    assert grid.refused == []
    assert grid.events == [
        {
            "specversion": "1.0",
            "id": "1",
            "source": "/prod/keda/keda",
            "type": "keda.scaledobject.ready.v1",
            "subject": "/prod/shop/scaledobject/orders",
            "time": "2023-11-14T22:13:20.250000Z",
            "datacontenttype": "application/json",
            "data": {"reason": "ScaledObjectReady", "message": "all"},
        }
    ]


async def test_a_version_in_the_address_is_not_said_twice(grid: Topic, session: aiohttp.ClientSession) -> None:
    grid.url += "?api-version=2018-01-01"
    await EventGridSink(grid.url, ORIGIN, Granted(accessKey=KEY)).send(happened(), session)
    assert len(grid.events) == 1


async def test_a_replaced_key_is_read_anew_when_the_old_one_is_refused(
    grid: Topic, session: aiohttp.ClientSession
) -> None:
    grant = Granted(accessKey=KEY)
    sink = EventGridSink(grid.url, ORIGIN, grant)
    await sink.prepare()
    grid.key = grant.values["accessKey"] = "bmV3"
    with pytest.raises(LoginError) as raised:
        await sink.send(happened(), session)
    assert KEY not in f"{raised.value}{sink!r}"
    assert "secret" not in str(raised.value)
    await sink.send(happened(), session)
    assert (len(grid.events), grant.asked, grant.doubted) == (1, 2, 1)


async def test_it_is_read_once_as_long_as_nothing_changes(grid: Topic, session: aiohttp.ClientSession) -> None:
    grant = Granted(accessKey=KEY)
    sink = EventGridSink(grid.url, ORIGIN, grant)
    for _ in range(3):
        await sink.send(happened(), session)
    assert not sink.touched(Ref("Secret", "shop", "other"))
    assert grant.asked == 1
    assert sink.touched(SECRET)
    await sink.send(happened(), session)
    assert grant.asked == 2


def test_a_key_is_shown_in_azure_s_header() -> None:
    assert signer({"accessKey": KEY}, AZURE) == Fixed((("aeg-sas-key", KEY),))
    assert signer({"accessKey": KEY, "podIdentity": "none"}, AZURE) == Fixed((("aeg-sas-key", KEY),))


def test_an_identity_s_token_is_asked_for_the_topics() -> None:
    made = signer(IDENTITY, AZURE)
    assert isinstance(made, ClientCredentials)
    assert made.token_url == "https://login.microsoftonline.com/tenant/oauth2/v2.0/token"
    assert (made.client_id, made.scopes) == ("client", ("https://eventgrid.azure.net/.default",))
    assert made.assertion_file == "/var/run/token"


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://events.westeurope-1.eventgrid.azure.net/api/events",
        "https://sink.example.com/api/events",
        "https://events.eventgrid.azure.net.example.com/api/events",
        "https://example.com/.eventgrid.azure.net",
        "https://events.eventgrid.azure.net@example.com/",
        "https://evileventgrid.azure.net/api/events",
        "",
    ],
)
def test_the_daemon_s_token_goes_to_nobody_else(endpoint: str) -> None:
    with pytest.raises(CredentialError, match="a topic of Azure"):
        signer(IDENTITY, endpoint)


@pytest.mark.parametrize(
    ("known", "why"),
    [
        ({}, "needs the parameter accessKey"),
        ({"accessKey": ""}, "needs the parameter accessKey"),
        ({"podIdentity": "aws"}, "not aws"),
        ({**IDENTITY, "federatedTokenFile": ""}, "a token file"),
        ({**IDENTITY, "identityAuthorityHost": "https://login.example.com"}, "a login host of Azure"),
    ],
)
def test_what_is_no_credential_is_named(known: Mapping[str, str], why: str) -> None:
    with pytest.raises(CredentialError, match=why) as raised:
        signer(known, AZURE)
    assert str(raised.value).startswith("spec.authenticationRef: ")

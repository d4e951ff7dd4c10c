"""Events to a topic of Azure Event Grid whose input schema is CloudEvents 1.0, as batches of one. It believes an access
key, or the workload identity of the daemon; which of them, and what it is, is resolved when the first event is sent and
anew when one of the objects behind it changes or the topic refuses it."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import aiohttp
from yarl import URL

from scaler.errors import CredentialError, LoginError
from scaler.manifests.watched import Ref
from scaler.sdk.identity.azure import WORKLOAD, AzureWorkload
from scaler.sdk.signing import Fixed, Request, Signer
from scaler.sinks.event import Happening, Origin, batch
from scaler.sinks.http import post

VERSION = ("api-version", "2018-01-01")
CONTENT_TYPE = ("Content-Type", "application/cloudevents-batch+json; charset=utf-8")
SCOPE = "https://eventgrid.azure.net/.default"
TOPICS = (".eventgrid.azure.net", ".eventgrid.azure.us", ".eventgrid.azure.cn")
"""Ends of the topics' host names, cloud by cloud."""

AT = "spec.authenticationRef"


class Grant(Protocol):
    """The parameters behind a source's `authenticationRef`. `refs` are the objects that they were read from, or would
    have been. Raises `CredentialError`, `ManifestError`, `ClusterError`. `doubt`: what they were is not accepted.
    `end`: nobody wants them any more."""

    @property
    def refs(self) -> Set[Ref]: ...

    async def parameters(self) -> Mapping[str, str]: ...

    async def doubt(self) -> None: ...

    def end(self) -> None: ...


@dataclass
class EventGridSink:
    """`endpoint` is the topic's whole URL (`https://….eventgrid.azure.net/api/events`)."""

    kind: ClassVar[str] = "azureEventGridTopic"
    prepares: ClassVar[bool] = True

    endpoint: str
    origin: Origin
    grant: Grant
    _auth: Signer | None = field(default=None, repr=False)

    async def prepare(self) -> None:
        await self._login()

    async def send(self, one: Happening, session: aiohttp.ClientSession) -> None:
        auth = await self._login()
        params = () if VERSION[0] in URL(self.endpoint).query else (VERSION,)
        request = Request("POST", self.endpoint, params, (CONTENT_TYPE,), batch(one, self.origin))
        try:
            await post(session, request, auth)
        except LoginError:
            self._auth = None
            await self.grant.doubt()
            raise

    def touched(self, ref: Ref) -> bool:
        """Something changed; whether the login may be another one by that."""
        if ref not in self.grant.refs:
            return False
        self._auth = None
        return True

    def end(self) -> None:
        self.grant.end()

    async def _login(self) -> Signer:
        if self._auth is None:
            self._auth = signer(await self.grant.parameters(), self.endpoint)
        return self._auth


def signer(known: Mapping[str, str], endpoint: str) -> Signer:
    """What the topic is shown. Raises `CredentialError`."""
    identity = known.get("podIdentity", "")
    if identity == WORKLOAD:
        return _tokens(known, endpoint)
    if identity not in ("", "none"):
        raise CredentialError(f"{AT}: Event Grid takes an accessKey or the pod identity {WORKLOAD}, not {identity}")
    if not known.get("accessKey"):
        raise CredentialError(f"{AT}: Event Grid needs the parameter accessKey, or the pod identity {WORKLOAD}")
    return Fixed((("aeg-sas-key", known["accessKey"].strip()),))


def _tokens(known: Mapping[str, str], endpoint: str) -> Signer:
    """The daemon's token is shown to topics of Azure alone: who gets it can send to every topic that believes it."""
    url = URL(endpoint)
    if url.scheme != "https" or not (url.host or "").endswith(TOPICS):
        raise CredentialError(f"{AT}: with {WORKLOAD} the endpoint must be https, and a topic of Azure ({TOPICS[0]})")
    workload = AzureWorkload.of(known)
    problems = [problem for _, problem in workload.problems()]
    if problems:
        raise CredentialError(f"{AT}: {'; '.join(problems)}")
    return workload.tokens(SCOPE)

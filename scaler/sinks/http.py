"""Events to a server that takes CloudEvents over HTTP, in binary content mode as KEDA's client sends them; and one POST
with what its answer means, for every sink that speaks HTTP."""

import asyncio
import re
from dataclasses import dataclass
from typing import ClassVar

import aiohttp

from scaler.errors import AnswerError, SourceError
from scaler.manifests.watched import Ref
from scaler.sdk.http import refused, what_failed
from scaler.sdk.signing import Anonymous, Request, Signer
from scaler.sdk.ways import proxy_for
from scaler.sinks.event import Happening, Origin, binary

PATIENCE = 10.0
"""Seconds that one request may take, with the token that it needs."""

SMALL = 64 * 1024
"""Bytes of an answer that are taken; nothing in it matters."""

UNACCEPTABLE = (400, 413, 415, 422)
"""Statuses that speak of the event itself: sent again, it would be refused again."""

_ANONYMOUS = Anonymous()


@dataclass(frozen=True, slots=True)
class HttpSink:
    """`uri` is a person's choice, and may hold credentials: no more of it is shown than its host."""

    kind: ClassVar[str] = "http"
    prepares: ClassVar[bool] = False

    uri: str
    origin: Origin

    async def prepare(self) -> None:
        """There is nothing to be had before."""

    async def send(self, one: Happening, session: aiohttp.ClientSession) -> None:
        headers, body = binary(one, self.origin)
        await post(session, Request("POST", self.uri, headers=headers, body=body))

    def touched(self, ref: Ref) -> bool:
        """It depends on nothing."""
        return False

    def end(self) -> None:
        """It has nothing."""


async def post(session: aiohttp.ClientSession, request: Request, auth: Signer = _ANONYMOUS) -> None:
    """Any status but 2xx is an error, a redirect, too: an event is for the server that was named. Raises `AnswerError`
    where this event will never be taken, `LoginError`, `SourceBusy`, else `SourceError`."""
    where = _where(request.url)
    try:
        async with asyncio.timeout(PATIENCE):
            signed = await auth.sign(session, request)
            async with session.post(
                signed.url,
                params=signed.params,
                headers=signed.headers,
                data=signed.body,
                allow_redirects=False,
                proxy=proxy_for(signed.url),
            ) as reply:
                if reply.status == 401:
                    auth.refused()
                _check(where, reply)
                await reply.content.read(SMALL)  # so that the connection can be used again
    except TimeoutError:
        raise SourceError(f"{where} did not answer in {PATIENCE:g} s") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise SourceError(what_failed(where, error)) from None


def _where(url: str) -> str:
    """Scheme and host: in the path, too, there may be a secret, as in the hooks of chats."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{re.split('[/?#]', rest)[0].rpartition('@')[2]}"


def _check(where: str, reply: aiohttp.ClientResponse) -> None:
    if 200 <= reply.status < 300:
        return
    problem = refused(where, reply.status, reply.headers.get("Retry-After", ""))
    if isinstance(problem, AnswerError) and reply.status not in UNACCEPTABLE:
        raise SourceError(str(problem))
    raise problem

"""Azure Storage as a source: the queues of one account over one client. Azure's own client signs and speaks; it neither
repeats nor logs here, the keeper does that. Its errors become sentences without URLs, which may hold signatures."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import aiohttp
from azure.core.credentials import AccessToken, AzureNamedKeyCredential, AzureSasCredential
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.core.pipeline.transport import AioHttpTransport
from azure.storage.queue.aio import QueueServiceClient

from scaler.sdk import (
    AnswerError,
    ClientCredentials,
    Parallel,
    Source,
    SourceError,
    Tls,
    default_timeout,
    http_session,
    proxy_for,
    refused,
    what_failed,
)
from scalers import _azure_connection

SCOPE = "https://storage.azure.com/.default"
MOST_PEEKED = 32


@dataclass(frozen=True, slots=True)
class Queue:
    """A query: how long this queue is. With `visible` only what can be received now counts, as long as that is few."""

    name: str
    visible: bool = False


@dataclass(frozen=True, slots=True)
class Length:
    """`visible`: these are the messages that can be received now; otherwise the hidden ones are among them."""

    messages: int
    visible: bool = False


@dataclass(frozen=True)
class StorageQueues(Source[Queue, Length]):
    """One account, by its queue endpoint; with one of a key, a shared access signature and an identity."""

    how: ClassVar[Parallel] = Parallel(32)

    endpoint: str
    account: str = ""
    key: str = field(default="", repr=False)
    signature: str = field(default="", repr=False)
    identity: ClientCredentials | None = None
    tls: Tls = field(default=Tls(), repr=False)
    timeout: float = field(default_factory=default_timeout)

    def __str__(self) -> str:
        return self.endpoint

    def patience(self) -> float:
        return self.timeout + 0.5

    @asynccontextmanager
    async def open(self) -> AsyncIterator["StorageConnection"]:
        proxy = proxy_for(self.endpoint)
        async with (
            http_session(self.tls, self.how.limit) as session,
            QueueServiceClient(
                self.endpoint,
                credential=self._credential(session),
                transport=AioHttpTransport(session=session, session_owner=False),
                retry_total=0,
                proxies={"http": proxy} if proxy else None,  # by the beginning of a URL: https, too
            ) as service,
        ):
            yield StorageConnection(self, service)

    def _credential(self, session: aiohttp.ClientSession) -> Any:
        if self.identity:
            return _Identity(self.identity, session)
        return AzureNamedKeyCredential(self.account, self.key) if self.key else AzureSasCredential(self.signature)


class StorageConnection:
    """One request for each query, and a second one where a queue has more visible messages than can be peeked at."""

    def __init__(self, source: StorageQueues, service: QueueServiceClient) -> None:
        self._source = source
        self._service = service

    async def fetch(self, queries: Sequence[Queue]) -> Sequence[Length | SourceError]:
        return [await self._one(query) for query in queries]

    async def _one(self, query: Queue) -> Length | SourceError:
        try:
            async with asyncio.timeout(self._source.timeout):
                return await self._length(query)
        except SourceError as error:
            return error
        except TimeoutError:
            return SourceError(f"{self._source} did not answer in {self._source.timeout:g} s")
        except ResourceNotFoundError:
            return AnswerError(f"there is no queue {query.name} at {self._source}")
        except HttpResponseError as error:
            return self._refused(error)
        except AzureError as error:
            return SourceError(what_failed(str(self._source), error.inner_exception or error))

    def _refused(self, error: HttpResponseError) -> SourceError:
        if error.status_code == 401 and self._source.identity:
            self._source.identity.refused()
        headers = getattr(error.response, "headers", {})
        return refused(str(self._source), error.status_code or 0, headers.get("Retry-After", ""))

    async def _length(self, query: Queue) -> Length:
        client = self._service.get_queue_client(query.name)
        if query.visible:
            peeked = len(await client.peek_messages(max_messages=MOST_PEEKED))
            if peeked < MOST_PEEKED:
                return Length(peeked, visible=True)
        count = (await client.get_queue_properties()).approximate_message_count
        if count is None:
            raise AnswerError(f"{self._source} does not say how long {query.name} is")
        return Length(count)


class _Identity:
    """An Entra token in the form that Azure's client wants it; it is kept, and renewed, by `ClientCredentials`."""

    def __init__(self, credentials: ClientCredentials, session: aiohttp.ClientSession) -> None:
        self._credentials = credentials
        self._session = session

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return AccessToken(await self._credentials.token(self._session), 0)

    async def close(self) -> None: ...
    async def __aenter__(self) -> "_Identity":
        return self

    async def __aexit__(self, *raised: object) -> None: ...


def by_connection_string(text: str) -> StorageQueues:
    """The account that a connection string is for. Raises `ValueError` with a sentence that quotes none of it."""
    return StorageQueues(*_azure_connection.read(text, "queue"))

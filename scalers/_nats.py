"""NATS JetStream's monitoring as a source: one request for each account, whoever asks for how many of its consumers.

In a cluster only a consumer's leader counts rightly, and each server tells of itself alone: the servers are found by
`/varz` and known by their ids, since one address may lead to any of them. Those that led last time are asked first."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from scaler.sdk import Connection, Get, Http, Query, Reply, Source, SourceError, default_timeout
from scalers._nats_pages import Consumer, Page, Pending, Server, content_of

Pages = dict[tuple[str, str], Page | SourceError]
"""By the URL and the account that were asked for."""


@dataclass(frozen=True)
class JetStream(Source[Consumer, Pending]):
    """`url` is the monitoring address of one server, or of all of them."""

    url: str
    timeout: float = field(default_factory=default_timeout)

    def __str__(self) -> str:
        return self.url

    def patience(self) -> float:
        return 4 * self.timeout + 1  # a leader that is gone, who is left, where they are, and their pages

    @asynccontextmanager
    async def open(self) -> AsyncIterator["JetStreamConnection"]:
        async with Http("", timeout=self.timeout).open() as http:
            yield JetStreamConnection(self.url, http)


class JetStreamConnection:
    """Remembers the cluster's servers, and who led which consumer."""

    def __init__(self, url: str, http: Connection[Query, Reply]) -> None:
        self._url = url
        self._http = http
        self._servers: dict[str, Server] = {}
        self._led: dict[Consumer, str] = {}

    async def fetch(self, queries: Sequence[Consumer]) -> Sequence[Pending | SourceError]:
        if not self._servers:
            pages = await self._pages([self._url], queries)
            if not any(isinstance(page, Page) and page.clustered for page in pages.values()):
                return [_alone(query, pages[self._url, query.asked]) for query in queries]
        elif all(self._led.get(query) in self._servers for query in queries):
            urls = {self._servers[self._led[query]].url for query in queries}
            answers = self._read(queries, await self._pages(urls, queries))
            if not any(isinstance(answer, SourceError) for answer in answers):
                return answers
        if problem := await self._discover():
            return [problem] * len(queries)
        return self._read(queries, await self._pages([one.url for one in self._servers.values()], queries))

    def _read(self, queries: Sequence[Consumer], pages: Pages) -> list[Pending | SourceError]:
        return [self._of_leader(query, pages) for query in queries]

    def _of_leader(self, query: Consumer, pages: Pages) -> Pending | SourceError:
        """What the leader says; others may have heard of the consumer, too."""
        leader, failed = "", None
        for page in (page for (_, account), page in pages.items() if account == query.asked):
            if isinstance(page, SourceError):
                failed = page
            elif found := page.consumer(query):
                leader = found.leader
                if page.server in self._servers and self._servers[page.server].name == leader:
                    self._led[query] = page.server
                    return found.pending
        self._led.pop(query, None)
        if leader:
            return SourceError(f"the leader of {query} ({leader}) cannot be reached")
        return failed or query.missing()

    async def _discover(self) -> SourceError | None:
        """All servers of the cluster that can be reached, by their ids; a server's own address before a shared one."""
        known = await self._told([self._url, *(one.url for one in self._servers.values())])
        first = next((one for one in known if isinstance(one, Server)), None)
        if first is None:
            return next(one for one in known if isinstance(one, SourceError))
        neighbours = [url for url in dict.fromkeys(first.neighbours(self._url)) if url != self._url]
        found = [known[0], *await self._told(neighbours)]
        self._servers = {one.id: one for one in found if isinstance(one, Server)}
        return None

    async def _told(self, urls: Sequence[str]) -> list[Server | SourceError]:
        told = [content_of(one) for one in await self._get([Get(f"{url}/varz") for url in urls])]
        pairs = zip(told, urls, strict=True)
        return [one if isinstance(one, SourceError) else Server(one, url) for one, url in pairs]

    async def _pages(self, urls: Iterable[str], queries: Sequence[Consumer]) -> Pages:
        wanted = list(dict.fromkeys((url, query.asked) for url in urls for query in queries))
        asked = [Get(f"{url}/jsz", (("acc", account), ("consumers", "true"))) for url, account in wanted]
        told = [content_of(one) for one in await self._get(asked)]
        return dict(zip(wanted, (one if isinstance(one, SourceError) else Page(one) for one in told), strict=True))

    async def _get(self, queries: Sequence[Get]) -> list[Reply | SourceError]:
        async with asyncio.TaskGroup() as tasks:
            fetches = [tasks.create_task(self._one(query)) for query in queries]
        return [fetch.result() for fetch in fetches]

    async def _one(self, query: Get) -> Reply | SourceError:
        return (await self._http.fetch([query]))[0]


def _alone(query: Consumer, page: Page | SourceError) -> Pending | SourceError:
    """Without a cluster, the one server knows everything."""
    if isinstance(page, SourceError):
        return page
    found = page.consumer(query)
    return found.pending if found else query.missing()

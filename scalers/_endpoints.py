"""The endpoints behind a Kubernetes service, to be asked one by one. Only a cluster knows their addresses, and its
adapter does not offer them yet: this is where they will be looked up, asked (five at a time) and their numbers put
together. Until then asking says so, and the manifest stays valid."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from scaler.sdk import Connection, Http, Query, Reply, Source, SourceError


@dataclass(frozen=True)
class ServiceEndpoints(Source[Query, Reply]):
    """`service` is what would be asked, with another host for each endpoint."""

    service: Http

    def __str__(self) -> str:
        return f"the endpoints of {self.service}"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Connection[Query, Reply]]:
        raise SourceError(
            f"{self} cannot be looked up here, aggregateFromKubeServiceEndpoints needs a cluster for that"
        )
        yield

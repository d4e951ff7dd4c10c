"""The smallest Kubernetes client that tests can do with: JSON in, JSON out, paths as the API has them.

Of its own, so that a mistake in the daemon's client is not made by its judge as well. It hides nothing: an answer that
is not a success is raised, a watch that ends has ended.
"""

import asyncio
import base64
import json
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import yaml

JSON = "application/json"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
LIMIT = aiohttp.ClientTimeout(total=30)
WATCH = aiohttp.ClientTimeout(total=None, sock_connect=10)
LINE = 2**22
MOMENT = 0.05
NOT_FOUND = 404
Object = dict[str, Any]


class KubeError(Exception):
    """What the API server answered instead of what was asked for."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body[:500]}")
        self.status = status
        self.body = body

    @property
    def reason(self) -> str:
        """As in the Status, for example "Conflict"; empty where the answer is none."""
        try:
            return str(json.loads(self.body).get("reason", ""))
        except (ValueError, AttributeError):
            return ""


class KubeClient:
    """One user's way into the API server."""

    def __init__(self, server: str, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.session = session

    async def get(self, path: str, **query: str) -> Object:
        return await self.call("GET", path, query=query)

    async def text(self, path: str, **query: str) -> str:
        """An answer that is no JSON, for example of `/readyz`."""
        async with self.session.get(self.server + path, params=query, timeout=LIMIT) as reply:
            return await _read(reply)

    async def create(self, path: str, body: Mapping[str, Any], **query: str) -> Object:
        """POST to the path of a collection or a subresource."""
        return await self.call("POST", path, body, query=query)

    async def replace(self, path: str, body: Mapping[str, Any], **query: str) -> Object:
        return await self.call("PUT", path, body, query=query)

    async def patch(self, path: str, body: Any, *, kind: str = MERGE_PATCH) -> Object:
        return await self.call("PATCH", path, body, kind=kind)

    async def apply(self, path: str, body: Mapping[str, Any], *, manager: str = "rig") -> Object:
        """Server-side, by force: the object exists afterwards and this manager owns what the body says."""
        query = {"fieldManager": manager, "force": "true"}
        return await self.call("PATCH", path, body, kind=APPLY_PATCH, query=query)

    async def delete(self, path: str, body: Mapping[str, Any] | None = None) -> None:
        """What is not there is deleted already."""
        try:
            await self.call("DELETE", path, body)
        except KubeError as error:
            if error.status != NOT_FOUND:
                raise

    async def call(
        self, method: str, path: str, body: Any = None, *, kind: str = JSON, query: Mapping[str, str] | None = None
    ) -> Object:
        data = None if body is None else json.dumps(body)
        async with self.session.request(
            method, self.server + path, data=data, params=query, headers={"Content-Type": kind}, timeout=LIMIT
        ) as reply:
            answer: Object = json.loads(await _read(reply))
            return answer

    async def find(self, path: str) -> Object | None:
        """The object, or None where there is none."""
        try:
            return await self.get(path)
        except KubeError as error:
            if error.status != NOT_FOUND:
                raise
            return None

    async def until(self, path: str, holds: Callable[[Object], bool], *, patience: float = 30.0) -> Object:
        """The object (or list) as soon as it is there and this holds of it."""
        seen: list[Object | None] = [None]

        async def found() -> Object:
            while (item := await self.find(path)) is None or not holds(item):
                seen[0] = item
                await asyncio.sleep(MOMENT)
            return item

        try:
            return await asyncio.wait_for(found(), patience)
        except TimeoutError:
            raise AssertionError(f"{path} did not come to it in {patience:.0f} s; last seen: {seen[0]}") from None

    async def gone(self, path: str, *, patience: float = 30.0) -> None:
        """Returns when nothing is there any more."""
        try:
            async with asyncio.timeout(patience):
                while await self.find(path) is not None:  # noqa: ASYNC110 - the event is the server's
                    await asyncio.sleep(MOMENT)
        except TimeoutError:
            raise AssertionError(f"{path} is still there after {patience:.0f} s") from None

    async def watch(self, path: str, *, since: str | None = None, **query: str) -> AsyncIterator[tuple[str, Object]]:
        """Each change from this resource version on, or what is there as ADDED first; ends when the server ends it."""
        if since is None:
            listing = await self.get(path, **query)
            since = listing["metadata"]["resourceVersion"]
            for item in listing["items"] or ():
                yield "ADDED", item
        query |= {"watch": "1", "resourceVersion": since}
        async with self.session.get(self.server + path, params=query, timeout=WATCH) as reply:
            if reply.status != 200:
                raise KubeError(reply.status, await reply.text())
            async for line in reply.content:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise KubeError(event["object"].get("code", 500), json.dumps(event["object"]))
                yield event["type"], event["object"]


@asynccontextmanager
async def connect(kubeconfig: Path) -> AsyncIterator[KubeClient]:
    """A client of a kubeconfig that holds everything itself, as the rig's do."""
    cluster, user = _given(kubeconfig)
    headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
    connector = aiohttp.TCPConnector(ssl=_context(cluster, user), limit=64)
    async with aiohttp.ClientSession(connector=connector, headers=headers, read_bufsize=LINE) as session:
        yield KubeClient(cluster["server"], session)


def path(version: str, plural: str, namespace: str = "", name: str = "", *, part: str = "") -> str:
    """Where the API has something: `path("apps/v1", "deployments", "shop", "web", part="scale")`."""
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    scope = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{scope}/{plural}" + (f"/{name}" if name else "") + (f"/{part}" if part else "")


async def _read(reply: aiohttp.ClientResponse) -> str:
    answer = await reply.text()
    if reply.status >= 400:
        raise KubeError(reply.status, answer)
    return answer


def _given(kubeconfig: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Its one cluster and its one user."""
    given = yaml.safe_load(kubeconfig.read_text())
    return given["clusters"][0]["cluster"], given["users"][0]["user"]


def _context(cluster: Mapping[str, str], user: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    if "client-key-data" in user:
        with tempfile.NamedTemporaryFile() as pair:
            pair.write(base64.b64decode(user["client-certificate-data"]))
            pair.write(base64.b64decode(user["client-key-data"]))
            pair.flush()
            context.load_cert_chain(pair.name)
    return context

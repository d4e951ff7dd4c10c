"""Requests to the API server: the only module that speaks to it. Answers are decoded to the type that is asked for,
refusals become our errors, a request that it asks us to repeat is repeated. What a request is for, and whether it may
be written at all, is known by those who ask: `fenced` gives a view whose writes first ask for leave."""

import asyncio
import logging
import re
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import metadata
from types import SimpleNamespace
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import aiohttp
import msgspec

from scaler.catalog import DISTRIBUTION
from scaler.errors import Busy, ClusterError, NotFound
from scaler.kubernetes.config import Access
from scaler.kubernetes.refusal import refused

log = logging.getLogger(__name__)

T = TypeVar("T")
Json = dict[str, Any]

AT_ONCE = 32
"""Requests under way at once, watches not counted: the API server's priority and fairness does the rest."""

PATIENCE = 10.0
"""Seconds that one request may take, its repetitions not counted, and a watch until it begins."""

IDLE = 60.0
"""Seconds that a connection is kept for the next request: less than the API server keeps it, which closes it at 90."""

FIELD_MANAGER = "event-scaler"
"""What the API server calls us in `managedFields`: the beginning of the User-Agent."""

REPEATS = 5
LONGEST_REST = 10.0
METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


class Patch(StrEnum):
    """How a patch is to be understood."""

    MERGE = "application/merge-patch+json"
    JSON = "application/json-patch+json"
    APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as `Api.send` takes it."""

    method: str
    path: str
    body: Any = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


_JSON = {"Content-Type": "application/json"}
_PATH = re.compile(r"(/[A-Za-z0-9._:~-]+)+")
_encode = msgspec.json.Encoder().encode


class Api:
    """`async with Api(access) as api` is the life of its connections. Paths begin with a slash; parameters are the
    query. Every method raises `ClusterError` or what is below it. `answered` counts what was, requests, by status and
    method."""

    def __init__(self, access: Access, *, at_once: int = AT_ONCE, patience: float = PATIENCE) -> None:
        self._access, self._patience = access, patience
        self._places = asyncio.Semaphore(at_once)
        self._warned: set[str] = set()
        self._fence: Callable[[], None] | None = None
        self.answered: Counter[tuple[int, str]] = Counter()
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(ssl=self._access.context(), limit=0, keepalive_timeout=IDLE)
        agent = {"User-Agent": f"{FIELD_MANAGER}/{_version()}", "Accept": "application/json"}
        self._session = aiohttp.ClientSession(connector=connector, headers=agent, trace_configs=[_last_leave()])
        return self

    async def __aexit__(self, *raised: object) -> None:
        """Sockets are closed in the passes of the event loop that follow."""
        await self._session.close()
        for _ in range(3):
            await asyncio.sleep(0)

    @property
    def host(self) -> str:
        """The API server's name and port."""
        return urlsplit(self._access.server).netloc

    def fenced(self, fence: Callable[[], None]) -> "Api":
        """The same connections; `fence` raises where nothing may be written any more. It is asked when a write begins
        and once more when it is about to leave: between the two a process may have been stopped for long."""
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__)
        view._fence = fence
        return view

    # -------------------------------------------------------------------------------------------------------- requests

    async def get(self, path: str, as_: type[T], *, accept: str = "", **parameters: str) -> T:
        return await self.send(Request("GET", path, None, parameters, {"Accept": accept} if accept else {}), as_)

    async def create(self, path: str, body: Any, as_: type[T]) -> T:
        return await self.send(Request("POST", path, body, headers=_JSON), as_)

    async def replace(self, path: str, body: Any, as_: type[T]) -> T:
        return await self.send(Request("PUT", path, body, headers=_JSON), as_)

    async def patch(self, path: str, body: Any, as_: type[T], *, kind: Patch = Patch.MERGE, **parameters: str) -> T:
        return await self.send(Request("PATCH", path, body, parameters, {"Content-Type": kind.value}), as_)

    async def delete(self, path: str, *, uid: str = "", policy: str = "Background") -> bool:
        """By default in the background; what is gone already is no error. With a `uid` only that very object. Whether
        it is gone: one with finalizers stays until their owners have let go."""
        options: Json = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy}
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            left = await self.send(Request("DELETE", path, options, headers=_JSON), Json)
        except NotFound:
            return True
        return not (left.get("metadata") or {}).get("finalizers")

    def watch(
        self, path: str, *, within: float, **parameters: str
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The lines of a watch, for as long as the server gives any; `within` is how long it may be silent."""
        patience = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=within)
        return self._stream(path, {**parameters, "watch": "1"}, patience)

    async def send(self, request: Request, as_: type[T]) -> T:
        """One request, and again where the server asks for that. Raises `NotFound` for a path that no object can have:
        parts of it are names that people write, and a client tidies `..` away."""
        if not _PATH.fullmatch(request.path) or "/.." in request.path or "/./" in request.path:
            raise NotFound(f"there is nothing at {request.path!r}")
        for repeated in range(REPEATS + 1):
            try:
                async with self._places:
                    return await self._sent(request, as_)
            except Busy as busy:
                if repeated == REPEATS or not busy.retry_after:
                    raise
                await asyncio.sleep(min(busy.retry_after, LONGEST_REST))
        raise AssertionError("not reached")

    # --------------------------------------------------------------------------------------------------------- sending

    async def _sent(self, request: Request, as_: type[T]) -> T:
        fence = None if request.method == "GET" else self._fence
        try:
            async with asyncio.timeout(self._patience):
                headers = {**request.headers, **await self._login()}
                if fence:
                    fence()
                return _decoded(await self._answer(request, headers, fence), as_, request.path)
        except TimeoutError:
            raise ClusterError(f"the API server did not answer in {self._patience:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise ClusterError(f"the API server cannot be reached ({type(error).__name__})") from None

    async def _answer(self, request: Request, headers: Mapping[str, str], fence: Callable[[], None] | None) -> bytes:
        async with self._session.request(
            request.method,
            self._access.server + request.path,
            params=request.parameters,
            data=None if request.body is None else _encode(request.body),
            headers=headers,
            server_hostname=self._access.server_name,
            proxy=self._access.proxy,
            trace_request_ctx=fence,
        ) as reply:
            self.answered[reply.status, request.method] += 1
            content = await reply.read()
            if reply.status >= 400:
                raise refused(f"{request.method} {request.path}", reply, content)
            self._heed(reply)
            return content

    @asynccontextmanager
    async def _stream(
        self, path: str, parameters: Mapping[str, str], patience: aiohttp.ClientTimeout
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        try:
            async with await self._begun(path, parameters, patience) as reply:
                _keep_alive(reply)
                yield _lines(reply.content)
        except TimeoutError:
            raise ClusterError("the API server has fallen silent") from None
        except (aiohttp.ClientError, OSError) as error:
            raise ClusterError(f"the API server cannot be reached ({type(error).__name__})") from None

    async def _begun(
        self, path: str, parameters: Mapping[str, str], patience: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        async with asyncio.timeout(self._patience):
            reply = await self._session.get(
                self._access.server + path,
                params=parameters,
                headers=await self._login(),
                timeout=patience,
                server_hostname=self._access.server_name,
                proxy=self._access.proxy,
            )
            self.answered[reply.status, "GET"] += 1
            if reply.status < 400:
                return reply
            async with reply:
                raise refused(f"WATCH {path}", reply, await reply.read())

    async def _login(self) -> dict[str, str]:
        authorization = await self._access.authorization()
        return {"Authorization": authorization} if authorization else {}

    def _heed(self, reply: aiohttp.ClientResponse) -> None:
        """A warning of the API server (a deprecated version, say) is logged once."""
        for warning in reply.headers.getall("Warning", ()):
            if warning not in self._warned and len(self._warned) < 100:
                self._warned.add(warning)
                log.warning("the API server warns: %s", warning)


def _version() -> str:
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "0"


def _last_leave() -> aiohttp.TraceConfig:
    """The fence is asked once more when the connection is there, right before the first byte of the request is written
    (aiohttp calls it `headers_sent` all the same); what it raises then closes the connection."""

    async def ask(_: aiohttp.ClientSession, context: SimpleNamespace, __: Any) -> None:
        if fence := context.trace_request_ctx:
            fence()

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(ask)
    return trace


def _decoded(content: bytes, as_: type[T], path: str) -> T:
    try:
        return msgspec.json.decode(content, type=as_)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ClusterError(f"the API server's answer at {path} cannot be understood") from None


def _keep_alive(reply: aiohttp.ClientResponse) -> None:
    """A peer that has vanished without a word is noticed within a minute, however long a watch may be silent."""
    transport = reply.connection.transport if reply.connection else None
    connected = transport.get_extra_info("socket") if transport else None
    if connected is not None:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (("TCP_KEEPIDLE", 20), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
            if hasattr(socket, name):
                connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Whole lines, however long: an object may be megabytes."""
    rest = b""
    async for chunk in content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line:
                yield line

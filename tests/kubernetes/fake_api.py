"""An API server in memory, behind the `Api` that the daemon uses: objects by path, versions and conflicts, merge
patches, watches of a collection with the streaming list. It has what these tests need of a real one, and no more."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from copy import deepcopy
from typing import Any, TypeVar

import msgspec

from scaler.errors import ClusterError, Conflict, Forbidden, NotFound
from scaler.kubernetes.api import Api, Request

T = TypeVar("T")
Json = dict[str, Any]
Trouble = Callable[[Request], Awaitable[None]]

LAST_INITIAL = {"k8s.io/initial-events-end": "true"}


class FakeApi(Api):
    """`requests` and `writes` are what was asked, and what of that changed anything. `trouble` may delay or refuse."""

    def __init__(self, server: "FakeApi | None" = None) -> None:
        self.objects: dict[str, Json] = server.objects if server else {}
        self.requests: list[Request] = []
        self.writes: list[Request] = []
        self.trouble: Trouble | None = None
        self.late: Trouble | None = None
        self.watchable = True
        self._history: list[tuple[str, Json]] = server._history if server else []
        self._watchers: dict[int, tuple[str, str, asyncio.Queue[Json]]] = server._watchers if server else {}
        self._versions: itertools.count[int] = server._versions if server else itertools.count(1)
        self._fence: Callable[[], None] | None = None

    def beside(self) -> "FakeApi":
        """Another client of the same server, with troubles of its own."""
        return FakeApi(self)

    def fenced(self, fence: Callable[[], None]) -> "FakeApi":
        view = object.__new__(FakeApi)
        view.__dict__.update(self.__dict__)
        view._fence = fence
        return view

    async def send(self, request: Request, as_: type[T]) -> T:
        self.requests.append(request)
        if self._fence and request.method != "GET":
            self._fence()
        if self.trouble:
            await self.trouble(request)
        answer = deepcopy(self._answered(request))
        if self.late:
            await self.late(request)
        await asyncio.sleep(0)
        return msgspec.convert(answer, as_)

    def put(self, path: str, manifest: Json) -> Json:
        """As somebody else would."""
        event = "MODIFIED" if path in self.objects else "ADDED"
        version = str(next(self._versions))
        uid = self.objects[path]["metadata"]["uid"] if path in self.objects else f"uid-{version}"
        metadata = {**_placed(path), "uid": uid, **manifest.get("metadata", {}), "resourceVersion": version}
        self.objects[path] = {**manifest, "metadata": metadata}
        self._tell(event, path, self.objects[path])
        return self.objects[path]

    def remove(self, path: str) -> None:
        gone = self.objects.pop(path)
        gone["metadata"]["resourceVersion"] = str(next(self._versions))
        self._tell("DELETED", path, gone)

    def _answered(self, request: Request) -> Json:
        match request.method:
            case "POST":
                return self._created(request)
            case "PATCH":
                return self._patched(request)
            case "DELETE":
                self.remove(self._there(request.path))
                self.writes.append(request)
                return {}
        return self.objects[self._there(request.path)]

    def _there(self, path: str) -> str:
        if path not in self.objects:
            raise NotFound(f"{path} not found")
        return path

    def _created(self, request: Request) -> Json:
        path = f"{request.path}/{request.body['metadata']['name']}"
        if path in self.objects:
            raise Conflict(f"{path} already exists")
        self.writes.append(request)
        return self.put(path, deepcopy(request.body))

    def _patched(self, request: Request) -> Json:
        before = self.objects[self._there(request.path)]
        version = request.body.get("metadata", {}).get("resourceVersion")
        if version not in (None, before["metadata"]["resourceVersion"]):
            raise Conflict(f"{request.path}: the object has been modified")
        self.writes.append(request)
        after = _merged(before, request.body)
        return before if after == before else self.put(request.path, after)

    @asynccontextmanager
    async def watch(self, path: str, *, within: float, **parameters: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Without a version, or as a streaming list, first what is there."""
        self.requests.append(Request("WATCH", path, None, parameters))
        if not self.watchable:
            raise Forbidden(f"WATCH {path}: not allowed")
        name = parameters.get("fieldSelector", "").removeprefix("metadata.name=")
        events: asyncio.Queue[Json] = asyncio.Queue()
        key = next(self._versions)
        self._watchers[key] = (path, name, events)
        try:
            yield self._events(path, name, parameters, events)
        finally:
            del self._watchers[key]

    async def _events(
        self, path: str, name: str, parameters: dict[str, str], events: "asyncio.Queue[Json]"
    ) -> AsyncIterator[bytes]:
        for event in self._before(path, name, parameters.get("resourceVersion")):
            yield msgspec.json.encode(event)
        if "sendInitialEvents" in parameters:
            mark = {"resourceVersion": str(next(self._versions)), "annotations": LAST_INITIAL}
            yield msgspec.json.encode({"type": "BOOKMARK", "object": {"metadata": mark}})
        while (event := await events.get())["type"] != "END":
            yield msgspec.json.encode(event)

    def _before(self, collection: str, name: str, version: str | None) -> list[Json]:
        """What is there, or what has happened since a version."""
        if version is None:
            present = [(path, {"type": "ADDED", "object": item}) for path, item in self.objects.items()]
            return [event for path, event in present if _within(path, collection, name)]
        return [
            event
            for path, event in self._history
            if _within(path, collection, name) and int(event["object"]["metadata"]["resourceVersion"]) > int(version)
        ]

    def _tell(self, type_: str, path: str, item: Json) -> None:
        event = {"type": type_, "object": deepcopy(item)}
        self._history.append((path, event))
        for collection, name, events in self._watchers.values():
            if _within(path, collection, name):
                events.put_nowait(event)

    def break_watches(self) -> None:
        for _, _, events in self._watchers.values():
            events.put_nowait({"type": "END"})


def _within(path: str, collection: str, name: str) -> bool:
    folder, _, last = path.rpartition("/")
    return folder == collection and name in ("", last)


def _placed(path: str) -> dict[str, str]:
    parts = path.split("/")
    placed = {"name": parts[-1]}
    return {**placed, "namespace": parts[parts.index("namespaces") + 1]} if "namespaces" in parts else placed


def _merged(before: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    kept = dict(before) if isinstance(before, dict) else {}
    for key, value in patch.items():
        if value is None:
            kept.pop(key, None)
        else:
            kept[key] = _merged(kept.get(key), value)
    return kept


async def unreachable(_: Request) -> None:
    raise ClusterError("the API server cannot be reached")


async def hanging(_: Request) -> None:
    await asyncio.Event().wait()

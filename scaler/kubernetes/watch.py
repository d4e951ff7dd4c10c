"""Keeps a cache current: lists a collection once, then watches it, and begins anew after whatever happens (contract 4).
What is done with the objects is not known here."""

import asyncio
import logging
import random
import re
from collections.abc import AsyncIterator, Mapping
from typing import Generic, TypeVar

import msgspec

from scaler.errors import Busy, ClusterError, Expired, Forbidden, Invalid, NotFound
from scaler.kubernetes.api import Api
from scaler.kubernetes.cache import Cache, Key, T
from scaler.kubernetes.objects import Meta
from scaler.logs import Changes

log = logging.getLogger(__name__)

FIRST_REST, LONGEST_REST = 0.8, 10.0
"""Seconds until a broken watch is begun again, doubled at each failure in a row; jittered, so that a thousand clients
do not come back at once."""

SLOW_REST = 15.0
"""What the rests grow to where the cluster does not know something, or does not let us see it: that is meant to last,
but an API server that has just started says it of everything for a moment."""

SHORT = 1.0
"""Seconds: a watch that ended sooner and brought nothing counts as a failure, else a proxy that closes each one at once
would be asked without a rest."""

LASTS = (300, 600)
"""Seconds that a watch is asked to last, by chance between the two."""

MARGIN = 30.0
PAGE = 500
PER_PASS = 100
"""Events taken in one pass of the event loop."""

INITIAL_EVENTS_END = "k8s.io/initial-events-end"

TOO_DEEP = "TOO DEEP"
"""Our own type for an event whose object is nested so deeply (a ScaledJob's template may be) that it is not decoded."""

DEEPEST = 32
"""Levels that are looked at of such a one: its metadata are among them."""

_TOKENS, _BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]|[^"\[\]{}]+'), (b"[", b"]", b"{", b"}")

_STREAM = {
    "sendInitialEvents": "true",
    "resourceVersionMatch": "NotOlderThan",
    "allowWatchBookmarks": "true",
    "timeoutSeconds": "60",
}

_ANEW = (Expired, Invalid, NotFound, Forbidden)
"""What the server says no to is not asked for again: it begins with a list."""

S = TypeVar("S")


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Marked(msgspec.Struct):
    metadata: Meta = Meta()


class _Complaint(msgspec.Struct):
    code: int = 0
    message: str = ""


class _ListMeta(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class _Page(msgspec.Struct):
    metadata: _ListMeta = msgspec.field(default_factory=_ListMeta)
    items: list[msgspec.Raw] | None = None


class Watch(Generic[T]):
    """One collection (`/apis/keda.sh/v1alpha1/scaledobjects`) into a cache; with a `namespace`, only that one's part of
    it. `synced` is set when everything that was there is in. An `optional` kind need not be known to the cluster, nor
    ours to see: then it counts as listed."""

    def __init__(
        self,
        api: Api,
        path: str,
        cache: Cache[T],
        type_: type[T],
        *,
        namespace: str = "",
        parameters: Mapping[str, str] | None = None,
        optional: bool = False,
    ) -> None:
        self._api, self.path, self._cache, self._namespace = api, path, cache, namespace
        self._parameters, self._optional = dict(parameters or {}), optional
        self._decode = msgspec.json.Decoder(type_).decode
        self._said = Changes()
        self.synced = asyncio.Event()
        self.problem = ""
        """Why nothing is heard at the moment; empty while all is well."""

    async def run(self) -> None:
        """List, watch, and begin anew, with growing rests while that fails."""
        version, failures, anew = "", 0, False
        while True:
            try:
                version = version or await self._all()
                version = await self._follow(version)
                failures, anew = 0, False
            except ClusterError as error:
                if isinstance(error, _ANEW):
                    version = ""
                if isinstance(error, Expired) and not anew:
                    anew = True
                    continue
                self._heed(error)
                await asyncio.sleep(_rest(error, failures))
                failures = min(failures + 1, 10)

    def _heed(self, error: ClusterError) -> None:
        """What must be there is waited for, and said. What was there of an optional kind stays: a server that is just
        starting does not know it yet."""
        if self._optional and isinstance(error, NotFound | Forbidden):
            self.synced.set()
        if not (self._optional and isinstance(error, NotFound)):
            self._say(str(error))

    def _say(self, problem: str) -> None:
        self.problem = problem
        if self._said.news("problem", problem or None):
            if problem:
                log.warning("%s is not watched: %s", self.path, problem)
            else:
                log.info("%s is watched again", self.path)

    # ------------------------------------------------------------------------------------------------- listing

    async def _all(self) -> str:
        """Everything that is there; gives the version to go on from. As a stream where the server has that."""
        try:
            return await self._streamed()
        except Invalid:
            return await self._listed()

    async def _streamed(self) -> str:
        """The streaming list (Kubernetes 1.34 on): everything comes as events, closed by a marked bookmark."""
        found: set[Key] = set()
        async with self._api.watch(self.path, within=60 + MARGIN, **self._parameters, **_STREAM) as lines:
            async for event in _events(lines):
                if event.type == "BOOKMARK":
                    mark = _meta(event.object)
                    if INITIAL_EVENTS_END in mark.annotations:
                        return self._whole(found, mark.resource_version)
                else:
                    found.add(_key(self._taken(event)))
        raise ClusterError("the list ended before it was whole")

    async def _listed(self) -> str:
        """Page by page, from servers that know no other way."""
        found: set[Key] = set()
        token: dict[str, str] = {}
        while True:
            page = await self._api.get(self.path, _Page, limit=str(PAGE), **self._parameters, **token)
            for raw in page.items or ():
                found.add(_key(self._taken(_Event("ADDED", raw))))
            if not page.metadata.continue_:
                return self._whole(found, page.metadata.resource_version)
            token = {"continue": page.metadata.continue_}

    def _whole(self, found: set[Key], version: str) -> str:
        self._cache.only(found, version, self._namespace)
        self.synced.set()
        return version

    # ------------------------------------------------------------------------------------------------- watching

    async def _follow(self, version: str) -> str:
        """Every change from `version` on, until the watch ends or breaks off; gives the version that was reached."""
        begun, seconds, now = version, random.randint(*LASTS), asyncio.get_running_loop().time
        connected = float("inf")
        asked = {"resourceVersion": version, "allowWatchBookmarks": "true", "timeoutSeconds": str(seconds)}
        try:
            async with self._api.watch(self.path, within=seconds + MARGIN, **self._parameters, **asked) as lines:
                connected = now()
                self._say("")
                async for event in _events(lines):
                    version = self._taken(event).resource_version or version
            problem = ClusterError("the watch ended as soon as it began")
        except ClusterError as error:
            problem = error
        if isinstance(problem, _ANEW) or (version == begun and now() < connected + SHORT):
            raise problem
        return version

    def _taken(self, event: _Event) -> Meta:
        """The metadata of the event's object, which is taken in. One that cannot be understood is left as it was known:
        it must not stop the others."""
        if event.type == "BOOKMARK":
            return _meta(event.object)
        if event.type == TOO_DEEP:
            log.warning("an object of %s cannot be understood: it is nested too deeply", self.path)
            return _meta(event.object)
        if event.type == "DELETED":
            self._cache.drop(gone := _meta(event.object))
            return gone
        try:
            item = self._decode(event.object)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            log.warning("an object of %s cannot be understood: %s", self.path, error)
            return _meta(event.object)
        self._cache.put(item)
        return item.metadata


async def _events(lines: AsyncIterator[bytes]) -> AsyncIterator[_Event]:
    """Raises `Expired` where the server says that the version is too old, `ClusterError` for its other complaints."""
    taken = 0
    async for line in lines:
        event = _event(line)
        if event.type == "ERROR":
            status = _decoded(event.object, _Complaint)
            raise (Expired if status.code == 410 else ClusterError)(status.message or "the watch failed")
        yield event
        taken += 1
        if taken % PER_PASS == 0:
            await asyncio.sleep(0)


def _event(line: bytes) -> _Event:
    try:
        try:
            return msgspec.json.decode(line, type=_Event)
        except RecursionError:
            event = msgspec.json.decode(_shallow(line), type=_Event)
            return event if event.type == "DELETED" else _Event(TOO_DEEP, event.object)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ClusterError("the watch broke off in the middle of an event") from None


def _meta(raw: msgspec.Raw) -> Meta:
    return _decoded(raw, _Marked).metadata


def _key(meta: Meta) -> Key:
    return meta.namespace, meta.name


def _decoded(raw: msgspec.Raw, type_: type[S]) -> S:
    """What can be understood of it; maybe nothing."""
    try:
        try:
            return msgspec.json.decode(raw, type=type_)
        except RecursionError:
            return msgspec.json.decode(_shallow(bytes(raw)), type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return type_()


def _shallow(text: bytes) -> bytes:
    """JSON without what is deeper in it than anything that is asked for; somebody means harm by that."""
    kept, depth = [], 0
    for token in _TOKENS.findall(text):
        depth += token in (b"[", b"{")
        if depth <= DEEPEST or (depth == DEEPEST + 1 and token in _BRACKETS):
            kept.append(token)
        depth -= token in (b"]", b"}")
    return b"".join(kept)


def _rest(error: ClusterError, failures: int) -> float:
    """Seconds until the next attempt."""
    longest = SLOW_REST if isinstance(error, NotFound | Forbidden) else LONGEST_REST
    rest = random.uniform(0.5, 1.0) * min(longest, FIRST_REST * 2.0**failures)
    return max(rest, error.retry_after) if isinstance(error, Busy) else rest

"""Secrets and ConfigMaps in use: each is held once, and its version looked at again once a minute, since a watch for
each costs too much. What they are for is not known here; a missing one is asked for again by those who need it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from zlib import crc32

from scaler.errors import ClusterError, Forbidden, NotFound
from scaler.kubernetes.cache import newer
from scaler.kubernetes.content import Contents, Reading
from scaler.kubernetes.objects import Meta
from scaler.kubernetes.uses import Uses
from scaler.manifests.watched import Ref

EVERY = 60  # seconds between two looks at a version; for as long, what nobody uses is good
REMEMBERED = 3.0  # seconds for which all who ask hear the same refusal: less than until they are bound again
LEAST = 5.0  # seconds between two looks at one object, however often a source refuses what is in it


@dataclass(slots=True)
class _Held:
    """One object: its data, or why there are none, good until then by itself. `second` is its own in the minute."""

    second: int
    data: Mapping[str, str] | None = field(default=None, repr=False)
    version: str = ""
    problem: ClusterError | None = None
    until: float = -inf
    looked: float = -inf
    looking: asyncio.Lock = field(default_factory=asyncio.Lock)


class Secrets:
    """`touched` hears of each object in use that appeared, changed or vanished; it must not wait. With a `namespace`,
    Secrets are read in that one alone. `run` looks around until cancelled."""

    def __init__(self, api: Reading, touched: Callable[[Ref], None], *, namespace: str | None = None) -> None:
        self._contents, self._touched = Contents(api, namespace), touched
        self._held: dict[Ref, _Held] = {}
        self._uses = Uses()

    async def read(self, ref: Ref) -> Mapping[str, str]:
        """The data. Raises `NotFound`, `Forbidden`, `ClusterError`, all of which name the object."""
        held = self._of(ref)
        if not self._good(ref, held):
            async with held.looking:
                if not self._good(ref, held):
                    await self._look(ref, held)
        if held.data is None:
            raise (held.problem or NotFound(f"there is no {ref.kind} {ref}")).with_traceback(None)
        return held.data

    def behind(self, environment: Ref) -> Callable[[Ref], Awaitable[Mapping[str, str]]]:
        """`read` for what an environment is resolved from: that is in use wherever the environment is."""
        found = self._uses.resolve(environment)

        def read(ref: Ref) -> Awaitable[Mapping[str, str]]:
            found.add(ref)
            return self.read(ref)

        return read

    def use(self, owner: Ref, refs: frozenset[Ref]) -> None:
        """What the owner is bound from, said when it is bound; what is neither Secret nor ConfigMap does not matter."""
        for ref in self._uses.use(owner, refs):
            self._of(ref)

    def forget(self, owner: Ref) -> None:
        self._uses.forget(owner)

    async def doubt(self, refs: Iterable[Ref]) -> None:
        """A source does not accept what is in them: look whether that is still so; where that was done less than 5 s
        ago, when those are over."""
        asked = _now()
        for ref, held in [(ref, self._held[ref]) for ref in self._uses.named(refs) if ref in self._held]:
            await asyncio.sleep(max(0.0, held.looked + LEAST - _now()))
            async with held.looking:
                if held.looked < asked:
                    await self._look(ref, held)

    async def run(self) -> None:
        before = int(_now())
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    await asyncio.sleep(1)
                    now = int(_now())
                    self._look_around(tasks, {second % EVERY for second in range(before, now)})
                    before = now
        finally:  # what nobody looks at any more must not be held for good
            self._held, self._uses = {}, Uses()

    def _look_around(self, tasks: asyncio.TaskGroup, seconds: set[int]) -> None:
        for ref, held in [one for one in self._held.items() if one[1].second in seconds]:
            if ref in self._uses:
                tasks.create_task(self._check(ref, held), name=f"look at {ref.kind} {ref}")
            elif held.until < _now() and not held.looking.locked():
                del self._held[ref]

    def _of(self, ref: Ref) -> _Held:
        if ref not in self._held:
            self._held[ref] = _Held(crc32(f"{ref.kind} {ref}".encode()) % EVERY)
        return self._held[ref]

    def _good(self, ref: Ref, held: _Held) -> bool:
        return _now() < held.until or (held.data is not None and ref in self._uses)

    async def _check(self, ref: Ref, held: _Held) -> None:
        """By the version alone; an API server that is behind, or cannot answer, has no news."""
        try:
            changed = newer(await self._contents.version(ref), Meta(resource_version=held.version))
        except (NotFound, Forbidden):
            changed = held.data is not None
        except ClusterError:
            changed = False
        if changed:
            async with held.looking:
                await self._look(ref, held)

    async def _look(self, ref: Ref, held: _Held) -> None:
        """Whoever uses it hears of other data. Where the API server cannot answer, what is there stays."""
        before, held.looked = held.data, _now()
        try:
            held.data, meta = await self._contents.read(ref)
            held.version, held.until = meta.resource_version, held.looked + EVERY
        except ClusterError as problem:
            held.until = _now() + REMEMBERED
            if before is None or isinstance(problem, NotFound | Forbidden):
                held.data, held.version, held.problem = None, "", problem
        if held.data != before and ref in self._uses:
            self._touched(ref)


def _now() -> float:
    return asyncio.get_running_loop().time()

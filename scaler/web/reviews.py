"""What the API server says of those who ask: whose a bearer token is, and what a user may read. It is asked as rarely
as is safe: one question covers every metric for most who ask, the HPA controller above all. How a question reaches the
API server is not known here."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import msgspec

from scaler.errors import ClusterError
from scaler.web.discovery import GROUP, VERSION
from scaler.web.kept import Kept

TOKEN_REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
ACCESS_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"

MASTERS = "system:masters"

LIMIT = 5.0
"""Seconds that one review may take."""

KEPT = 10.0
"""Seconds for which a token's user, a refusal, and what is said of all metrics at once are kept."""

ALLOWED = 60.0
"""Seconds for which a user may go on reading one metric."""

RENEWAL = 4.0
"""What is said of all metrics is asked again every so many seconds while it is in use: twice before it is too old."""

Post = Callable[[str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Creates an object at a path of the API server, gives what it answers. Raises `ClusterError`."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who was recognised, as the API server's reviews describe people."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    allowed: bool
    reason: str = ""


class _Person(msgspec.Struct):
    username: str = ""
    uid: str = ""
    groups: list[str] | None = None
    extra: dict[str, list[str]] | None = None


class _Recognised(msgspec.Struct):
    authenticated: bool = False
    user: _Person | None = None


class _Judged(msgspec.Struct):
    allowed: bool = False
    reason: str = ""


class _TokenReview(msgspec.Struct):
    status: _Recognised


class _AccessReview(msgspec.Struct):
    status: _Judged


class Reviews:
    """`async with Reviews(post) as reviews:` is its life."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._tokens: Kept[User | None] = Kept(lambda _: KEPT, limit=LIMIT)
        self._overall: Kept[Verdict] = Kept(lambda _: KEPT, limit=LIMIT, renewal=RENEWAL)
        self._metrics: Kept[Verdict] = Kept(lambda said: ALLOWED if said.allowed else KEPT, limit=LIMIT)
        self._life = AsyncExitStack()

    async def __aenter__(self) -> "Reviews":
        for one in (self._tokens, self._overall, self._metrics):
            await self._life.enter_async_context(one)
        return self

    async def __aexit__(self, *raised: Any) -> None:
        await self._life.__aexit__(*raised)

    async def token(self, token: str) -> User | None:
        """Whose it is, `None` for nobody's. Raises `ClusterError`. The token itself is not kept."""
        return await self._tokens.get(hashlib.sha256(token.encode()).digest(), lambda: self._whose(token))

    async def may_list(self, user: User, namespace: str, metric: str) -> Verdict:
        """Raises `ClusterError`."""
        if MASTERS in user.groups:
            return Verdict(allowed=True)
        overall = await self._overall.get(user, lambda: self._judged(user, "", "*"))
        if overall.allowed:
            return overall
        return await self._metrics.get((user, namespace, metric), lambda: self._judged(user, namespace, metric))

    async def _whose(self, token: str) -> User | None:
        sent = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
        said = _read(await self._post(TOKEN_REVIEWS, sent), _TokenReview).status
        if not said.authenticated or said.user is None or not said.user.username:
            return None
        person = said.user
        extra = tuple((key, tuple(values)) for key, values in sorted((person.extra or {}).items()))
        return User(person.username, tuple(person.groups or ()), person.uid, extra)

    async def _judged(self, user: User, namespace: str, metric: str) -> Verdict:
        """An empty namespace stands for all of them."""
        attributes = {"namespace": namespace, "verb": "list", "group": GROUP, "version": VERSION, "resource": metric}
        spec = {
            "user": user.name,
            "uid": user.uid,
            "groups": user.groups,
            "extra": dict(user.extra),
            "resourceAttributes": attributes,
        }
        sent = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        said = _read(await self._post(ACCESS_REVIEWS, sent), _AccessReview).status
        return Verdict(said.allowed, said.reason)


def _read(reply: Mapping[str, Any], shape: Any) -> Any:
    try:
        return msgspec.convert(reply, shape)
    except msgspec.ValidationError:
        raise ClusterError("the API server answered a review with something else") from None

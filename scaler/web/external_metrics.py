"""The external metrics API, as kube-apiserver hands its requests on (contract 1): the HPA asks for one metric of one
ScaledObject, the board answers. It decides nothing and asks no source; that the reading is new enough is the line's
business, which it waits for. A replica that does not lead answers 503."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
from aiohttp import web

from scaler.core.model import Decision, Metric
from scaler.core.quantity import milli_of, render_milli
from scaler.engine.board import Board, Entry
from scaler.errors import ClusterError, NotFound
from scaler.manifests.watched import Ref
from scaler.web import discovery, selector
from scaler.web.aggregator import AUTHENTICATED, Authentication
from scaler.web.discovery import GROUP, LIST, ROOT, VERSION
from scaler.web.probes import probed
from scaler.web.requests import Requests
from scaler.web.reviews import Reviews, User
from scaler.web.statuses import JSON, Refusal

log = logging.getLogger(__name__)

NAME_LABEL = "scaledobject.keda.sh/name"

DEADLINE = 10.0
"""Seconds within which every request is answered: the HPA has no deadline of its own, and only five workers."""

OLD = 60.0
"""Seconds after which the reading of an object that cannot be served is not given any more: longer than any refresh."""

LONGEST = 1024
"""Characters of a metric's name."""


@dataclass(frozen=True, slots=True)
class Leading:
    """What a replica that leads has to answer from: `refresh` sees to it that the board's reading of a metric is new
    enough; raises `NotFound`, and `TimeoutError` when that takes too long."""

    board: Board
    refresh: Callable[[Ref, str], Awaitable[None]]


class Asked(NamedTuple):
    namespace: str
    metric: str


class Bodies:
    """Answers in bytes. Each is made when it is first asked for, and kept while the decision that it was made from is
    the latest of its object."""

    def __init__(self) -> None:
        self._made: dict[Ref, tuple[Decision, dict[str, bytes]]] = {}

    def __len__(self) -> int:
        """Objects of which there is one."""
        return len(self._made)

    def of(self, board: Board, ref: Ref, decision: Decision, metric: Metric) -> bytes:
        held = self._made.get(ref)
        if held is None and len(self._made) >= len(board):
            self._made = {one: made for one, made in self._made.items() if board.get(one) is not None}
        if held is None or held[0] is not decision:
            held = self._made[ref] = (decision, {})
        body = held[1].get(metric.name)
        if body is None:
            body = held[1][metric.name] = rendered(metric)
        return body


def rendered(metric: Metric) -> bytes:
    at = datetime.fromtimestamp(int(metric.at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    value = render_milli(milli_of(metric.value))
    item = {"metricName": metric.name, "metricLabels": None, "timestamp": at, "value": value}
    return msgspec.json.encode(
        {"kind": LIST, "apiVersion": f"{GROUP}/{VERSION}", "metadata": {}, "items": [item]},
    )


class MetricsApi:
    """`leading` gives `None` while this replica does not lead; `unready` says what is not ready yet; `clock` gives the
    time by which readings are stamped; `requests` counts those for a metric."""

    def __init__(
        self,
        authentication: Authentication,
        reviews: Reviews,
        leading: Callable[[], Leading | None],
        unready: Callable[[], str],
        clock: Callable[[], float],
        *,
        requests: Requests | None = None,
    ) -> None:
        self._authentication, self._reviews, self._requests = authentication, reviews, requests or Requests()
        self._leading, self._unready, self._clock = leading, unready, clock
        self._bodies = Bodies()

    async def answer(self, request: web.Request) -> web.Response:
        """Any request at all."""
        if _asked(request.path) is None:
            return await self._answered(request)
        with self._requests.one() as one:
            response = await self._answered(request)
            one.status = response.status
            return response

    async def _answered(self, request: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(DEADLINE):
                return probed(request, self._unready) or await self._answer(request)
        except Refusal as refusal:
            return refusal.response()
        except TimeoutError:
            return Refusal(500, f"there was no answer within {DEADLINE:g} s").response()
        except ClusterError as error:
            return Refusal(500, str(error)).response()

    async def _answer(self, request: web.Request) -> web.Response:
        user = await self._authentication.user(request)
        if user is None:
            raise Refusal(401, "Unauthorized")
        if log.isEnabledFor(logging.DEBUG):
            log.debug("asked", extra={"path": request.path, "audit": request.headers.get("Audit-ID", "")[:64]})
        asked = _asked(request.path)
        if asked is None:
            return _document(request, user)
        if request.method != "GET" or _watches(request):
            raise Refusal(405, "the server does not allow this method on the requested resource")
        await self._authorize(user, asked)
        name = _scaled_object(request.query.get("labelSelector", ""))
        body = await self._body(Ref("ScaledObject", asked.namespace, name), asked.metric)
        return web.Response(body=body, headers=JSON)

    async def _authorize(self, user: User, asked: Asked) -> None:
        verdict = await self._reviews.may_list(user, asked.namespace, asked.metric)
        if verdict.allowed:
            return
        raise Refusal(
            403,
            f'{asked.metric}.{GROUP} is forbidden: User "{user.name}" cannot list resource "{asked.metric}" in API '
            f'group "{GROUP}" in the namespace "{asked.namespace}"' + (f": {verdict.reason}" if verdict.reason else ""),
            details={"group": GROUP, "kind": asked.metric},
        )

    async def _body(self, ref: Ref, metric: str) -> bytes:
        leading = self._leading()
        if leading is None:
            raise Refusal(503, "this replica does not lead: the metrics are another's to answer")
        entry = leading.board.get(ref)
        if entry is None:
            raise _unknown(f"there is no ScaledObject {ref}", "ScaledObject", ref.name)
        if (goal := _goal(entry, metric)) is not None:
            await _refreshed(leading, ref, goal)
        found = leading.board.metric(ref, metric)
        if entry.problem and (found is None or self._clock() - found.at > OLD):
            raise Refusal(500, f"{metric}: ScaledObject {ref} is not served: {entry.problem}")
        if found is None or entry.decision is None:
            if goal is not None:
                raise Refusal(500, f"{metric}: it has not been read yet")
            raise _unknown(f"ScaledObject {ref} has no metric {metric}", "externalmetrics", metric)
        if found.problem:
            raise Refusal(500, f"{found.name}: {found.problem}")
        return self._bodies.of(leading.board, ref, entry.decision, found)


def _document(request: web.Request, user: User) -> web.Response:
    """Everybody who is known may read these without a review: they are the same everywhere and hold nothing, and
    discovery asks for them as a user without groups."""
    if AUTHENTICATED not in user.groups:
        raise Refusal(403, f'forbidden: User "{user.name}" cannot get path "{request.path}"')
    return discovery.found(request)


async def _refreshed(leading: Leading, ref: Ref, metric: str) -> None:
    try:
        await leading.refresh(ref, metric)
    except NotFound:
        raise _unknown(f"ScaledObject {ref} has no metric {metric}", "externalmetrics", metric) from None
    except TimeoutError:
        raise Refusal(500, f"{metric}: its source has not answered in time") from None
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise Refusal(503, "this replica does not lead any more") from None  # the line ended, not this request


def _asked(path: str) -> Asked | None:
    """`None` for a path that is not a metric's."""
    if not path.startswith(f"{ROOT}/namespaces/"):
        return None
    namespace, _, metric = path[len(ROOT) + len("/namespaces/") :].partition("/")
    good = namespace and metric and "/" not in metric and (namespace + metric).isprintable()
    return Asked(namespace, metric) if good and len(namespace) <= 63 and len(metric) <= LONGEST else None


def _watches(request: web.Request) -> bool:
    """As Kubernetes reads the parameter: anything but false and 0 is true, nothing as well."""
    return request.query.get("watch", "false").lower() not in ("false", "0")


def _scaled_object(text: str) -> str:
    try:
        name = selector.equal_to(selector.parse(text), NAME_LABEL)
    except ValueError as error:
        raise Refusal(400, str(error)) from None
    if not name:
        raise Refusal(400, "scaledObject name is not specified")
    return name


def _goal(entry: Entry, metric: str) -> str | None:
    """The metric as its trigger spells it: names are compared without case, as KEDA does."""
    if entry.watched is None:
        return None
    spec = entry.watched.spec
    goals = spec.goals if spec.composite is None else (*spec.goals, spec.composite)
    return next((goal.metric for goal in goals if goal.metric == metric or goal.metric.lower() == metric.lower()), None)


def _unknown(message: str, kind: str, name: str) -> Refusal:
    return Refusal(404, message, details={"group": GROUP, "kind": kind, "name": name})


def routes(api: MetricsApi) -> Iterable[web.RouteDef]:
    """One for everything: what is not there is refused by us too, as `Status` and not before it is known who asks."""
    return (web.route("*", r"/{path:[\s\S]*}", api.answer),)

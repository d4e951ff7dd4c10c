"""Answers reviews, on every replica. An object is looked at in a thread, so that a large one delays nobody but itself;
what only the cluster knows is asked afterwards. What cannot be found out is an error, not a refusal: whether an object
is then let in is said by the `failurePolicy` of the configuration that sends us reviews."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import NamedTuple

from aiohttp import web

from scaler.errors import ClusterError, ManifestError
from scaler.manifests.admission import Findings, about_annotations, findings, spec_of
from scaler.manifests.bind import Find
from scaler.manifests.kinds import KINDS, SCALED_OBJECT, Kind
from scaler.manifests.scaled_object import ScaledObjectSpec
from scaler.manifests.watched import Manifest
from scaler.web.admission.counts import Validations
from scaler.web.admission.review import LARGEST, Incoming, answer, read
from scaler.web.statuses import JSON, Refusal

log = logging.getLogger(__name__)

DEADLINE = 8.0
"""Seconds within which every review is answered: less than the 10 for which the API server waits."""

ARRIVES = 5.0
"""Seconds within which a review has to be here."""

AT_ONCE = 4
"""Reviews that are looked at at once."""

WAITING = 64
"""Reviews that are here or on their way; the next one is sent away."""

Around = Callable[[Manifest, ScaledObjectSpec, bool], Awaitable[Findings]]
"""What only the cluster knows of a ScaledObject; the last is whether it is a dry run. Raises `ClusterError`."""


class Looked(NamedTuple):
    incoming: Incoming
    told: Findings
    spec: ScaledObjectSpec | None


class Webhook:
    """`find` gives a trigger type's class, `around` what the cluster knows, `unready` why it does not know yet. With
    `strict` what cannot work is refused, too, where KEDA would take it."""

    def __init__(
        self, find: Find, around: Around, unready: Callable[[], str], validations: Validations, *, strict: bool = False
    ) -> None:
        self._find, self._around, self._unready, self._strict = find, around, unready, strict
        self._validations = validations
        self._places = asyncio.Semaphore(AT_ONCE)
        self._here = 0

    async def answer(self, request: web.Request, kind: Kind) -> web.Response:
        """One review of an object of that kind."""
        try:
            if self._here >= WAITING:
                raise Refusal(503, "too many reviews at once")
            self._here += 1
            try:
                async with asyncio.timeout(DEADLINE):
                    return web.Response(body=await self._answered(request, kind), headers=JSON)
            finally:
                self._here -= 1
        except Refusal as refusal:
            return refusal.response()
        except TimeoutError:
            return Refusal(500, f"there was no answer within {DEADLINE:g} s").response()
        except ManifestError as error:
            return Refusal(400, str(error)).response()
        except ClusterError as error:
            return Refusal(500, f"what else is in the cluster could not be found out: {error}").response()

    async def _answered(self, request: web.Request, kind: Kind) -> bytes:
        content = await _arrived(request)
        async with self._places:
            looked = await asyncio.to_thread(self._look, content, kind)
        told = await self._completed(looked)
        told = told.strict if self._strict else told
        if (manifest := looked.incoming.manifest) is not None and told.refusals:
            log.debug("refused", extra={"object": f"{kind.kind} {manifest.ref}", "why": str(told.refusals[0])})
        warnings = (*told.doubts, *told.warnings)
        return answer(looked.incoming.uid, [str(one) for one in told.refusals], map(str, warnings))

    def _look(self, content: bytes, kind: Kind) -> Looked:
        """What is to be said of the object by itself. Whatever is not written now was let in before: it is never
        refused, and only of new annotations is anything said."""
        try:
            incoming = read(content, kind)
            if incoming.manifest is None or (incoming.settled and not incoming.annotated):
                return Looked(incoming, Findings(), None)
            told = findings(incoming.manifest, self._find)
            if incoming.settled:
                return Looked(incoming, about_annotations(told), None)
            return Looked(incoming, told, spec_of(incoming.manifest))
        except RecursionError:
            raise Refusal(400, "the review is nested too deeply") from None

    async def _completed(self, looked: Looked) -> Findings:
        """With what the cluster knows. That it cannot be asked does not matter to who is refused anyway."""
        incoming, told = looked.incoming, looked.told
        if incoming.manifest is None or incoming.settled or incoming.manifest.ref.kind != SCALED_OBJECT.kind:
            return told
        if looked.spec is not None:
            try:
                told += await self._seen(incoming.manifest, looked.spec, dry_run=incoming.dry_run)
            except ClusterError:
                if not told.refusals:
                    raise
        reasons = (one.reason for one in told.refusals)
        self._validations.add(incoming.manifest.ref.namespace, incoming.action, reasons)
        return told

    async def _seen(self, manifest: Manifest, spec: ScaledObjectSpec, *, dry_run: bool) -> Findings:
        if reason := self._unready():
            raise ClusterError(reason)
        return await self._around(manifest, spec, dry_run)


async def _arrived(request: web.Request) -> bytes:
    """The body. Raises `Refusal` where it is too large, or too slow."""
    if (request.content_length or 0) > LARGEST:
        raise Refusal(413, f"the review has more than {LARGEST} bytes")
    parts, size = [], 0
    try:
        async with asyncio.timeout(ARRIVES):
            while part := await request.content.readany():
                parts.append(part)
                if (size := size + len(part)) > LARGEST:
                    raise Refusal(413, f"the review has more than {LARGEST} bytes")
    except TimeoutError:
        raise Refusal(408, f"the review was not here within {ARRIVES:g} s") from None
    except (web.RequestPayloadError, ConnectionError):
        raise Refusal(400, "the review broke off") from None
    return b"".join(parts)


def path_of(kind: Kind) -> str:
    """As KEDA has it: `/validate-keda-sh-v1alpha1-scaledobject`."""
    return f"/validate-{kind.group.replace('.', '-')}-{kind.version}-{kind.singular}"


def routes(webhook: Webhook) -> Iterable[web.RouteDef]:
    """One path for each of our kinds."""
    for kind in KINDS:
        yield web.post(path_of(kind), partial(webhook.answer, kind=kind))

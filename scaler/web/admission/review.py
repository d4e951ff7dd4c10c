"""An AdmissionReview as the API server sends it, and its answer (admission.k8s.io/v1). Who sends one need not be the
API server: what is not a review of what it says to be is refused with one sentence, whatever else is in it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from scaler.manifests.kinds import Kind
from scaler.manifests.watched import Manifest, Ref
from scaler.web.statuses import Refusal

VERSION, REVIEW = "admission.k8s.io/v1", "AdmissionReview"

LARGEST = 3 * 2**20
"""Bytes of a review: what the API server takes of an object at most."""

LONGEST = 8192
"""Characters of a refusal."""

LONGEST_WARNING, MOST_WARNINGS = 256, 15
"""The API server cuts a warning behind so many characters, and drops all that come after 4096."""

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_UID = re.compile(r"[!-~]{1,128}")

Json = dict[str, Any]


class _Kind(msgspec.Struct):
    group: str = ""
    kind: str = ""


class _Request(msgspec.Struct, rename="camel"):
    uid: str
    kind: _Kind
    operation: str
    sub_resource: str = ""
    name: str = ""
    namespace: str = ""
    object: Json | None = None
    old_object: Json | None = None
    dry_run: bool | None = None


class _Review(msgspec.Struct, rename="camel"):
    api_version: str
    kind: str
    request: _Request


@dataclass(frozen=True, slots=True)
class Incoming:
    """What is asked. Without a `manifest` there is nothing to be said against it: it is being deleted, or something
    other than the object itself. `before` is what it was, where it was there."""

    uid: str
    manifest: Manifest | None = None
    before: Mapping[str, Any] | None = None
    dry_run: bool = False

    @property
    def action(self) -> Literal["create", "update"]:
        return "create" if self.before is None else "update"

    @property
    def settled(self) -> bool:
        """Whether its spec was there already: metadata may always be written, also of an object that is wrong."""
        return self.before is not None and self.manifest is not None and self.before.get("spec") == self._spec

    @property
    def annotated(self) -> bool:
        """Whether its annotations are others than before."""
        return self.manifest is not None and _annotations(self.before or {}) != _annotations(self.manifest.body)

    @property
    def _spec(self) -> Any:
        return self.manifest.body.get("spec") if self.manifest else None


def read(content: bytes, kind: Kind) -> Incoming:
    """Raises `Refusal`."""
    try:
        review = msgspec.json.decode(content, type=_Review)
    except RecursionError:
        raise Refusal(400, "the review is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
        raise Refusal(400, f"this is not an {REVIEW} of {VERSION}") from None
    request = review.request
    if (review.api_version, review.kind) != (VERSION, REVIEW) or not _UID.fullmatch(request.uid):
        raise Refusal(400, f"this is not an {REVIEW} of {VERSION}")
    if (request.kind.group, request.kind.kind) != (kind.group, kind.kind):
        raise Refusal(400, f"only objects of the kind {kind.kind} in {kind.group} are looked at here")
    if kind.namespaced and not _NAMESPACE.fullmatch(request.namespace):
        raise Refusal(400, f"a {kind.kind} is in a namespace, and the review names none")
    return _incoming(request, kind)


def _incoming(request: _Request, kind: Kind) -> Incoming:
    body = request.object
    if request.operation not in ("CREATE", "UPDATE") or request.sub_resource or body is None:
        return Incoming(request.uid)
    metadata = body.get("metadata")
    if not isinstance(metadata, dict):
        raise Refusal(400, "an object has metadata, and the one in the review has none")
    if metadata.get("deletionTimestamp"):
        return Incoming(request.uid)
    name = metadata.get("name") or request.name
    ref = Ref(kind.kind, request.namespace if kind.namespaced else "", name if isinstance(name, str) else "")
    before = request.old_object if request.operation == "UPDATE" else None
    return Incoming(request.uid, Manifest(ref, body), before, bool(request.dry_run))


def answer(uid: str, refusals: Sequence[str] = (), warnings: Iterable[str] = ()) -> bytes:
    """Allowed without `refusals`. People read it in a terminal and a header: it is ASCII, so that letters which only
    look like others are seen."""
    response: Json = {"uid": uid, "allowed": not refusals}
    if refusals:
        response["status"] = {"code": 403, "reason": "Forbidden", "message": _together(refusals)}
    if told := [_plain(one)[:LONGEST_WARNING] for one in warnings]:
        response["warnings"] = _few(told)
    return msgspec.json.encode({"apiVersion": VERSION, "kind": REVIEW, "response": response})


def _together(sentences: Sequence[str]) -> str:
    said, left = "", len(sentences)
    for one in map(_plain, sentences):
        if said and len(said) + len(one) > LONGEST:
            return f"{said}; and {left} more"
        said, left = f"{said}; {one}" if said else one[:LONGEST], left - 1
    return said


def _few(warnings: list[str]) -> list[str]:
    if len(warnings) <= MOST_WARNINGS:
        return warnings
    return [*warnings[:MOST_WARNINGS], f"and {len(warnings) - MOST_WARNINGS} more warnings"]


def _plain(sentence: str) -> str:
    if sentence.isascii() and sentence.isprintable():
        return sentence
    return "".join(
        one if one.isascii() and one.isprintable() else one.encode("unicode_escape").decode() for one in sentence
    )


def _annotations(body: Mapping[str, Any]) -> Any:
    metadata = body.get("metadata")
    return (metadata.get("annotations") or {}) if isinstance(metadata, Mapping) else {}

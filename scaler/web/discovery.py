"""The fixed documents of the metrics API: what kube-apiserver and its controllers fetch to learn what is served. Made
once; they name one placeholder resource, as KEDA's do, and hold nothing of any object. Its only verb is `get`: with
`list` or `delete` the garbage collector, quotas and the deletion of namespaces would try to work on it."""

import hashlib
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec
from aiohttp import web

from scaler.catalog import DISTRIBUTION
from scaler.web.statuses import Refusal

GROUP = "external.metrics.k8s.io"
VERSION = "v1beta1"
LIST = "ExternalMetricValueList"
ROOT = f"/apis/{GROUP}/{VERSION}"
OPENAPI = f"/openapi/v3/apis/{GROUP}/{VERSION}"

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
"""Byte for byte what an answer of aggregated discovery must say that it is; with any other type it is taken for the
former kind of discovery."""

_AGGREGATED = {"g": "apidiscovery.k8s.io", "v": "v2", "as": "APIGroupDiscoveryList"}


@dataclass(frozen=True, slots=True)
class Document:
    body: bytes
    etag: str
    content_type: str = "application/json"

    def response(self, request: web.Request) -> web.Response:
        """The document, or 304 to whoever has it."""
        headers = {"ETag": f'"{self.etag}"', "Vary": "Accept"}
        known = {
            one.strip().removeprefix("W/").strip('"') for one in request.headers.get("If-None-Match", "").split(",")
        }
        if known & {self.etag, "*"}:
            return web.Response(status=304, headers=headers)
        return web.Response(body=self.body, headers={**headers, "Content-Type": self.content_type})


def document(content: Mapping[str, Any], content_type: str = "application/json") -> Document:
    body = msgspec.json.encode(content)
    return Document(body, hashlib.sha256(body).hexdigest().upper(), content_type)


def found(request: web.Request) -> web.Response:
    """The document at the request's path. Raises `Refusal`: 404, 405, 406."""
    path = request.path.rstrip("/") or "/"
    held = DOCUMENTS.get(path)
    if held is None:
        raise Refusal(404, "the server could not find the requested resource")
    if request.method not in ("GET", "HEAD"):
        raise Refusal(405, "the server does not allow this method on the requested resource")
    if path == "/apis":
        return (_GROUPS_AGGREGATED if _wants_aggregated(request) else held).response(request)
    if path.startswith("/openapi/"):
        _demand_json(request)
    if path == OPENAPI and request.query.get("hash", held.etag) != held.etag:
        raise web.HTTPMovedPermanently(f"{OPENAPI}?hash={held.etag}")
    return held.response(request)


def _wants_aggregated(request: web.Request) -> bool:
    """Whether it is the first of the forms that the caller accepts and that there are."""
    for kind, parameters in _accepted(request):
        if kind == "application/json" and _AGGREGATED.items() <= parameters.items():
            return True
        if kind in ("application/json", "application/*", "*/*") and "as" not in parameters:
            return False
    return False


def _demand_json(request: web.Request) -> None:
    kinds = [kind for kind, _ in _accepted(request)]
    if kinds and not {"application/json", "application/*", "*/*"}.intersection(kinds):
        raise Refusal(406, "only application/json is served")


def _accepted(request: web.Request) -> Iterator[tuple[str, Mapping[str, str]]]:
    for clause in ",".join(request.headers.getall("Accept", ())).split(","):
        kind, *parameters = (part.strip() for part in clause.split(";"))
        if kind:
            yield kind.lower(), {name: value for name, _, value in (one.partition("=") for one in parameters)}


def _release() -> str:
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "0.0.0"


def _version() -> dict[str, str]:
    major, minor, *_ = (*_release().split("."), "0")
    return {
        "major": major,
        "minor": minor,
        "gitVersion": f"v{_release()}",
        "goVersion": "",
        "compiler": platform.python_implementation(),
        "platform": f"{platform.system().lower()}/{platform.machine()}",
    }


_GROUP_VERSION = {"groupVersion": f"{GROUP}/{VERSION}", "version": VERSION}
_GROUP = {"name": GROUP, "versions": [_GROUP_VERSION], "preferredVersion": _GROUP_VERSION}
_RESOURCE = {"name": "externalmetrics", "singularName": "", "namespaced": True, "kind": LIST, "verbs": ["get"]}
_INFO = {"title": "external-metrics", "version": VERSION}

_GROUPS_AGGREGATED = document(
    {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": [
            {
                "metadata": {"name": GROUP, "creationTimestamp": None},
                "versions": [
                    {
                        "version": VERSION,
                        "freshness": "Current",
                        "resources": [
                            {
                                "resource": "externalmetrics",
                                "responseKind": {"group": GROUP, "version": VERSION, "kind": LIST},
                                "scope": "Namespaced",
                                "singularResource": "",
                                "verbs": ["get"],
                            }
                        ],
                    }
                ],
            }
        ],
    },
    AGGREGATED,
)

_SCHEMA = document({"openapi": "3.0.0", "info": _INFO, "paths": {}})

DOCUMENTS = {
    "/apis": document({"kind": "APIGroupList", "apiVersion": "v1", "groups": [_GROUP]}),
    f"/apis/{GROUP}": document({"kind": "APIGroup", "apiVersion": "v1", **_GROUP}),
    ROOT: document(
        {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": f"{GROUP}/{VERSION}",
            "resources": [_RESOURCE],
        }
    ),
    "/openapi/v2": document({"swagger": "2.0", "info": _INFO, "paths": {}}),
    "/openapi/v3": document({"paths": {ROOT[1:]: {"serverRelativeURL": f"{OPENAPI}?hash={_SCHEMA.etag}"}}}),
    OPENAPI: _SCHEMA,
    "/version": document(_version()),
}
DOCUMENTS["/"] = document({"paths": sorted((*DOCUMENTS, "/healthz", "/livez", "/readyz"))})
"""By path."""

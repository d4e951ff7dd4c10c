"""The APIService of the external metrics: by it the API server knows which Service answers them, and whom to trust for
that. There is one of this name in a cluster. Somebody else's is left to him, unless we were told to take it over."""

from base64 import b64encode
from typing import Any

import msgspec

from scaler.errors import Conflict, Forbidden, NotFound
from scaler.kubernetes.api import Api
from scaler.kubernetes.objects import Meta
from scaler.kubernetes.reach.endpoint import Service

Json = dict[str, Any]

GROUP, VERSION = "external.metrics.k8s.io", "v1beta1"
NAME = f"{VERSION}.{GROUP}"
PATH = "/apis/apiregistration.k8s.io/v1/apiservices"

ATTEMPTS = 5


class Reference(msgspec.Struct):
    namespace: str = ""
    name: str = ""
    port: int = 443


class Registered(msgspec.Struct):
    service: Reference | None = None
    ca_bundle: str = msgspec.field(default="", name="caBundle")
    insecure: bool = msgspec.field(default=False, name="insecureSkipTLSVerify")


class ApiService(msgspec.Struct):
    """apiregistration.k8s.io/v1."""

    metadata: Meta = Meta()
    spec: Registered = msgspec.field(default_factory=Registered)


def spec_of(service: Service, bundle: str) -> Json:
    """Without a bundle it says nothing of trust: that is then somebody else's to write."""
    spec: Json = {"service": {"namespace": service.namespace, "name": service.name, "port": service.port}}
    return {**spec, "caBundle": b64encode(bundle.encode()).decode()} if bundle else spec


def owner_of(found: ApiService, service: Service) -> str:
    """Who else has it; empty where it is ours."""
    answers = found.spec.service
    if answers is None:
        return "the API server itself"
    ours = (answers.namespace, answers.name) == (service.namespace, service.name)
    return "" if ours else f"the Service {answers.namespace}/{answers.name}"


def registration_patch(found: ApiService, wanted: Json) -> Json | None:
    """What `found` lacks of the wanted spec; `None` for nothing. A bundle and no verification exclude each other."""
    spec, patch = found.spec, {}
    if spec.service is None or msgspec.to_builtins(spec.service) != wanted["service"]:
        patch["service"] = wanted["service"]
    if "caBundle" in wanted and (spec.ca_bundle != wanted["caBundle"] or spec.insecure):
        patch |= {"caBundle": wanted["caBundle"], "insecureSkipTLSVerify": None}
    return {"metadata": {"resourceVersion": found.metadata.resource_version}, "spec": patch} if patch else None


async def registered(api: Api, service: Service, bundle: str, *, take_over: bool) -> bool:
    """Makes it so; whether anything had to be written. As soon as our endpoint is there, the API server writes into the
    status of the same object: what was read may be old at once, and is then read again. Raises `Forbidden` where it is
    not ours, and `ClusterError`."""
    spec = spec_of(service, bundle)
    for _ in range(ATTEMPTS - 1):
        try:
            return await _written(api, service, spec, take_over=take_over)
        except Conflict:
            continue
    return await _written(api, service, spec, take_over=take_over)


async def _written(api: Api, service: Service, spec: Json, *, take_over: bool) -> bool:
    try:
        found = await api.get(f"{PATH}/{NAME}", ApiService)
    except NotFound:
        await api.create(PATH, _manifest(spec), ApiService)
        return True
    if (owner := owner_of(found, service)) and not take_over:
        raise Forbidden(
            f"external metrics are answered by {owner}; --take-over-metrics-api makes them ours ({service})"
        )
    if patch := registration_patch(found, spec):
        await api.patch(f"{PATH}/{NAME}", patch, ApiService)
    return patch is not None


def _manifest(spec: Json) -> Json:
    place = {"group": GROUP, "version": VERSION, "groupPriorityMinimum": 100, "versionPriority": 100}
    kind = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService"}
    return {**kind, "metadata": {"name": NAME}, "spec": {**place, **spec}}

"""The one EndpointSlice behind the Service of the metrics API, which has no selector: it holds the leader's address and
no other, so that a takeover is one write."""

import ipaddress
from dataclasses import dataclass
from typing import Any

import msgspec

from scaler.errors import NotFound
from scaler.kubernetes.api import Api
from scaler.kubernetes.objects import Meta

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Service:
    """The metrics API's; `port_name` is what its port is called."""

    namespace: str
    name: str
    port: int = 443
    port_name: str = "https"

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Conditions(msgspec.Struct):
    ready: bool = True


class Endpoint(msgspec.Struct):
    addresses: list[str] = []
    conditions: Conditions = msgspec.field(default_factory=Conditions)


class Port(msgspec.Struct):
    name: str = ""
    port: int = 0
    protocol: str = "TCP"


class EndpointSlice(msgspec.Struct, rename="camel"):
    """discovery.k8s.io/v1."""

    metadata: Meta = Meta()
    address_type: str = ""
    endpoints: list[Endpoint] | None = None
    ports: list[Port] | None = None


def slice_of(service: Service, host: str, port: int) -> Json:
    """The slice with this address; named like the Service."""
    whose = {"kubernetes.io/service-name": service.name, "endpointslice.kubernetes.io/managed-by": "event-scaler"}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": service.name, "namespace": service.namespace, "labels": whose},
        "addressType": f"IPv{ipaddress.ip_address(host).version}",
        "endpoints": [{"addresses": [host], "conditions": {"ready": True}}],
        "ports": [{"name": service.port_name, "port": port, "protocol": "TCP"}],
    }


def slice_patch(found: EndpointSlice, wanted: Json) -> Json | None:
    """What `found` lacks of what is wanted; `None` for nothing."""
    metadata, labels = found.metadata, wanted["metadata"]["labels"]
    seen = {name: msgspec.to_builtins(getattr(found, name)) for name in ("endpoints", "ports")}
    missing = {name: wanted[name] for name, there in seen.items() if there != wanted[name]}
    if labels.items() <= metadata.labels.items() and not missing:
        return None
    return {"metadata": {"resourceVersion": metadata.resource_version, "labels": labels}, **missing}


async def placed(api: Api, service: Service, host: str, port: int) -> bool:
    """Makes it so; whether anything had to be written. Raises `ClusterError`."""
    slices, wanted = (
        f"/apis/discovery.k8s.io/v1/namespaces/{service.namespace}/endpointslices",
        slice_of(service, host, port),
    )
    path = f"{slices}/{service.name}"
    try:
        found = await api.get(path, EndpointSlice)
    except NotFound:
        await api.create(slices, wanted, EndpointSlice)
        return True
    if found.address_type != wanted["addressType"]:  # it cannot be changed
        await api.delete(path, uid=found.metadata.uid)
        await api.create(slices, wanted, EndpointSlice)
        return True
    if patch := slice_patch(found, wanted):
        await api.patch(path, patch, EndpointSlice)
    return patch is not None

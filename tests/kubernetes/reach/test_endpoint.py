"""The leader's address, and no other, behind the Service."""

from typing import Any

import msgspec
import pytest

from scaler.kubernetes.reach.endpoint import EndpointSlice, Service, placed, slice_of, slice_patch
from tests.kubernetes.fake_api import FakeApi

pytestmark = [pytest.mark.looptime]

SERVICE = Service("keda", "metrics")
PATH = "/apis/discovery.k8s.io/v1/namespaces/keda/endpointslices/metrics"
WANTED = slice_of(SERVICE, "10.0.0.7", 6443)


def found(**different: Any) -> EndpointSlice:
    """As the API server gives it back."""
    metadata = {**WANTED["metadata"], "resourceVersion": "7", "uid": "u"}
    return msgspec.convert({**WANTED, "metadata": metadata, **different}, EndpointSlice)


def test_the_slice_is_the_services() -> None:
    assert WANTED == {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "metrics",
            "namespace": "keda",
            "labels": {
                "kubernetes.io/service-name": "metrics",
                "endpointslice.kubernetes.io/managed-by": "event-scaler",
            },
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.7"], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "port": 6443, "protocol": "TCP"}],
    }


def test_other_addresses_have_another_type() -> None:
    assert slice_of(SERVICE, "fd00::7", 6443)["addressType"] == "IPv6"


def test_where_it_is_right_there_is_nothing_to_write() -> None:
    assert slice_patch(found(), WANTED) is None


@pytest.mark.parametrize("conditions", [{}, {"ready": True, "serving": True, "terminating": False}, None])
def test_what_the_api_server_leaves_out_or_adds_is_no_difference(conditions: dict[str, bool] | None) -> None:
    endpoint: dict[str, Any] = {"addresses": ["10.0.0.7"]}
    if conditions is not None:
        endpoint["conditions"] = conditions
    assert slice_patch(found(endpoints=[endpoint]), WANTED) is None


@pytest.mark.parametrize(
    "endpoints",
    [
        None,
        [],
        [{"addresses": ["10.0.0.8"]}],
        [{"addresses": ["10.0.0.7"]}, {"addresses": ["10.0.0.8"]}],
        [{"addresses": ["10.0.0.7"], "conditions": {"ready": False}}],
    ],
)
def test_another_address_is_replaced(endpoints: Any) -> None:
    patch = slice_patch(found(endpoints=endpoints), WANTED)
    assert patch is not None
    assert patch["endpoints"] == WANTED["endpoints"]
    assert patch["metadata"]["resourceVersion"] == "7"
    assert "ports" not in patch


@pytest.mark.parametrize("port", [{"name": "other"}, {"port": 443}, {"protocol": "UDP"}])
def test_another_port_is_replaced(port: dict[str, Any]) -> None:
    patch = slice_patch(found(ports=[{**WANTED["ports"][0], **port}]), WANTED)
    assert patch is not None
    assert patch["ports"] == WANTED["ports"]


def test_a_missing_label_is_added_and_others_stay() -> None:
    labels = {"team": "blue"}
    patch = slice_patch(found(metadata={"labels": labels}), WANTED)
    assert patch is not None
    assert patch["metadata"]["labels"] == WANTED["metadata"]["labels"]
    assert slice_patch(found(metadata={"labels": {**labels, **WANTED["metadata"]["labels"]}}), WANTED) is None


async def test_it_is_made_and_then_left_alone() -> None:
    api = FakeApi()
    assert await placed(api, SERVICE, "10.0.0.7", 6443)
    assert not await placed(api, SERVICE, "10.0.0.7", 6443)
    assert len(api.writes) == 1


async def test_a_takeover_is_one_write() -> None:
    api = FakeApi()
    await placed(api, SERVICE, "10.0.0.7", 6443)
    api.writes.clear()
    assert await placed(api, SERVICE, "10.0.0.8", 6444)
    assert len(api.writes) == 1
    assert api.objects[PATH]["endpoints"] == [{"addresses": ["10.0.0.8"], "conditions": {"ready": True}}]
    assert api.objects[PATH]["ports"] == [{"name": "https", "port": 6444, "protocol": "TCP"}]


async def test_a_slice_of_another_type_is_made_anew() -> None:
    api = FakeApi()
    await placed(api, SERVICE, "10.0.0.7", 6443)
    assert await placed(api, SERVICE, "fd00::7", 6443)
    assert api.objects[PATH]["addressType"] == "IPv6"

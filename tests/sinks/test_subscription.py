"""Which events a source gets."""

import pytest

from scaler.manifests.cloud_event_source import CloudEventSourceSpec, EventType
from scaler.sinks.event import TYPES
from scaler.sinks.subscription import Subscription, subscription
from tests.sinks.happenings import happened, ref

READY, PAUSED = EventType.SCALED_OBJECT_READY, EventType.SCALED_OBJECT_PAUSED


def made(namespace: str = "shop", **wanted: list[str]) -> Subscription:
    spec = {"destination": {"http": {"uri": "http://sink"}}} | ({"eventSubscription": wanted} if wanted else {})
    return subscription(CloudEventSourceSpec.model_validate(spec), namespace)


@pytest.mark.parametrize("reason", TYPES)
def test_nothing_said_is_everything(reason: str) -> None:
    assert made().admits(happened(reason))


def test_only_what_is_included() -> None:
    wanted = made(includedEventTypes=[READY.value])
    assert wanted.admits(happened("ScaledObjectReady"))
    assert not wanted.admits(happened("ScaledObjectPaused"))


def test_all_but_what_is_excluded() -> None:
    wanted = made(excludedEventTypes=[PAUSED.value])
    assert wanted.admits(happened("ScaledObjectReady"))
    assert not wanted.admits(happened("ScaledObjectPaused"))


def test_types_of_authentications_can_be_chosen() -> None:
    wanted = made(includedEventTypes=["keda.authentication.triggerauthentication.updated.v1"])
    assert wanted.admits(happened("TriggerAuthenticationUpdated", to=ref(kind="TriggerAuthentication")))
    assert not wanted.admits(happened("TriggerAuthenticationAdded", to=ref(kind="TriggerAuthentication")))


def test_another_namespace_s_events_are_not_its_own() -> None:
    assert not made("shop").admits(happened(to=ref(namespace="billing")))


def test_nor_are_those_of_what_has_no_namespace() -> None:
    everybody_s = happened("ClusterTriggerAuthenticationAdded", to=ref("vault", "", "ClusterTriggerAuthentication"))
    assert not made("shop").admits(everybody_s)
    assert made("").admits(everybody_s)


def test_a_cluster_wide_source_gets_all_namespaces() -> None:
    assert all(made("").admits(happened(to=ref(namespace=namespace))) for namespace in ("shop", "billing"))

"""Whose the external metrics are."""

from base64 import b64encode
from typing import Any

import msgspec
import pytest

from scaler.errors import Conflict, Forbidden
from scaler.kubernetes.api import Request
from scaler.kubernetes.reach.endpoint import Service
from scaler.kubernetes.reach.registration import ApiService, owner_of, registered, registration_patch, spec_of
from tests.kubernetes.fake_api import FakeApi

pytestmark = [pytest.mark.looptime]

SERVICE = Service("event-scaler", "metrics")
PATH = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io"
BUNDLE = "-----BEGIN CERTIFICATE-----\n"
ENCODED = b64encode(BUNDLE.encode()).decode()
OURS = {"namespace": "event-scaler", "name": "metrics", "port": 443}
KEDAS = {"namespace": "keda", "name": "keda-operator-metrics-apiserver", "port": 443}


def found(**spec: Any) -> ApiService:
    return msgspec.convert({"metadata": {"resourceVersion": "7"}, "spec": spec}, ApiService)


@pytest.mark.parametrize(
    ("spec", "owner"),
    [
        ({"service": OURS}, ""),
        ({"service": {"namespace": "event-scaler", "name": "metrics"}}, ""),
        ({"service": {**OURS, "port": 8443}}, ""),
        ({"service": KEDAS}, "the Service keda/keda-operator-metrics-apiserver"),
        ({"service": {**OURS, "namespace": "other"}}, "the Service other/metrics"),
        ({"service": None}, "the API server itself"),
        ({}, "the API server itself"),
    ],
)
def test_owner(spec: dict[str, Any], owner: str) -> None:
    assert owner_of(found(**spec), SERVICE) == owner


@pytest.mark.parametrize(
    ("spec", "bundle", "patch"),
    [
        ({"service": OURS, "caBundle": ENCODED}, BUNDLE, None),
        ({"service": OURS, "caBundle": "b3RoZXI="}, BUNDLE, {"caBundle": ENCODED, "insecureSkipTLSVerify": None}),
        ({"service": OURS}, BUNDLE, {"caBundle": ENCODED, "insecureSkipTLSVerify": None}),
        (
            {"service": OURS, "insecureSkipTLSVerify": True},
            BUNDLE,
            {"caBundle": ENCODED, "insecureSkipTLSVerify": None},
        ),
        (
            {"service": OURS, "caBundle": ENCODED, "insecureSkipTLSVerify": True},
            BUNDLE,
            {"caBundle": ENCODED, "insecureSkipTLSVerify": None},
        ),
        ({"service": {**OURS, "port": 8443}, "caBundle": ENCODED}, BUNDLE, {"service": OURS}),
        ({"service": OURS, "caBundle": "b3RoZXI="}, "", None),
        ({"service": OURS, "insecureSkipTLSVerify": True}, "", None),
    ],
)
def test_only_what_differs_is_written(spec: dict[str, Any], bundle: str, patch: dict[str, Any] | None) -> None:
    made = registration_patch(found(**spec), spec_of(SERVICE, bundle))
    assert made == (patch and {"metadata": {"resourceVersion": "7"}, "spec": patch})


async def test_a_missing_one_is_made() -> None:
    api = FakeApi()
    assert await registered(api, SERVICE, BUNDLE, take_over=False)
    assert api.objects[PATH]["spec"] == {
        "group": "external.metrics.k8s.io",
        "version": "v1beta1",
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "service": OURS,
        "caBundle": ENCODED,
    }
    assert not await registered(api, SERVICE, BUNDLE, take_over=False)
    assert len(api.writes) == 1


async def test_a_new_bundle_is_one_write() -> None:
    api = FakeApi()
    await registered(api, SERVICE, "old\n", take_over=False)
    assert await registered(api, SERVICE, "new\nold\n", take_over=False)
    assert len(api.writes) == 2
    assert api.objects[PATH]["spec"]["caBundle"] == b64encode(b"new\nold\n").decode()


async def test_somebody_elses_is_left_alone_and_the_owner_named() -> None:
    api = FakeApi()
    api.put(PATH, {"spec": {"service": KEDAS, "caBundle": "dGhlaXJz"}})
    with pytest.raises(Forbidden) as caught:
        await registered(api, SERVICE, BUNDLE, take_over=False)
    assert str(caught.value) == (
        "external metrics are answered by the Service keda/keda-operator-metrics-apiserver; "
        "--take-over-metrics-api makes them ours (event-scaler/metrics)"
    )
    assert api.writes == []


async def test_it_is_taken_over_where_we_are_told_to() -> None:
    api = FakeApi()
    api.put(PATH, {"spec": {"service": KEDAS, "insecureSkipTLSVerify": True, "groupPriorityMinimum": 50}})
    assert await registered(api, SERVICE, BUNDLE, take_over=True)
    assert api.objects[PATH]["spec"] == {"service": OURS, "caBundle": ENCODED, "groupPriorityMinimum": 50}


@pytest.mark.parametrize(("others", "made"), [(4, True), (5, False)])
async def test_a_status_written_meanwhile_is_no_obstacle(others: int, made: bool) -> None:
    """The API server writes it as soon as there is an endpoint; not for ever."""
    api = FakeApi()
    api.put(PATH, {"spec": {"service": OURS}})
    left = others

    async def meanwhile(request: Request) -> None:
        nonlocal left
        if request.method == "PATCH" and left:
            left -= 1
            api.put(PATH, {"spec": {"service": OURS}, "status": {"written": left}})

    api.trouble = meanwhile
    if made:
        assert await registered(api, SERVICE, BUNDLE, take_over=False)
        assert api.objects[PATH]["spec"]["caBundle"] == ENCODED
    else:
        with pytest.raises(Conflict):
            await registered(api, SERVICE, BUNDLE, take_over=False)


async def test_one_of_the_api_servers_own_is_taken_over_too() -> None:
    api = FakeApi()
    api.put(PATH, {"spec": {"service": None}})
    assert await registered(api, SERVICE, BUNDLE, take_over=True)
    assert api.objects[PATH]["spec"]["service"] == OURS

"""What is read of a cluster, and that it is only read."""

from typing import Any

import pytest

from scaler.errors import NotFound
from scaler.kubernetes.handover.survey import exists, held, leases, survey
from scaler.kubernetes.handover.takeover import Led, Webhook
from scaler.manifests.kinds import KINDS
from tests.kubernetes.script import Json, Script

pytestmark = [pytest.mark.looptime]

LEASES = ("GET", "/apis/coordination.k8s.io/v1/leases")
SLICES = "/apis/discovery.k8s.io/v1"
HOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


def lease(holder: str, renewed: str = "1", *, namespace: str = "keda", manager: str = "keda", lasts: int = 15) -> Json:
    wrote = {"manager": manager, "fieldsV1": {"f:spec": {"f:holderIdentity": {}}}}
    return {
        "metadata": {"name": "operator.keda.sh", "namespace": namespace, "managedFields": [wrote]},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": lasts, "renewTime": renewed},
    }


def page(*items: Json, token: str = "") -> Json:
    return {"metadata": {"continue": token} if token else {}, "items": list(items)}


def scripted(*answers: Any) -> Script:
    api = Script()
    api.answers[LEASES] = list(answers)
    return api


async def test_who_renews_leads() -> None:
    """He is not waited for longer than that."""
    api = scripted(page(lease("keda_a")), page(lease("keda_a")), page(lease("keda_a", "2")))
    assert await leases(api) == (Led("keda", "keda_a", renewed=True),)
    assert not api.answers[LEASES]


async def test_who_does_not_is_waited_for_as_long_as_the_record_says() -> None:
    api = scripted(*[page(lease("keda_a", lasts=4))] * 5)
    assert await leases(api) == (Led("keda", "keda_a"),)
    assert len(api.requests) == 5


async def test_a_lease_that_was_given_up_is_not_waited_for() -> None:
    api = scripted(page(lease("")))
    assert await leases(api) == (Led("keda"),)


async def test_one_that_is_given_up_meanwhile() -> None:
    api = scripted(page(lease("keda_a")), page(lease("")))
    assert await leases(api) == (Led("keda"),)


async def test_each_namespace_by_itself() -> None:
    ours = lease("event-scaler_b", namespace="ours", manager="event-scaler", lasts=2)
    api = scripted(*[page(lease("keda_a", str(number)), ours) for number in range(3)])
    assert await leases(api) == (
        Led("keda", "keda_a", renewed=True),
        Led("ours", "event-scaler_b", ours=True),
    )


async def test_a_glance() -> None:
    api = scripted(page(lease("event-scaler_b", manager="event-scaler")))
    assert await held(api) == (Led("keda", "event-scaler_b", ours=True),)
    assert api.requests[0].parameters["fieldSelector"] == "metadata.name=operator.keda.sh"


@pytest.mark.parametrize(("answer", "there"), [({"metadata": {"name": "hooks"}}, True), (NotFound("none"), False)])
async def test_a_service(answer: Any, there: bool) -> None:
    api = Script()
    api.answers["GET", "/api/v1/namespaces/keda/services/hooks"] = answer
    assert await exists(api, "keda", "hooks") is there


def cluster() -> Script:
    """With two pages of ScaledObjects, a webhook with nobody behind it, and a Service of ours."""
    api = scripted(page())
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    for kind in KINDS:
        api.answers["GET", f"{definitions}/{kind.plural}.{kind.group}"] = NotFound("none")
        api.answers["GET", kind.path()] = NotFound("none") if kind.group.startswith("eventing") else page()
    described = {"metadata": {"name": "scaledobjects.keda.sh", "annotations": {"a": "b"}}}
    api.answers["GET", f"{definitions}/scaledobjects.keda.sh"] = described
    one, two = ({"metadata": {"name": name, "namespace": "shop"}} for name in ("one", "two"))
    api.answers["GET", KINDS[0].path()] = [page(one, token="more"), page(two)]
    api.answers["GET", "/apis/autoscaling/v2/horizontalpodautoscalers"] = page()
    api.answers["GET", "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io"] = NotFound("none")
    labels = {"kubernetes.io/service-name": "metrics"}
    api.answers["GET", f"{SLICES}/endpointslices"] = page({"metadata": {"namespace": "ours", "labels": labels}})
    hook = {"clientConfig": {"service": {"namespace": "keda", "name": "hooks"}}, "failurePolicy": "Ignore"}
    other = {"clientConfig": {"service": {"namespace": "x", "name": "y"}}, "rules": [{"apiGroups": ["apps"]}]}
    far = {"clientConfig": {"url": "https://elsewhere"}, "rules": [{"apiGroups": ["keda.sh"]}]}
    api.answers["GET", HOOKS] = page(
        {"metadata": {"name": "keda-admission"}, "webhooks": [hook, hook]},
        {"metadata": {"name": "others"}, "webhooks": [other, far]},
    )
    api.answers["GET", "/api/v1/namespaces/keda/services/hooks"] = {"metadata": {"name": "hooks"}}
    unready = {"metadata": {}, "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": False}}]}
    api.answers["GET", f"{SLICES}/namespaces/keda/endpointslices"] = page(unready)
    return api


async def test_everything_and_only_read() -> None:
    api = cluster()
    found = await survey(api)
    assert list(found.definitions) == ["scaledobjects.keda.sh"]
    assert [one.metadata.name for one in found.objects["ScaledObject"]] == ["one", "two"]
    assert found.objects["CloudEventSource"] == []
    assert found.api_service is None
    assert found.services == {("ours", "metrics")}
    assert found.webhooks == [Webhook("keda-admission", "keda/hooks", exists=True, answered=False, strict=False)]
    assert api.writes == []


async def test_a_webhook_that_was_installed_with_a_daemon_is_ours() -> None:
    api = cluster()
    hook = {"clientConfig": {"service": {"namespace": "keda", "name": "hooks"}}, "rules": [{"apiGroups": ["keda.sh"]}]}
    labels = {"app.kubernetes.io/part-of": "event-scaler"}
    api.answers["GET", HOOKS] = page({"metadata": {"name": "keda-admission", "labels": labels}, "webhooks": [hook]})
    assert [one.ours for one in (await survey(api)).webhooks] == [True]


async def test_somebody_behind_a_webhook() -> None:
    api = cluster()
    ready = {"metadata": {}, "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}]}
    api.answers["GET", f"{SLICES}/namespaces/keda/endpointslices"] = page(ready)
    assert [one.answered for one in (await survey(api)).webhooks] == [True]

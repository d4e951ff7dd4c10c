"""Who a workload's pods are: the annotations of their ServiceAccount."""

from collections.abc import Mapping
from typing import Any

import pytest

from scaler.errors import Forbidden, NotFound
from scaler.kubernetes.cache import Cache
from scaler.kubernetes.identity import identity_of
from scaler.kubernetes.targets import DEPLOYMENT, Targets
from scaler.manifests.watched import Ref
from tests.kubernetes.script import Script

WORKER = "/apis/apps/v1/namespaces/shop/deployments/worker"
ACCOUNTS = "/api/v1/namespaces/shop/serviceaccounts"
ROLE = {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/orders"}


async def identity(api: Script, name: str = "worker") -> Mapping[str, str]:
    return await identity_of(Ref("Identity", "shop", name), api, Targets(api, {DEPLOYMENT: Cache()}, lambda: 0.0))


def runs(api: Script, pod: Any, path: str = WORKER) -> None:
    api.answers["GET", path] = {"spec": {"template": {"spec": pod}}}


@pytest.mark.parametrize(("pod", "account"), [({"serviceAccountName": "orders"}, "orders"), ({}, "default")])
async def test_the_account_that_the_pods_run_as(pod: Any, account: str) -> None:
    api = Script()
    runs(api, pod)
    api.answers["GET", f"{ACCOUNTS}/{account}"] = {"metadata": {"name": account, "annotations": ROLE}}
    assert await identity(api) == ROLE


async def test_an_account_without_annotations() -> None:
    api = Script()
    runs(api, {})
    api.answers["GET", f"{ACCOUNTS}/default"] = {"metadata": {"name": "default"}}
    assert await identity(api) == {}


async def test_of_another_kind() -> None:
    api = Script()
    runs(api, {"serviceAccountName": "orders"}, "/apis/apps/v1/namespaces/shop/statefulsets/worker")
    api.answers["GET", "/apis/apps/v1"] = {
        "resources": [{"name": "statefulsets", "kind": "StatefulSet"}, {"name": "statefulsets/scale", "kind": "Scale"}]
    }
    api.answers["GET", f"{ACCOUNTS}/orders"] = {"metadata": {"annotations": ROLE}}
    assert await identity(api, "StatefulSet.v1.apps/worker") == ROLE


async def test_of_a_scaled_job() -> None:
    api = Script()
    template = {"template": {"spec": {"serviceAccountName": "orders"}}}
    job = "/apis/keda.sh/v1alpha1/namespaces/shop/scaledjobs/worker"
    api.answers["GET", job] = {"spec": {"jobTargetRef": template}}
    api.answers["GET", f"{ACCOUNTS}/orders"] = {"metadata": {"annotations": ROLE}}
    assert await identity(api, "ScaledJob.v1alpha1.keda.sh/worker") == ROLE


async def test_a_kind_without_a_pod_template() -> None:
    api = Script()
    api.answers["GET", WORKER] = {"spec": {"replicas": 1}}
    with pytest.raises(NotFound, match="Deployment worker has no pod template, and so no ServiceAccount"):
        await identity(api)


async def test_an_account_that_may_not_be_read() -> None:
    api = Script()
    runs(api, {})
    api.answers["GET", f"{ACCOUNTS}/default"] = Forbidden("may not")
    with pytest.raises(Forbidden):
        await identity(api)

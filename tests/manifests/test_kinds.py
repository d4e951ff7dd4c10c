"""Where a server keeps our kinds."""

import pytest

from scaler.manifests.kinds import CLUSTER_CLOUD_EVENT_SOURCE, KINDS, SCALED_OBJECT, Kind


@pytest.mark.parametrize(
    ("kind", "namespace", "path"),
    [
        (SCALED_OBJECT, "", "/apis/keda.sh/v1alpha1/scaledobjects"),
        (SCALED_OBJECT, "shop", "/apis/keda.sh/v1alpha1/namespaces/shop/scaledobjects"),
        (CLUSTER_CLOUD_EVENT_SOURCE, "", "/apis/eventing.keda.sh/v1alpha1/clustercloudeventsources"),
    ],
)
def test_the_path_of_a_kind(kind: Kind, namespace: str, path: str) -> None:
    assert kind.path(namespace) == path


def test_cluster_kinds_have_no_namespace() -> None:
    assert [one.kind for one in KINDS if not one.namespaced] == [
        "ClusterTriggerAuthentication",
        "ClusterCloudEventSource",
    ]

import contextlib
import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from scaler.errors import ClusterError
from scaler.manifests.watched import Ref
from scaler.standalone.documents import KINDS, Unusable, parsed
from scaler.standalone.jobs.template import template_of
from scaler.standalone.workload import workload_of

JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=5),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
VERSIONS = sorted(f"{group}/v1" if group else "v1" for group, _ in KINDS)
MANIFESTS = some.fixed_dictionaries(
    {
        "apiVersion": some.sampled_from(VERSIONS) | JSON,
        "kind": some.sampled_from(sorted(kind for _, kind in KINDS)) | JSON,
        "metadata": some.fixed_dictionaries({"name": some.just("a") | JSON}, optional={"namespace": JSON}) | JSON,
    },
    optional={"data": JSON, "stringData": JSON, "spec": JSON, "items": JSON},
)


@given(content=some.binary(max_size=60), name=some.sampled_from(["a.yaml", "a.json"]), strict=some.booleans())
def test_bytes_are_manifests_or_unusable(content: bytes, name: str, strict: bool) -> None:
    with contextlib.suppress(Unusable):
        parsed(name, content, strict=strict)


@given(document=MANIFESTS, strict=some.booleans())
def test_documents_are_manifests_or_unusable(document: dict[str, Any], strict: bool) -> None:
    with contextlib.suppress(Unusable):
        manifests, _ = parsed("a.yaml", yaml.safe_dump(document).encode(), strict=strict)
        for manifest in manifests:
            assert isinstance(manifest.ref, Ref)


@given(spec=JSON | some.fixed_dictionaries({"template": JSON}, optional={"replicas": JSON}))
def test_a_deployment_is_a_workload_or_refused(spec: Any) -> None:
    document = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": spec}
    ((manifest,), _) = parsed("a.json", json.dumps(document).encode(), strict=True)
    with contextlib.suppress(ClusterError):
        workload_of(manifest)


@given(
    spec=JSON | some.fixed_dictionaries({"jobTargetRef": JSON | some.fixed_dictionaries({"template": JSON})}),
    annotations=JSON,
)
def test_a_scaled_job_has_a_template_or_is_refused(spec: Any, annotations: Any) -> None:
    metadata = {"name": "a", "annotations": annotations}
    document = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledJob", "metadata": metadata, "spec": spec}
    ((manifest,), _) = parsed("a.json", json.dumps(document).encode(), strict=True)
    with contextlib.suppress(ClusterError):
        template_of(manifest)


def test_what_is_no_manifest_is_ignored_until_half_of_one_is_likely() -> None:
    content = b"services: {}\n---\n{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, metadata: {name: a}}"
    manifests, ignored = parsed("a.yaml", content, strict=False)
    assert [manifest.ref.kind for manifest in manifests] == ["ScaledObject"]
    assert ignored == ("document 1 in a.yaml, which is not a manifest,",)
    with pytest.raises(Unusable, match="document 1 is not a manifest"):
        parsed("a.yaml", content, strict=True)

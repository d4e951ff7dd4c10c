"""What Helm has written on an object of one of its releases, and what that means when the release is uninstalled. It
deletes by its own record of the release, not by what is in the cluster: an annotation that somebody else put there
holds against an upgrade that leaves the object out, not against that."""

from collections.abc import Mapping
from typing import NamedTuple

from scaler.kubernetes.objects import ManagedField, Meta

POLICY = "helm.sh/resource-policy"
RELEASE, RELEASE_NAMESPACE = "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"
CHART = "helm.sh/chart"


class Described(Meta, rename="camel", frozen=True, gc=False):
    """Metadata with who wrote what of it."""

    managed_fields: tuple[ManagedField, ...] = ()


class Release(NamedTuple):
    namespace: str
    name: str
    chart: str

    def keeping(self) -> str:
        """The definitions stay: what is written into the release itself holds, when that is uninstalled."""
        version = self.chart.removeprefix("keda-") or "THE-SAME-VERSION"
        values = r"--reuse-values --set-string 'crds.additionalAnnotations.helm\.sh/resource-policy=keep'"
        return f"helm upgrade {self.name} kedacore/keda -n {self.namespace} --version {version} {values}"


def release_of(meta: Meta) -> Release | None:
    """The Helm release that something belongs to. Label and annotation are Helm's own; the annotation decides, as the
    chart may set another label."""
    name = meta.annotations.get(RELEASE)
    return Release(meta.annotations.get(RELEASE_NAMESPACE, ""), name, meta.labels.get(CHART, "")) if name else None


def kept(meta: Meta) -> bool:
    return meta.annotations.get(POLICY, "").strip().lower() == "keep"


def kept_by_helm(meta: Described) -> bool:
    """Helm deletes by its own record of the release. What somebody else has annotated is not in there."""
    writers = (one.manager for one in meta.managed_fields if f"f:{POLICY}" in _annotated(one))
    return any(manager.lower().startswith("helm") for manager in writers)


def _annotated(managed: ManagedField) -> Mapping[str, object]:
    fields: Mapping[str, object] = managed.fields_v1.get("f:metadata", {}).get("f:annotations", {})
    return fields

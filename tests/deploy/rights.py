"""Kubernetes' RBAC on rendered manifests: who may do what. And what the daemon sends, request by request, so that a
right that is missing is found, and one that nothing needs."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from scaler.manifests.kinds import KINDS, SCALED_JOB, SCALED_OBJECT

Object = dict[str, Any]

SERVED, OWN, CLUSTER = "shop", "(own)", ""
"""Where a request goes: to a namespace that is served, to the daemon's own, to none."""


API_SERVICE = ("apiservices", "apiregistration.k8s.io")
WEBHOOK = ("validatingwebhookconfigurations", "admissionregistration.k8s.io")


class Asked(NamedTuple):
    """One request. `name` is empty where there is none to be confined to: with list, watch and create."""

    verb: str
    resource: str
    group: str = ""
    where: str = SERVED
    name: str = ""


def needed(webhook: str = "keda-admission") -> Iterator[Asked]:
    """All that the adapter sends; what every account may do, as discovery and reviews of itself, is left out. The
    `webhook` is the ValidatingWebhookConfiguration's name."""
    yield from _kinds()
    yield from _workloads()
    yield from _own(webhook)


def _kinds() -> Iterator[Asked]:
    for kind in KINDS:
        where = SERVED if kind.namespaced else CLUSTER
        for verb in ("list", "watch"):  # world.py
            yield Asked(verb, kind.plural, kind.group, where)
        for verb in ("get", "patch"):  # finalizers: writer.py
            yield Asked(verb, kind.plural, kind.group, where, "any")
        yield Asked("patch", f"{kind.plural}/status", kind.group, where, "any")  # writer.py
    for kind in (SCALED_OBJECT, SCALED_JOB):  # owners: hpa.py, jobs/manifest.py
        yield Asked("update", f"{kind.plural}/finalizers", kind.group, SERVED, "any")


def _workloads() -> Iterator[Asked]:
    for verb in ("get", "list", "watch", "create", "patch", "delete"):  # world.py, writer.py, farewell.py
        yield Asked(verb, "horizontalpodautoscalers", "autoscaling")
    for resource, group in (("deployments", "apps"), ("statefulsets", "apps"), ("rollouts", "argoproj.io")):
        yield Asked("get", resource, group, SERVED, "any")  # environment.py
        for verb in ("get", "patch"):  # targets.py, farewell.py
            yield Asked(verb, f"{resource}/scale", group, SERVED, "any")
    for verb in ("list", "watch"):  # world.py
        yield Asked(verb, "deployments", "apps")
        yield Asked(verb, "statefulsets", "apps")
    for verb in ("get", "list", "watch", "create", "delete"):  # jobs/
        yield Asked(verb, "jobs", "batch")
    for verb in ("list", "watch"):  # targets.py, jobs/watching.py
        yield Asked(verb, "pods")
    yield Asked("create", "events", "events.k8s.io")  # writer.py
    yield Asked("list", "limitranges")  # admission.py
    yield Asked("get", "namespaces", name=SERVED)  # farewell.py
    yield Asked("get", "serviceaccounts", name="any")  # identity.py
    yield Asked("get", "configmaps", name="any")  # content.py
    yield Asked("get", "secrets", name="any")  # content.py
    yield Asked("get", "secrets", where=OWN, name="any")  # content.py, for ClusterTriggerAuthentications


def _own(webhook: str) -> Iterator[Asked]:
    for verb in ("get", "watch", "patch"):  # lease.py
        yield Asked(verb, "leases", "coordination.k8s.io", OWN, "operator.keda.sh")
    for verb in ("get", "patch"):
        yield Asked(verb, "secrets", "", OWN, "event-scaler-certs")  # certificates.py
        yield Asked(verb, *API_SERVICE, CLUSTER, "v1beta1.external.metrics.k8s.io")  # registration.py
        yield Asked(verb, *WEBHOOK, CLUSTER, webhook)  # webhook.py
    for verb in ("get", "patch", "delete"):  # endpoint.py
        yield Asked(verb, "endpointslices", "discovery.k8s.io", OWN, "event-scaler-metrics-apiserver")
    for resource, group in (("leases", "coordination.k8s.io"), ("secrets", ""), ("endpointslices", "discovery.k8s.io")):
        yield Asked("create", resource, group, OWN)
    yield Asked("create", "endpointslices/restricted", "discovery.k8s.io", OWN)  # asked by OpenShift's admission


class Rights:
    """What one ServiceAccount may do; rules that are not in the manifests, as Kubernetes' own, are not known."""

    def __init__(self, objects: Iterable[Object], account: str, namespace: str) -> None:
        objects = list(objects)
        rules = {
            (one["kind"], one["metadata"]["name"]): one for one in objects if one["kind"] in ("ClusterRole", "Role")
        }
        self._namespace = namespace
        self._held: list[tuple[str | None, Object]] = []
        for one in objects:
            if one["kind"] not in ("ClusterRoleBinding", "RoleBinding") or not _binds(one, account, namespace):
                continue
            where = one["metadata"]["namespace"] if one["kind"] == "RoleBinding" else None
            role = rules.get((one["roleRef"]["kind"], one["roleRef"]["name"]))
            self._held += [(where, rule) for rule in (role or {}).get("rules", ())]

    @property
    def namespaces(self) -> set[str | None]:
        """Where it may do anything; None stands for everywhere."""
        return {where for where, _ in self._held}

    def allow(self, asked: Asked, *, also_by: str | None = None) -> bool:
        """Whether it may do that; with a namespace, what is served is that one."""
        where = {OWN: self._namespace, SERVED: also_by or SERVED}.get(asked.where, asked.where)
        return any(held in (None, where or CLUSTER) and covers(rule, asked) for held, rule in self._held)


def covers(rule: Object, asked: Asked) -> bool:
    parent, _, part = asked.resource.partition("/")
    spellings = {asked.resource, "*", f"*/{part}" if part else parent}
    return (
        asked.verb in rule["verbs"]
        and bool({asked.group, "*"} & set(rule["apiGroups"]))
        and bool(spellings & set(rule["resources"]))
        and (not rule.get("resourceNames") or asked.name in rule["resourceNames"])
    )


def single(rule: Object) -> Iterator[Object]:
    """The rule as many that say one thing each."""
    for group in rule["apiGroups"]:
        for resource in rule["resources"]:
            for verb in rule["verbs"]:
                yield {**rule, "apiGroups": [group], "resources": [resource], "verbs": [verb]}


def _binds(binding: Object, account: str, namespace: str) -> bool:
    wanted = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
    return wanted in binding["subjects"]

"""A pod template as local processes see it, a Deployment's above all: what to start, how to tell that it is ready, how
long it may take to end. The first container counts; its image does not. Pure but for the function that reads
Secrets."""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from scaler.core.quantity import parse
from scaler.credentials.environment import Name, Outcome, environment, expand, needed
from scaler.errors import ClusterError, NotFound
from scaler.manifests.watched import Manifest, Ref
from scaler.standalone.deployment import Container, Deployment, Exec, Probe
from scaler.standalone.processes import Launch
from scaler.standalone.procfs import FOLDER, WORKER

WHERE = "spec.template.spec.containers[0]"

Read = Callable[[Ref], Mapping[str, str]]
"""The data of a Secret or ConfigMap; raises `NotFound`."""

_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Workload:
    """Pods that can be run. Workers of another `digest` were started from another pod template; `where` is the
    container's path in the manifest, for sentences."""

    ref: Ref
    containers: tuple[Container, ...] = field(repr=False)
    grace: float
    replicas: int | None
    recreate: bool
    digest: str
    where: str = WHERE

    @property
    def container(self) -> Container:
        return self.containers[0]

    def request(self, resource: str) -> float | None:
        """What one worker asks for, in cores or bytes."""
        written = self.container.resources.requests.get(resource)
        return None if written is None else parse(str(written))

    def port(self, port: int | str) -> int:
        """A probe's port, which may be the name of one of the container's."""
        named = {one.name: one.container_port for one in self.container.ports if one.name}
        return port if isinstance(port, int) else named.get(port) or int(port)

    def launch(
        self, name: str, folder: Path, inherited: Mapping[str, str], read: Read, *, more: Mapping[str, str] = _NOTHING
    ) -> Launch:
        """How the worker of that name is started. Its environment is the daemon's, its name, and the container's own;
        what is `more` comes last. Relative paths are relative to the folder of the manifests. Raises `NotFound` for a
        missing Secret."""
        fields = {"metadata.name": name, "metadata.namespace": self.ref.namespace}
        mark = {WORKER: name, FOLDER: str(folder), **more}
        own = {"HOSTNAME": name, **self.variables(self.container, fields, read), **mark}
        return Launch(
            command=tuple(expand(word, own) for word in (*self.container.command, *self.container.args)),
            environment={**inherited, **own},
            directory=os.path.normpath(folder / self.container.working_dir),
            where=self.where,
            name=self.container.command[0],
        )

    def variables(self, container: Container, fields: Mapping[str, str], read: Read) -> dict[str, str]:
        """The variables of one of its containers. Raises `NotFound`."""
        found: dict[Name, Outcome] = {}
        for kind, name in needed(container):
            try:
                found[kind, name] = read(Ref(kind, self.ref.namespace, name))
            except NotFound as error:
                found[kind, name] = error
        return environment(container, fields, found)


def workload_of(manifest: Manifest) -> Workload:
    """Read a Deployment. Raises `ClusterError` naming the field that cannot be run."""
    try:
        spec = msgspec.convert(without_nulls(manifest.body), Deployment).spec
    except msgspec.ValidationError as error:
        raise refused(manifest.ref, sentence(error)) from None
    pod = spec.template.spec
    workload = Workload(
        ref=manifest.ref,
        containers=pod.containers,
        grace=float(pod.termination_grace_period_seconds),
        replicas=spec.replicas,
        recreate=spec.strategy.type == "Recreate",
        digest=digest(manifest.body["spec"]["template"]),
    )
    if problem := next(problems(workload), None):
        raise refused(manifest.ref, problem)
    return workload


def without_nulls(value: Any) -> Any:
    """A field that is null is one that is not there."""
    if isinstance(value, dict):
        return {key: without_nulls(one) for key, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


def problems(workload: Workload) -> Iterator[str]:
    """What keeps its pods from being run, each with its path."""
    pod, _, _ = workload.where.rpartition(".")
    if not workload.containers:
        yield f"{pod}.containers: must not be empty"
        return
    if (workload.replicas or 0) < 0:
        yield "spec.replicas: must not be negative"
    if workload.grace < 0:
        yield f"{pod}.terminationGracePeriodSeconds: must not be negative"
    if not workload.container.command:
        yield f"{workload.where}.command: is required, because the image is not used"
    for resource in ("cpu", "memory"):
        try:
            workload.request(resource)
        except ValueError:
            yield f"{workload.where}.resources.requests.{resource}: is not a quantity"
    if probe := workload.container.readiness_probe:
        yield from _probe_problems(workload, probe)


def _probe_problems(workload: Workload, probe: Probe) -> Iterator[str]:
    where = workload.where
    actions = [one for one in (probe.exec, probe.http_get, probe.tcp_socket) if one is not None]
    if len(actions) != 1:
        yield f"{where}.readinessProbe: must have exactly one of exec, httpGet and tcpSocket"
    for action in actions:
        if isinstance(action, Exec) and not action.command:
            yield f"{where}.readinessProbe.exec.command: must not be empty"
        if not isinstance(action, Exec):
            try:
                if not 0 < workload.port(action.port) < 65536:
                    yield f"{where}.readinessProbe: {action.port} is not a port"
            except ValueError:
                yield f"{where}.readinessProbe: the container has no port named {action.port!r}"
    if min(probe.period_seconds, probe.timeout_seconds, probe.success_threshold, probe.failure_threshold) < 1:
        yield f"{where}.readinessProbe: periods and thresholds must be at least 1"


def refused(ref: Ref, problem: str) -> ClusterError:
    return ClusterError(f"{ref.kind} {ref.name} cannot be run: {problem}")


def sentence(error: msgspec.ValidationError) -> str:
    """``Expected `str`, got `int` - at `$.spec.replicas` `` → `spec.replicas: expected str, got int`"""
    what, _, path = str(error).partition(" - at `$")
    path = path.strip(".`")
    what = what[:1].lower() + what[1:].replace("`", "")
    return f"{path}: {what}" if path else what


def digest(template: Any) -> str:
    """Equal for what means the same, however it is written."""
    return hashlib.sha256(msgspec.json.encode(template, order="sorted")).hexdigest()[:16]

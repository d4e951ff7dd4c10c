"""A Deployment as local processes see it: what to start, how to tell that it is ready, how long it may take to end. Of
the pod template the first container counts; its image does not. Pure but for the function that reads Secrets."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from scaler.core.quantity import parse
from scaler.errors import ClusterError, NotFound
from scaler.manifests.watched import Manifest, Ref
from scaler.standalone.processes import FOLDER, WORKER, Launch

WHERE = "spec.template.spec.containers[0]"

Read = Callable[[Ref], Mapping[str, str]]
"""The data of a Secret or ConfigMap; raises `NotFound`."""


class _Written(Struct, frozen=True, rename="camel"):
    """The base of everything that is read of a manifest; what is not named here is not looked at."""


class Named(_Written, frozen=True):
    name: str = ""
    optional: bool = False


class Keyed(_Written, frozen=True):
    key: str
    name: str = ""
    optional: bool = False


class FieldRef(_Written, frozen=True):
    field_path: str


class ValueFrom(_Written, frozen=True):
    secret_key_ref: Keyed | None = None
    config_map_key_ref: Keyed | None = None
    field_ref: FieldRef | None = None


class Variable(_Written, frozen=True):
    name: str
    value: str = ""
    value_from: ValueFrom | None = None


class VariablesFrom(_Written, frozen=True):
    prefix: str = ""
    secret_ref: Named | None = None
    config_map_ref: Named | None = None


class Port(_Written, frozen=True):
    container_port: int
    name: str = ""


class Header(_Written, frozen=True):
    name: str
    value: str = ""


class Exec(_Written, frozen=True):
    command: tuple[str, ...]


class HttpGet(_Written, frozen=True):
    port: int | str
    path: str = "/"
    host: str = ""
    scheme: str = "HTTP"
    http_headers: tuple[Header, ...] = ()


class TcpSocket(_Written, frozen=True):
    port: int | str
    host: str = ""


class Probe(_Written, frozen=True):
    """A readiness probe with Kubernetes' defaults."""

    exec: Exec | None = None
    http_get: HttpGet | None = None
    tcp_socket: TcpSocket | None = None
    initial_delay_seconds: int = 0
    period_seconds: int = 10
    timeout_seconds: int = 1
    success_threshold: int = 1
    failure_threshold: int = 3


class Resources(_Written, frozen=True):
    requests: dict[str, str | int | float] = {}


class Container(_Written, frozen=True):
    name: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    working_dir: str = ""
    env: tuple[Variable, ...] = ()
    env_from: tuple[VariablesFrom, ...] = ()
    ports: tuple[Port, ...] = ()
    resources: Resources = Resources()
    readiness_probe: Probe | None = None


class _PodSpec(_Written, frozen=True):
    containers: tuple[Container, ...]
    termination_grace_period_seconds: int = 30


class _Template(_Written, frozen=True):
    spec: _PodSpec


class _Strategy(_Written, frozen=True):
    type: str = "RollingUpdate"


class _Spec(_Written, frozen=True):
    template: _Template
    replicas: int | None = None
    strategy: _Strategy = _Strategy()


class _Deployment(_Written, frozen=True):
    spec: _Spec


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment that can be run. Workers of another `digest` were started from another pod template."""

    ref: Ref
    containers: tuple[Container, ...] = field(repr=False)
    grace: float
    replicas: int | None
    recreate: bool
    digest: str

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

    def launch(self, name: str, folder: Path, inherited: Mapping[str, str], read: Read) -> Launch:
        """How the worker of that name is started. Its environment is the daemon's, its name, and the container's own.
        Relative paths are relative to the folder of the manifests. Raises `NotFound` for a missing Secret."""
        fields = {"metadata.name": name, "metadata.namespace": self.ref.namespace}
        own = environment(self.container, self.ref.namespace, fields, read)
        mark = {WORKER: name, "HOSTNAME": name, FOLDER: str(folder)}
        return Launch(
            command=tuple(expand(word, own) for word in (*self.container.command, *self.container.args)),
            environment={**inherited, **mark, **own, FOLDER: str(folder), WORKER: name},
            directory=os.path.normpath(folder / self.container.working_dir),
            where=WHERE,
            name=self.container.command[0],
        )


def workload_of(manifest: Manifest) -> Workload:
    """Read a Deployment. Raises `ClusterError` naming the field that cannot be run."""
    try:
        spec = msgspec.convert(manifest.body, _Deployment).spec
    except msgspec.ValidationError as error:
        raise _refused(manifest.ref, _sentence(error)) from None
    pod = spec.template.spec
    workload = Workload(
        ref=manifest.ref,
        containers=pod.containers,
        grace=float(pod.termination_grace_period_seconds),
        replicas=spec.replicas,
        recreate=spec.strategy.type == "Recreate",
        digest=_digest(manifest.body["spec"]["template"]),
    )
    if problem := next(_problems(workload), None):
        raise _refused(manifest.ref, problem)
    return workload


def environment(container: Container, namespace: str, fields: Mapping[str, str], read: Read) -> dict[str, str]:
    """The container's variables: `envFrom`, then `env` in order, later ones win. A field of the pod that is not among
    `fields` is left out. Raises `NotFound` where a Secret, ConfigMap or key is missing and not optional."""
    found: dict[str, str] = {}
    for source in container.env_from:
        for kind, named in (("ConfigMap", source.config_map_ref), ("Secret", source.secret_ref)):
            if named is not None:
                data = _data(Ref(kind, namespace, named.name), named.optional, read)
                found.update((source.prefix + key, value) for key, value in data.items() if "=" not in key)
    for variable in container.env:
        if variable.value_from is None:
            found[variable.name] = expand(variable.value, found)
        elif (value := _value(variable.value_from, namespace, fields, read)) is not None:
            found[variable.name] = value
    return found


def expand(text: str, variables: Mapping[str, str]) -> str:
    """`$(NAME)` is the variable, where there is one; `$$` is a dollar."""
    return _REFERENCE.sub(lambda m: "$" if m[0] == "$$" else variables.get(m[1], m[0]), text)


_REFERENCE = re.compile(r"\$\$|\$\(([^)]*)\)")


def _value(source: ValueFrom, namespace: str, fields: Mapping[str, str], read: Read) -> str | None:
    if source.field_ref is not None:
        return fields.get(source.field_ref.field_path)
    for kind, keyed in (("Secret", source.secret_key_ref), ("ConfigMap", source.config_map_key_ref)):
        if keyed is not None:
            value = _data(Ref(kind, namespace, keyed.name), keyed.optional, read).get(keyed.key)
            if value is None and not keyed.optional:
                raise NotFound(f"{kind} {keyed.name} has no key {keyed.key}")
            return value
    return None


def _data(ref: Ref, optional: bool, read: Read) -> Mapping[str, str]:
    try:
        return read(ref)
    except NotFound:
        if optional:
            return {}
        raise


def _problems(workload: Workload) -> Iterator[str]:
    if not workload.containers:
        yield "spec.template.spec.containers: must not be empty"
        return
    if not workload.container.command:
        yield f"{WHERE}.command: is required, because the image is not used"
    for resource in ("cpu", "memory"):
        try:
            workload.request(resource)
        except ValueError:
            yield f"{WHERE}.resources.requests.{resource}: is not a quantity"
    if probe := workload.container.readiness_probe:
        yield from _probe_problems(workload, probe)


def _probe_problems(workload: Workload, probe: Probe) -> Iterator[str]:
    actions = [one for one in (probe.exec, probe.http_get, probe.tcp_socket) if one is not None]
    if len(actions) != 1:
        yield f"{WHERE}.readinessProbe: must have exactly one of exec, httpGet and tcpSocket"
    for action in actions:
        if isinstance(action, Exec) and not action.command:
            yield f"{WHERE}.readinessProbe.exec.command: must not be empty"
        if not isinstance(action, Exec):
            try:
                workload.port(action.port)
            except ValueError:
                yield f"{WHERE}.readinessProbe: the container has no port named {action.port!r}"
    if min(probe.period_seconds, probe.timeout_seconds, probe.success_threshold, probe.failure_threshold) < 1:
        yield f"{WHERE}.readinessProbe: periods and thresholds must be at least 1"


def _refused(ref: Ref, problem: str) -> ClusterError:
    return ClusterError(f"Deployment {ref.name} cannot be run: {problem}")


def _sentence(error: msgspec.ValidationError) -> str:
    """``Expected `str`, got `int` - at `$.spec.replicas` `` → `spec.replicas: expected str, got int`"""
    what, _, path = str(error).partition(" - at `$")
    path = path.strip(".`")
    what = what.replace("`", "")
    return f"{path}: {what[:1].lower()}{what[1:]}" if path else what


def _digest(template: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(template, order="sorted")).hexdigest()[:16]

"""One test's place on the control plane: its namespace, its source of numbers, and what it does and waits for there.
What it expects stands in the test."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.e2e.kube_daemon import ACCOUNT, KubeDaemon
from tests.e2e.kube_objects import (
    Object,
    condition,
    deployment,
    deployments,
    events,
    hpas,
    number,
    objects,
    place,
    scaled_object,
)
from tests.e2e.servers import Numbers
from tests.rig.control_plane import ControlPlane, Request
from tests.rig.kube_client import KubeClient, path

KIND = "ScaledObject"
WRITES = frozenset(("create", "update", "patch", "delete", "deletecollection"))


class Scene:
    def __init__(
        self, cluster: ControlPlane, kube: KubeClient, daemon: KubeDaemon, namespace: str, answers: Numbers
    ) -> None:
        self.cluster, self.kube, self.daemon, self.namespace, self.source = cluster, kube, daemon, namespace, answers
        self.answers = answers.answers
        self.begun = cluster.mark()

    # --------------------------------------------------------------------------------------------------- what is done

    async def add(self, manifest: Object) -> Object:
        """Of any kind that `place` knows."""
        return await self.kube.create(place(manifest, self.namespace), manifest)

    async def add_custom(self, manifest: Object) -> Object:
        """Of a kind that a test has defined."""
        plural = f"{manifest['kind'].lower()}s"
        return await self.kube.create(path(manifest["apiVersion"], plural, self.namespace), manifest)

    async def pair(self, name: str, *triggers: Object, replicas: int = 0, **spec: Any) -> Object:
        """A Deployment and a ScaledObject of that name; unless told otherwise it asks for the number of that name."""
        await self.add(deployment(name, replicas))
        return await self.add(scaled_object(name, *(triggers or (self.asks(name),)), **spec))

    def asks(self, name: str, target: str = "5", **more: str) -> Object:
        return number(f"{self.source.url}/{name}", target, **more)

    async def edit(self, name: str, **spec: Any) -> None:
        """Of a ScaledObject; None takes a field away."""
        await self.kube.patch(objects(self.namespace, name), {"spec": spec})

    async def annotate(self, name: str, annotations: Mapping[str, str | None]) -> None:
        """A ScaledObject; None takes one away."""
        await self.kube.patch(objects(self.namespace, name), {"metadata": {"annotations": dict(annotations)}})

    async def scale(self, name: str, replicas: int) -> None:
        """Somebody else does, by hand."""
        await self.kube.patch(f"{deployments(self.namespace, name)}/scale", {"spec": {"replicas": replicas}})

    @contextmanager
    def absent(self) -> Iterator[None]:
        """The daemon does nothing within the block; for less time than its lease lasts."""
        self.daemon.freeze()
        try:
            yield
        finally:
            self.daemon.thaw()

    # ----------------------------------------------------------------------------------------------- what is waited for

    async def object(self, name: str, holds: Callable[[Object], Any] = lambda _: True) -> Object:
        """The ScaledObject, as soon as that holds of it."""
        try:
            return await self.kube.until(objects(self.namespace, name), lambda found: bool(holds(found)))
        except AssertionError:
            found = await self.kube.find(objects(self.namespace, name)) or {}
            raise AssertionError(f"{name} stayed {found.get('status')}\n{self.daemon.said()[-4000:]}") from None

    async def told(self, name: str, type_: str, status: str, reason: str = "", says: str = "") -> Object:
        """The ScaledObject as soon as a condition is like that."""

        def holds(found: Object) -> bool:
            its = condition(found, type_)
            return its[0] == status and reason in ("", its[1]) and says in its[2]

        return await self.object(name, holds)

    async def ready(self, *names: str) -> None:
        for name in names:
            await self.told(name, "Ready", "True", "ScaledObjectReady")

    async def hpa(self, name: str, holds: Callable[[Object], Any] = lambda _: True) -> Object:
        return await self.kube.until(hpas(self.namespace, name), lambda found: bool(holds(found)))

    async def collected(self, hpa: str) -> None:
        """Returns when the garbage collector has taken an HPA after its owner. It looks for new kinds every 30 s, and
        on a new control plane ours are new."""
        await self.kube.gone(hpas(self.namespace, hpa), patience=60)

    async def replicas(self, name: str, count: int) -> None:
        await self.kube.until(
            deployments(self.namespace, name), lambda found: (found["spec"].get("replicas") or 0) == count
        )

    async def stay(self, what: str, so: Callable[[], Any], seconds: float = 3.0) -> None:
        await self.daemon.held(so, what, seconds)

    async def polls(self, name: str, count: int = 2) -> None:
        """Returns when the source was asked so many times more: what follows from an answer has been decided."""
        asked = self.source.asked[name]
        await self.daemon.until(lambda: self.source.asked[name] >= asked + count, f"{name} is asked for {count} times")

    async def events(self, name: str, *wanted: str, kind: str = KIND) -> list[tuple[str, str]]:
        """(reason, note) of every event about that object in the order of their posting, as soon as all of the wanted
        reasons are among them."""

        def has_all(found: Object) -> bool:
            return set(wanted) <= {one["reason"] for one in _about(found, kind, name)}

        listed = await self.kube.until(events(self.namespace), has_all)
        return [(one["reason"], one["note"]) for one in _about(listed, kind, name)]

    # ------------------------------------------------------------------------------------------------- what was written

    def writes(self, part: str = "", since: int | None = None) -> list[Request]:
        """The daemon's own, in this namespace, whose path has that part."""
        return [one for one in self.asked(part, since) if one.verb in WRITES]

    def asked(self, part: str, since: int | None = None) -> list[Request]:
        """Whatever it asked of the API server, in the same way; a watch when it has ended."""
        asked = self.cluster.audit(self.begun if since is None else since, user=ACCOUNT)
        within = f"/namespaces/{self.namespace}/"
        return [one for one in asked if within in one.uri and part in one.uri]

    def silence(self) -> float:
        """Seconds since the last of them."""
        return time.time() - max((one.at for one in self.writes()), default=0.0)

    def scalings(self, name: str, since: int | None = None) -> list[Request]:
        """Those of a workload's number by the daemon, granted or not."""
        return self.writes(f"/{name}/scale", since)


def _about(listed: Object, kind: str, name: str) -> list[Object]:
    """Those about the object: the workload may be called the same."""
    found = [one for one in listed["items"] if (one["regarding"]["kind"], one["regarding"]["name"]) == (kind, name)]
    return sorted(found, key=lambda one: (one["eventTime"], one["metadata"]["name"]))

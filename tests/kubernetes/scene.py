"""A ScaledObject's life without an API server: each `look` decides on what is there, takes the steps upon objects in
memory, and shows them. Decisions are the core's own. Also builders of what such a life is made of."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self, cast

import msgspec

from scaler.core.decide import decide
from scaler.core.model import Decision, Failure, Goal, Reading, Spec, State, Target, Value
from scaler.kubernetes.hpa import owner_of
from scaler.kubernetes.objects import Custom, Hpa, Meta, Scalable
from scaler.kubernetes.status import remembered
from scaler.kubernetes.steps import (
    CreateHpa,
    DeleteHpa,
    PatchHpa,
    PatchStatus,
    Post,
    Scale,
    Seen,
    SetFinalizers,
    Step,
    steps,
)
from scaler.kubernetes.targets import DEPLOYMENT
from scaler.manifests.watched import Ref, Trigger, Watched

Json = dict[str, Any]

START = 1_700_000_000.0
NAMESPACE = "shop"
REF = Ref("ScaledObject", NAMESPACE, "orders")
LAG = Goal("s0-kafka-orders", 10.0)


def spec_of(*goals: Goal, **more: Any) -> Spec:
    """Kafka lag, ten messages a replica, unless said otherwise."""
    given = {"created": START, "target_name": "worker", **more}
    return Spec(str(REF), goals or (LAG,), **given)


def watched_of(spec: Spec) -> Watched:
    """Bound by hand: of a trigger its type and its goals are all that is looked at."""
    nothing = cast(Any, None)
    triggers = tuple(
        Trigger(index, goal.resource or goal.metric.split("-")[1], nothing, nothing, nothing, (goal,))
        for index, goal in enumerate(spec.goals)
    )
    target = Ref("Deployment", NAMESPACE, spec.target_name)
    return Watched(REF, spec, triggers, 30.0, target, frozenset((target,)), decide)


def custom(name: str = "orders", *, version: int = 1, spec: Json | None = None, **more: Any) -> Custom:
    """A ScaledObject on the Deployment `worker`; `more` is metadata, but for `status`."""
    status = more.pop("status", {})
    meta = Meta(**{"name": name, "namespace": NAMESPACE, "uid": f"uid-{name}", "generation": 1, **more})
    meta = msgspec.structs.replace(meta, resource_version=str(version))
    return Custom(meta, {"scaleTargetRef": {"name": "worker"}} if spec is None else spec, status)


def hpa(name: str, *, version: int = 1, target: str = "worker", owner: str = "", **more: Any) -> Hpa:
    """An HPA on a Deployment, `owner` is the ScaledObject that controls it."""
    reference = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": owner, "uid": f"uid-{owner}"}
    status = more.pop("status", {})
    metadata = {"name": name, "namespace": NAMESPACE, "uid": f"uid-{name}", "resourceVersion": str(version), **more}
    if owner:
        metadata["ownerReferences"] = [{**reference, "controller": True}]
    scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    return msgspec.convert({"metadata": metadata, "spec": {"scaleTargetRef": scaled}, "status": status}, Hpa)


def deployment(
    name: str = "worker", *, version: int = 1, replicas: int = 1, ready: int = 0, image: str = "a"
) -> Scalable:
    raw = {
        "metadata": {"name": name, "namespace": NAMESPACE, "uid": f"uid-{name}", "resourceVersion": str(version)},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"image": image}]}}},
        "status": {"replicas": replicas, "readyReplicas": ready},
    }
    return msgspec.json.decode(msgspec.json.encode(raw), type=Scalable)


def merged(before: Any, patch: Any) -> Any:
    """What a JSON merge patch makes of it (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    kept = dict(before) if isinstance(before, dict) else {}
    for name, value in patch.items():
        if value is None:
            kept.pop(name, None)
        else:
            kept[name] = merged(kept.get(name), value)
    return kept


class Life:
    """`now` counts from the start. `taken` are the steps of the last look, `events` the reasons posted by it. `cached`
    is what a cache has learnt of the target's number since the decision, `first` who else has the target."""

    def __init__(self, spec: Spec, *, replicas: int = 0, found: Custom | None = None) -> None:
        self.watched = watched_of(spec)
        self.found = found or custom()
        self.hpas: dict[str, Hpa] = {}
        self.replicas = replicas
        self.state = State()
        self.now = START
        self.fresh = False
        self.first = ""
        self.remark, self.held = "", False
        self.cached: int | None = None
        self.decision: Decision
        self.taken: tuple[Step, ...] = ()
        self.events: list[str] = []
        self._versions = itertools.count(100)

    def edited(self, **spec: Any) -> Self:
        """The object is another one from now on, and bound again."""
        self.watched, self.fresh = watched_of(replace(self.watched.spec, **spec)), True
        return self

    def asks(self, **spec: Any) -> Self:
        """What its manifest says, apart from what it is bound to."""
        self.found = msgspec.structs.replace(self.found, spec={**self.found.spec, **spec})
        return self

    def taken_over(self, at: float) -> Self:
        """Another daemon leads from now on: all that it knows is in the status."""
        self.now = START + at
        self.state = remembered(self.found, self.now) or State()
        return self

    def look(self, at: float, *values: float | str) -> tuple[Step, ...]:
        """A value for each metric, or why there is none; decided, and done."""
        self.now = START + at
        target = Target(self.replicas, self.replicas, self.replicas)
        self.decision = decide(self.watched.spec, target, self._readings(values), self.state, self.now)
        self.state = self.decision.state
        seen = Seen(
            self.found,
            owner_of(self.found, "1.0"),
            DEPLOYMENT,
            tuple(self.hpas.values()),
            self.cached,
            fresh=self.fresh,
            first=self.first,
            remark=self.remark,
            held=self.held,
        )
        self.taken, self.events = steps(self.watched, seen, self.decision), []
        self.fresh = False
        for step in self.taken:
            self._take(step)
        return self.taken

    def _readings(self, values: Sequence[float | str]) -> list[Reading]:
        external = [goal for goal in self.watched.spec.goals if not goal.resource]
        return [
            Failure(goal.metric, value, "SourceError", self.now)
            if isinstance(value, str)
            else Value(goal.metric, value, value > goal.activation, self.now)
            for goal, value in zip(external, values, strict=True)
        ]

    def _take(self, step: Step) -> None:
        match step:
            case Scale(before=before, after=after):
                assert before == self.replicas
                self.replicas = after
            case CreateHpa(manifest):
                self._put_hpa(manifest)
            case PatchHpa(name=name, patch=patch):
                self._put_hpa(merged(msgspec.to_builtins(self.hpas[name]), patch))
            case DeleteHpa(meta):
                del self.hpas[meta.name]
            case SetFinalizers(finalizers=finalizers):
                meta = msgspec.structs.replace(self.found.metadata, finalizers=finalizers)
                self.found = msgspec.structs.replace(self.found, metadata=meta)
            case PatchStatus(patch=patch):
                self.found = msgspec.structs.replace(self.found, status=merged(self.found.status, patch))
            case Post(events=events):
                self.events.extend(event.reason for event in events)

    def _put_hpa(self, manifest: Json) -> None:
        metadata = {"uid": f"uid-{manifest['metadata']['name']}", **manifest["metadata"]}
        metadata["resourceVersion"] = str(next(self._versions))
        made = msgspec.convert({**manifest, "metadata": metadata}, Hpa)
        self.hpas[made.metadata.name] = made

    @property
    def ready(self) -> str:
        """What stands beside Ready."""
        return next(str(one["message"]) for one in self.status["conditions"] if one["type"] == "Ready")

    @property
    def kinds(self) -> list[type[Step]]:
        return [type(step) for step in self.taken]

    @property
    def patch(self) -> Json:
        """The last look's patch of the status."""
        [found] = [step for step in self.taken if isinstance(step, PatchStatus)]
        return found.patch

    @property
    def status(self) -> Json:
        return self.found.status

    def condition(self, type_: str) -> tuple[str, str]:
        """Its status and reason, as written down."""
        return next((one["status"], one["reason"]) for one in self.status["conditions"] if one["type"] == type_)

    def says(self, type_: str) -> str:
        """A condition's message."""
        return next(str(one["message"]) for one in self.status["conditions"] if one["type"] == type_)

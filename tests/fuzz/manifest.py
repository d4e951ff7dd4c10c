"""Manifests: any document at all, and good ones in which something is replaced, taken away or put in; as the API server
or the webhook hands them over (decoded), and as a file holds them (text)."""

import copy
import json
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any, NamedTuple

from hypothesis import strategies as st

from scaler import catalog
from scaler.manifests.admission import findings
from scaler.manifests.bind import examine
from scaler.manifests.watched import Manifest, Ref
from scaler.standalone.documents import Unusable, parsed
from tests.fuzz.room import Room

KINDS = ("ScaledObject", "ScaledJob", "TriggerAuthentication", "ClusterTriggerAuthentication")

TEXTS = (
    *("", "0", "-1", "1e309", "NaN", "${X}", "5m", "true", "kafka", "cron", "cpu", "\x00", "\u202e", "аpp", "a" * 300),
    *("AverageValue", "Utilization", "Value", "scalingModifiers", "a + b", "[" * 60, "../../etc/passwd", "http://[::1"),
)

Path = tuple[str | int, ...]


class Text(NamedTuple):
    """What a file holds."""

    name: str
    content: bytes


def _good() -> list[dict[str, Any]]:
    """One object for each trigger type, and one of everything else."""
    triggers = [
        {"type": type_, "name": f"t{index}", "metadata": dict(catalog.find(type_).example.metadata)}
        for index, type_ in enumerate(("kafka", "cron", "azure-queue", "metrics-api", "nats-jetstream", "cpu"))
    ]
    modifiers = {"formula": "t0 + (t1 ?? 2)", "target": "5", "activationTarget": "1", "metricType": "Value"}
    behavior = {"scaleDown": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 15}], "tolerance": "0.1"}}
    config = {"name": "hpa", "behavior": behavior}
    scaled = {
        "scaleTargetRef": {"name": "worker"},
        "minReplicaCount": 1,
        "maxReplicaCount": 5,
        "triggers": triggers,
        "fallback": {"failureThreshold": 3, "replicas": 2, "behavior": "scalingModifiers"},
        "advanced": {"scalingModifiers": modifiers, "horizontalPodAutoscalerConfig": config},
    }
    template = {"template": {"spec": {"containers": [{"name": "main", "image": "none"}]}}}
    job = {"jobTargetRef": template, "triggers": triggers[:2], "scalingStrategy": {"strategy": "accurate"}}
    reference = [{"parameter": "password", "name": "secret", "key": "password"}]
    login = {"secretTargetRef": reference, "env": reference, "podIdentity": {"provider": "azure-workload"}}
    specs: tuple[dict[str, Any], ...] = (scaled, job, login, login)
    return [_manifest(kind, spec) for kind, spec in zip(KINDS, specs, strict=True)]


def _manifest(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    annotations = {"autoscaling.keda.sh/paused": "false", "event-scaler.dev/mode": "direct"}
    metadata = {"name": "orders", "namespace": "shop", "annotations": annotations, "generation": 1}
    return {"apiVersion": "keda.sh/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


GOOD = _good()

SCALARS: tuple[Any, ...] = (None, True, False, 0, -1, 1, 5, 2**70, -(2**70), 0.5, 1e308, float("nan"), float("inf"))


def anything(random: Random, depth: int = 3) -> Any:
    """Any value that a document may hold."""
    if depth and random.random() < 0.3:
        inner = [anything(random, depth - 1) for _ in range(random.randint(0, 3))]
        return inner if random.random() < 0.5 else {random.choice(TEXTS): one for one in inner}
    noise = "".join(chr(random.choice((random.randint(0, 127), random.randint(0, 0xFFFF)))) for _ in range(4))
    return random.choice((*SCALARS, *TEXTS, noise, noise, noise))


def changed(seed: int) -> dict[str, Any]:
    """A good one after a few changes."""
    random = Random(seed)
    body = copy.deepcopy(random.choice(GOOD))
    for _ in range(random.choice((0, 1, 1, 2, 5))):
        _change(body, random.choice(list(_paths(body)) or [("spec",)]), random)
    return body


def _paths(part: Any, at: Path = ()) -> Iterator[Path]:
    if at not in ((), ("kind",)):
        yield at
    inner = part.items() if isinstance(part, Mapping) else enumerate(part) if isinstance(part, list) else ()
    for key, value in inner:
        yield from _paths(value, (*at, key))


def _change(body: Any, path: Path, random: Random) -> None:
    """Something else in its place, nothing, something beside it, or it over and over."""
    part: Any = body
    last: Any = path[-1]
    for step in path[:-1]:
        part = part[step]
    match random.choice(("put", "put", "drop", "beside", "more")), part:
        case "drop", _ if isinstance(part, list) or last in part:
            del part[last]
        case "beside", dict():
            part[random.choice((*TEXTS, *part))] = anything(random)
        case "more", list():
            part.extend([part[last]] * random.choice((1, 5, 600)))
        case _:
            part[last] = anything(random)


loose = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
seeds = st.integers(0, 2**48)
bodies = st.one_of(
    seeds.map(changed),
    seeds.map(changed),
    st.dictionaries(st.sampled_from(("apiVersion", "kind", "metadata", "spec")), loose),
)
files = st.builds(
    Text,
    st.sampled_from(("a.yaml", "a.json")),
    st.one_of(
        seeds.map(lambda seed: _encoded(json.dumps(changed(seed)))),
        st.tuples(seeds, st.floats(0, 1)).map(lambda cut: _cut(json.dumps(changed(cut[0])), cut[1])),
        st.text(max_size=80).map(lambda text: _encoded(text)),
        st.binary(max_size=80),
    ),
)


def _encoded(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _cut(text: str, where: float) -> bytes:
    return _encoded(text[: int(len(text) * where)])


def tried(given: Any) -> None:
    """Whatever it is, it is told by sentences."""
    if not isinstance(given, Text):
        kind = given.get("kind")
        _looked_at(Manifest(Ref(kind if kind in KINDS else KINDS[0], "shop", "orders"), given))
        return
    try:
        manifests, ignored = parsed(given.name, given.content, strict=False)
    except Unusable as problem:
        _sentences([str(problem)])
        return
    _sentences(ignored)
    for one in manifests:
        _looked_at(one)


def _looked_at(manifest: Manifest) -> None:
    examined = examine(manifest, catalog.find)
    _sentences([*examined.problems.values(), *examined.warnings.values()])
    told = findings(manifest, catalog.find)
    _sentences([one.sentence for one in (*told.refusals, *told.doubts, *told.warnings)])


def _sentences(found: Any) -> None:
    assert all(isinstance(one, str) and one for one in found), found


ROOM = Room("manifest", st.one_of(bodies, bodies, files), tried)

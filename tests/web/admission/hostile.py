"""Reviews that nobody would send who means well: as strategies, for the suite and for `python -m tests.fuzz`."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from scaler.manifests.kinds import KINDS
from tests.web.admission.reviewing import CRON, SPEC, review, scaled

FIELDS = (
    "scaleTargetRef",
    "triggers",
    "advanced",
    "fallback",
    "minReplicaCount",
    "pollingInterval",
    "jobTargetRef",
    "podIdentity",
    "secretTargetRef",
    "hashiCorpVault",
    "destination",
    "eventSubscription",
    "oauth2",
)
PARTS = ("name", "kind", "type", "metadata", "formula", "scalingModifiers", "horizontalPodAutoscalerConfig", "behavior")
TYPES = ("cron", "cpu", "memory", "kafka", "azure-queue", "metrics-api", "nats-jetstream", "k\u0430fka", "../kafka", "")

texts = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["0", "-1", "1e400", "NaN", "${A}", "\x00", "\u202e", "a" * 5_000, "$(cat)", "../..", "{{.}}"]),
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), texts)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(texts, st.sampled_from(PARTS)), inner, max_size=4)
    ),
    max_leaves=12,
)
parameters = st.dictionaries(st.one_of(texts, st.sampled_from([*CRON["metadata"], "lagThreshold"])), texts, max_size=5)
triggers = st.lists(
    st.one_of(
        values, st.fixed_dictionaries({"type": st.sampled_from(TYPES), "metadata": st.one_of(parameters, values)})
    ),
    max_size=4,
)
specs = st.one_of(
    values,
    st.dictionaries(st.one_of(texts, st.sampled_from(FIELDS)), values, max_size=6),
    st.builds(
        lambda more, each: {**SPEC, **more, "triggers": each}, st.dictionaries(texts, values, max_size=2), triggers
    ),
    st.builds(lambda field, value: {**SPEC, field: value}, st.sampled_from(FIELDS), values),
)
metadata = st.one_of(
    st.just({"name": "orders"}), values, st.dictionaries(st.sampled_from(["name", "annotations", "labels"]), values)
)
objects = st.one_of(
    values,
    st.builds(lambda meta, spec: {"metadata": meta, "spec": spec}, metadata, specs),
    st.builds(scaled, st.dictionaries(st.sampled_from(FIELDS), values, min_size=1, max_size=3)),
)
kinds = st.sampled_from(KINDS)


@st.composite
def reviews(draw: st.DrawFn) -> tuple[Any, bytes]:
    """(the kind whose path it is sent to, what is sent)."""
    kind = draw(kinds)
    before = draw(st.one_of(st.none(), objects))
    sent: Any = review(draw(objects), before, kind=draw(st.one_of(st.just(kind), kinds)))
    if draw(st.integers(0, 9)) == 0:
        sent["request"] |= draw(st.dictionaries(st.sampled_from(sorted(sent["request"])), values, max_size=3))
    content = msgspec.json.encode(sent)
    if draw(st.integers(0, 9)) == 0:
        content = _broken(draw, content)
    return kind, content


def _broken(draw: st.DrawFn, content: bytes) -> bytes:
    """Cut, or with something else in it."""
    at = draw(st.integers(0, len(content)))
    return content[:at] + draw(st.sampled_from([b"", b"\x00", b"\xff", b'{"a":' * 3_000, b"[" * 3_000]))

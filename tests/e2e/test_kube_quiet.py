"""Where nothing changes nothing is written: no status, no event, no HPA, no scale. Only the Lease tells that the
daemon is there."""

from collections import Counter

from scaler.manifests.annotations import FORCE_ACTIVATION, PAUSED
from tests.e2e.kube_daemon import ACCOUNT, NAMESPACE
from tests.e2e.kube_objects import authentication, cpu, scaled_object, secret
from tests.e2e.kube_scene import WRITES, Scene

LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/operator.keda.sh"
QUIET = 20.0
ASKING = frozenset(("subjectaccessreviews", "tokenreviews"))
"""Questions that the API has as writes."""


async def test_nothing_is_written_while_nothing_changes(scene: Scene) -> None:
    await _ten_objects(scene)
    await _settled(scene)
    since = scene.cluster.mark()
    asked = scene.source.asked.copy()
    await scene.stay("nothing is written", lambda: not scene.writes(since=since), QUIET)
    for name in ("active0", "rests0", "fails", "falls"):
        assert scene.source.asked[name] - asked[name] >= QUIET / 2, "it was looked at all the while"
    written = [one for one in scene.cluster.audit(since, user=ACCOUNT) if one.verb in WRITES]
    within = "/namespaces/test-"
    others = Counter(one.uri for one in written if within not in one.uri and one.uri.rpartition("/")[2] not in ASKING)
    assert others.keys() == {LEASE}
    assert QUIET / 2 - 3 <= others[LEASE] <= QUIET / 2 + 3


async def _ten_objects(scene: Scene) -> None:
    """Active, at rest, failing, falling back, paused, forced, refused, left to the HPA."""
    for number in range(3):
        scene.answers[f"active{number}"] = 3 + 5 * number
        await scene.pair(f"active{number}")
        await scene.pair(f"rests{number}")
    scene.answers.update(fails="error", falls="error")
    await scene.pair("fails", replicas=1)
    await scene.pair("falls", fallback={"failureThreshold": 1, "replicas": 2})
    await scene.pair("paused", annotations={PAUSED: "true"})
    await scene.pair("forced", annotations={FORCE_ACTIVATION: "true"})
    await scene.add(scaled_object("lost", scene.asks("lost")))
    await scene.pair("usage", cpu("60"), minReplicaCount=1)
    await scene.add(secret("login", key="value"))
    await scene.add(authentication("auth", ("apiKey", "login", "key")))
    await scene.pair("bound", {**scene.asks("bound"), "authenticationRef": {"name": "auth"}})


async def _settled(scene: Scene) -> None:
    """Everything has come to where it stays: what was asked for is there, and for a while nothing was written."""
    for number in range(3):
        await scene.replicas(f"active{number}", 1 + number)
        await scene.ready(f"active{number}", f"rests{number}")
    await scene.replicas("falls", 2)
    await scene.replicas("forced", 1)
    await scene.ready("paused", "forced", "usage", "bound")
    await scene.told("lost", "Ready", "False")
    await scene.told("fails", "Ready", "False")
    await scene.daemon.until(lambda: scene.silence() > 6, "for six seconds nothing is written", 60)

"""ScaledJobs on a real control plane: jobs from a source's numbers, each made once, and what becomes of them. The rig's
kubelet lets their pods run, wait or end as a test says; Complete and Failed are the real Job controller's."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from scaler.core.jobs import decide
from scaler.core.model import Decision, Goal, JobRules, Mode, Spec, State, Value
from scaler.errors import ClusterError
from scaler.kubernetes.cluster import KubernetesCluster
from scaler.kubernetes.config import access
from scaler.kubernetes.lease import Claim, Terms
from scaler.kubernetes.world import Scope, World
from scaler.manifests.watched import Ref, Watched
from tests.e2e.guarded import guarded
from tests.e2e.kube_daemon import METRICS
from tests.e2e.kube_jobs import LABEL, Faults, FaultyApi, Work, ending, names, unended
from tests.e2e.kube_objects import (
    Object,
    authentication,
    authentications,
    condition,
    jobs,
    number,
    scaled_job,
    scaled_jobs,
)
from tests.e2e.kube_scene import Scene
from tests.rig.control_plane import ControlPlane
from tests.rig.kubelet import STARTS

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def work(scene: Scene) -> Work:
    return Work(scene)


# ------------------------------------------------------------------------------------------------------- 0 → N → 0


async def test_as_many_jobs_as_the_source_has_work_for(work: Work) -> None:
    await work.add(0, labels={"team": "a"}, annotations={"scaledjob.keda.sh/job-excluded-labels": "stage"})
    await work.told("Ready", "True", "ScaledJobReady")
    await work.polls()
    work.queue(3)
    found = await work.running(3)
    await work.polls(3)
    assert names(await work.running(3)) == names(found)
    told = await work.told("Active", "True", "ScalerActive")
    assert told["status"]["externalMetricNames"] == ["s0-metric-api-value"]
    assert told["status"]["triggersTypes"] == "metrics-api"
    assert "lastActiveTime" in told["status"]
    assert not told["metadata"].get("finalizers")
    _looks_like_kedas(found[0], told)
    await _no_metrics(work.scene)
    work.queue(0)
    for job in found:
        await work.end(job)
    await work.told("Active", "False", "ScalerNotActive")
    assert {ending(one) for one in await work.until(lambda mine: not unended(mine))} == {"Complete"}
    said = await work.events("KEDAJobsCreated", "ScaledJobInactive")
    assert [note for reason, note in said if reason == "KEDAJobsCreated"] == ["Created 3 jobs"]
    assert [one for one, _ in said if one.startswith("ScaledJob")] == [
        "ScaledJobReady",
        "ScaledJobActive",
        "ScaledJobInactive",
    ]


def _looks_like_kedas(job: Object, owner: Object) -> None:
    meta, template = job["metadata"], job["spec"]["template"]
    assert meta["name"].startswith("work-")
    assert (
        meta["labels"].items() >= {LABEL: "work", "team": "a", "app.kubernetes.io/managed-by": "keda-operator"}.items()
    )
    assert meta["annotations"]["scaledjob.keda.sh/generation"] == "1"
    [reference] = meta["ownerReferences"]
    assert (reference["uid"], reference["controller"]) == (owner["metadata"]["uid"], True)
    assert template["metadata"]["labels"][LABEL] == "work"
    assert template["spec"]["restartPolicy"] == "Never"


async def _no_metrics(scene: Scene) -> None:
    """The metrics API knows nothing of it, as KEDA's."""
    where = (
        f"{METRICS}/namespaces/{scene.namespace}/s0-metric-api-value?labelSelector=scaledobject.keda.sh%2Fname%3Dwork"
    )
    said = await scene.cluster.kubectl("get", "--raw", where)
    assert said.code != 0
    assert "there is no ScaledObject" in said.err


async def test_what_ends_makes_room_and_leaves_a_history(work: Work) -> None:
    await work.add(9, maxReplicaCount=2, successfulJobsHistoryLimit=1, failedJobsHistoryLimit=0)
    first, second = await work.running(2)
    await work.stays(2)
    await work.end(first)
    made = [one for one in await work.running(2) if one["metadata"]["name"] != second["metadata"]["name"]]
    await work.end(second, "failed")
    await work.running(2)
    await work.end(made[0])
    await work.running(2)
    work.queue(0)

    def only_the_last(mine: list[Object]) -> bool:
        ended = [one for one in mine if ending(one)]
        return names(ended) == names(made)

    await work.until(only_the_last)


async def test_a_minimum_is_kept_without_work(work: Work) -> None:
    await work.add(0, minReplicaCount=2)
    one, _ = await work.running(2)
    await work.stays(2)
    await work.end(one)
    await work.running(2)
    await work.told("Active", "True")


async def test_pending_jobs_keep_an_accurate_one_from_making_more(work: Work) -> None:
    await work.add(2, scalingStrategy={"strategy": "accurate"}, maxReplicaCount=4, pod_labels={STARTS: "false"})
    held = await work.running(2)
    await work.stays(2)
    await work.start(held[0])
    await work.running(3)
    await work.stays(3)


async def test_a_job_is_pending_until_its_pod_is_as_it_should_be(work: Work) -> None:
    strategy = {"strategy": "accurate", "pendingPodConditions": ["Ready"]}
    await work.add(1, scalingStrategy=strategy, maxReplicaCount=4, pod_labels={"rig/ready": "false"})
    await work.running(1)
    await work.stays(1)


# -------------------------------------------------------------------------------------------------- edits and pauses


async def test_a_change_ends_the_jobs_of_the_one_before(work: Work) -> None:
    await work.add(2)
    before = await work.running(2)
    await work.edit(jobTargetRef={"ttlSecondsAfterFinished": 600})
    after = await work.until(lambda mine: len(mine) == 2 and names(mine).isdisjoint(names(before)))
    assert {one["metadata"]["annotations"]["scaledjob.keda.sh/generation"] for one in after} == {"2"}
    assert {one["spec"]["ttlSecondsAfterFinished"] for one in after} == {600}
    said = dict(await work.events("ScaledJobRolloutCleanupStarted", "ScaledJobRolloutCleanupCompleted"))
    assert said["ScaledJobRolloutCleanupCompleted"] == "Deleted 2 jobs of earlier generations"


async def test_a_gradual_rollout_lets_them_end(work: Work) -> None:
    await work.add(2, rollout={"strategy": "gradual"})
    before = await work.running(2)
    await work.edit(jobTargetRef={"ttlSecondsAfterFinished": 600})
    await work.polls(3)
    assert names(await work.running(2)) == names(before)
    work.queue(3)
    [new] = [one for one in await work.running(3) if one["metadata"]["name"] not in names(before)]
    assert new["spec"]["ttlSecondsAfterFinished"] == 600


async def test_the_old_name_of_a_rollout_wins_and_foreground_waits_for_the_pods(work: Work) -> None:
    await work.add(1, rolloutStrategy="immediate", rollout={"strategy": "gradual", "propagationPolicy": "foreground"})
    [before] = await work.running(1)
    await work.edit(jobTargetRef={"ttlSecondsAfterFinished": 600})
    await work.kube.gone(jobs(work.namespace, before["metadata"]["name"]), patience=60)
    await work.running(1)
    said = [reason for reason, _ in await work.events("ScaledJobRolloutCleanupCompleted")]
    assert said.count("ScaledJobRolloutCleanupStarted") == 1


async def test_a_pause_leaves_running_jobs_alone_and_makes_none(work: Work) -> None:
    await work.add(1)
    before = await work.running(1)
    await work.annotate({"autoscaling.keda.sh/paused": "true"})
    told = await work.told("Paused", "True", "ScaledJobPaused")
    assert told["status"]["Paused"] == "true"
    work.queue(3)
    await work.edit(jobTargetRef={"ttlSecondsAfterFinished": 600})
    await work.stays(1)
    assert names(await work.running(1)) == names(before)
    await work.annotate({"autoscaling.keda.sh/paused": None})
    await work.told("Paused", "False", "ScaledJobUnpaused")
    after = await work.running(3)
    assert names(after).isdisjoint(names(before)), "what was changed meanwhile is rolled out now"
    said = [reason for reason, _ in await work.events("ScaledJobPaused", "ScaledJobUnpaused")]
    assert said.index("ScaledJobPaused") < said.index("ScaledJobUnpaused")


async def test_nothing_is_written_while_nothing_happens(work: Work) -> None:
    await work.add(2)
    await work.running(2)
    await work.told("Active", "True")
    await work.events("KEDAJobsCreated")
    await work.polls(2)
    since = work.scene.cluster.mark()
    await work.polls(4)
    assert work.scene.writes(since=since) == []


# --------------------------------------------------------------------------------------------------------- trouble


async def test_a_source_that_fails_makes_nothing_and_is_told(work: Work) -> None:
    await work.add("error")
    told = await work.told("Ready", "False", "TriggerError")
    assert "s0-metric-api-value: " in condition(told, "Ready")[2]
    await work.stays(0)
    work.queue(1)
    await work.told("Ready", "True", "ScaledJobReady")
    await work.running(1)


async def test_a_manifest_that_cannot_work_is_refused_with_all_that_is_wrong(work: Work) -> None:
    await work.scene.add(scaled_job("work", {"type": "cpu", "metadata": {"value": "60"}}))
    told = await work.told("Ready", "False", "ScaledJobCheckFailed", "it makes no Jobs")
    assert condition(told, "Active") == ("Unknown", "UnknownState", "ScaledJob check failed")
    assert ("ScaledJobCheckFailed", condition(told, "Ready")[2]) in await work.events("ScaledJobCheckFailed")


async def test_a_job_that_the_api_server_refuses_is_told(work: Work) -> None:
    await work.add(1, jobTargetRef={"template": {"spec": {"containers": []}}})
    await work.told("Ready", "False", "ScaledJobCheckFailed", "spec.template.spec.containers")
    said = await work.events("KEDAJobCreateFailed")
    assert [reason for reason, _ in said].count("KEDAJobCreateFailed") == 1
    container = {"name": "main", "image": "none"}
    await work.edit(jobTargetRef={"template": {"spec": {"containers": [container]}}})
    await work.running(1)
    await work.told("Ready", "True", "ScaledJobReady")


async def test_the_environment_of_its_own_template(work: Work) -> None:
    """By way of a TriggerAuthentication, and named by a trigger itself."""
    async with guarded("user", "sesame") as source:
        main = {"name": "main", "image": "none", "env": [{"name": "KEY", "value": source.key}]}
        target = _with_containers({"name": "other", "image": "none"}, main)
        key = {"parameter": "apiKey", "name": "KEY", "containerName": "main"}
        await work.scene.add(authentication("auth", env=[key]))
        trigger = number(source.url, "1", authMode="apiKey", keyParamName="X-Key")
        trigger["authenticationRef"] = {"name": "auth"}
        await work.scene.add(scaled_job("work", trigger, jobTargetRef=target))
        await work.running(3)
        where = authentications(work.namespace, "auth")
        await work.kube.until(where, lambda found: found.get("status", {}).get("scaledjobs") == "work")
    connection = f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;QueueEndpoint={work.scene.source.url}/a;"
    main = {"name": "main", "image": "none", "env": [{"name": "CONNECTION", "value": connection}]}
    named = {"type": "azure-queue", "metadata": {"queueName": "q", "connectionFromEnv": "CONNECTION"}}
    other = scaled_job("other", named, jobTargetRef=_with_containers({"name": "x", "image": "none"}, main))
    await work.scene.add({**other, "spec": {**other["spec"], "envSourceContainerName": "main"}})
    await Work(work.scene, "other").told("Ready", "False", "TriggerError")


def _with_containers(*containers: Object) -> Object:
    return {"template": {"spec": {"containers": list(containers), "restartPolicy": "Never"}}}


async def test_what_is_deleted_goes_with_its_jobs_and_waits_for_nobody(work: Work) -> None:
    await work.add(2)
    made = await work.running(2)
    begun = time.monotonic()
    await work.kube.delete(scaled_jobs(work.namespace, "work"))
    await work.kube.gone(scaled_jobs(work.namespace, "work"))
    assert time.monotonic() - begun < 5
    for job in made:
        await work.kube.gone(jobs(work.namespace, job["metadata"]["name"]), patience=60)
    assert ("ScaledJobDeleted", "ScaledJob was deleted") in await work.events("ScaledJobDeleted")


async def test_what_is_only_observed_makes_nothing(work: Work) -> None:
    await work.add(3, annotations={"event-scaler.dev/mode": "observe"})
    await work.polls(3)
    await work.stays(0, 1.0)
    assert work.scene.writes() == []


# --------------------------------------------------------------------------------------- answers and watches that fail


class Daemon:
    """One that leads, without a line: tests tell it how long the queue is."""

    def __init__(self, cluster: KubernetesCluster, faults: Faults, told: Watched) -> None:
        self.cluster, self.faults, self.told, self.state = cluster, faults, told, State()

    async def round(self, queue: float) -> Decision:
        now = time.time()
        reading = Value(self.told.spec.goals[0].metric, queue, queue > 0, now)
        decision = decide(self.told.spec, await self.cluster.seen(self.told), (reading,), self.state, now)
        self.state = decision.state
        await self.cluster.apply(self.told, decision)
        return decision


@asynccontextmanager
async def daemon(plane: ControlPlane, namespace: str, told: Watched, name: str = "first") -> AsyncIterator[Daemon]:
    faults = Faults()
    async with FaultyApi(await access(plane.kubeconfig()), faults=faults) as api:
        claim = Claim(
            api,
            namespace,
            f"jobs-{name}",  # each leads: the one that has lost the other's Lease does not know it yet
            identity=name,
            terms=Terms(2.0, 1.5, 0.2),
            wall=time.time,
            steady=time.monotonic,
        )
        world = World(api, Scope((namespace,)))
        async with (
            KubernetesCluster(api, world, claim, time.time, version="0", instance=name) as cluster,
            cluster.leadership(),
        ):
            await cluster.seen(told)
            yield Daemon(cluster, faults, told)


@pytest.fixture
async def told(scene: Scene) -> Watched:
    """A ScaledJob that the shared daemon observes; five jobs at most."""
    await scene.add(scaled_job("work", annotations={"event-scaler.dev/mode": "observe"}))
    ref = Ref("ScaledJob", scene.namespace, "work")
    spec = Spec(
        str(ref),
        (Goal("s0-queue", 1.0),),
        maximum=5,
        mode=Mode.DIRECT,
        target_name="work",
        target_kind="batch/v1.Job",
        jobs=JobRules(),
    )
    return Watched(ref, spec, (), 1.0, ref, frozenset(), decide, generation=1)


async def test_a_lost_answer_makes_no_second_job(work: Work, told: Watched) -> None:
    async with daemon(work.scene.cluster, work.namespace, told) as served:
        served.faults.lost = True
        for _ in range(3):
            with pytest.raises(ClusterError, match="did not answer"):
                await served.round(5)
        served.faults.lost = False
        assert (await served.round(5)).create == 3
        assert (await served.round(5)).create == 0
        assert len(await work.running(5)) == 5


async def test_a_watch_that_is_behind_does_not_break_the_ceiling(work: Work, told: Watched) -> None:
    async with daemon(work.scene.cluster, work.namespace, told) as served:
        served.faults.heard.clear()
        assert [(await served.round(50)).create for _ in range(3)] == [5, 0, 0]
        served.faults.lost = True
        assert (await served.round(50)).create == 0
        assert len(await work.running(5)) == 5
        await work.end((await work.running(5))[0])
        assert (await served.round(50)).create == 0, "it has not heard of it"
        served.faults.heard.set()
        served.faults.lost = False
        await work.scene.daemon.until(lambda: _made(served, 50, 1), "it makes the one that is missing")
        assert len(await work.running(5)) == 5


async def _made(served: Daemon, queue: float, count: int) -> bool:
    return (await served.round(queue)).create == count


async def test_two_that_lead_at_once_make_each_job_once(work: Work, told: Watched) -> None:
    """The one from which leadership was taken, and the next one, whose watch is behind."""
    cluster, namespace = work.scene.cluster, work.namespace
    async with daemon(cluster, namespace, told) as first, daemon(cluster, namespace, told, "second") as second:
        await first.round(1)
        first.faults.heard.clear()
        second.faults.heard.clear()
        for _ in range(2):
            await first.round(4)
            await second.round(4)
        assert len(await work.running(4)) == 4
        await second.round(5)
        await first.round(5)
        assert len(await work.running(5)) == 5


async def test_a_manifest_that_is_refused_now_goes_on_as_it_was(work: Work, told: Watched) -> None:
    async with daemon(work.scene.cluster, work.namespace, told) as served:
        await served.round(1)
        [made] = await work.running(1)
        await work.edit(jobTargetRef={"template": {"spec": {"containers": [{"name": "changed", "image": "none"}]}}})
        await work.scene.daemon.until(lambda: _sees(served, 2), "the change is known")
        await served.round(2)
        found = await work.running(2)
        assert names([made]) < names(found), "nothing is rolled out"
        assert {one["spec"]["template"]["spec"]["containers"][0]["name"] for one in found} == {"main"}
        served.told = replace(told, generation=2)
        await work.scene.daemon.until(lambda: _made(served, 2, 2), "the old ones are gone, and new ones made")
        after = await work.until(lambda mine: len(mine) == 2 and names(mine).isdisjoint(names(found)))
        assert {one["spec"]["template"]["spec"]["containers"][0]["name"] for one in after} == {"changed"}


async def _sees(served: Daemon, generation: int) -> bool:
    manifest = await served.cluster.manifest(served.told.ref)
    return bool(manifest.body["metadata"]["generation"] == generation)

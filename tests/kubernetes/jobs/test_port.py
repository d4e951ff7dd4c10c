"""Seeing jobs and doing what was decided, over an API server in memory: what one round makes the next one counts,
whatever the watch and the answers do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from scaler.core.jobs import decide
from scaler.core.model import Decision, Jobs, State, Value
from scaler.errors import ClusterError, Forbidden, NotLeading, Terminating
from scaler.kubernetes.api import Request
from scaler.kubernetes.books import Books
from scaler.kubernetes.cache import Cache
from scaler.kubernetes.jobs.objects import JOB_LABEL
from scaler.kubernetes.jobs.port import AT_ONCE, MOST, ScaledJobs
from scaler.kubernetes.jobs.watching import JobWatches
from scaler.kubernetes.objects import Custom
from scaler.kubernetes.targets import Targets
from scaler.kubernetes.writer import Writer
from scaler.manifests.watched import Ref
from tests.kubernetes.fake_api import FakeApi
from tests.kubernetes.jobs.scene import (
    JOBS,
    NAMESPACE,
    OBJECT,
    PODS,
    REF,
    TEMPLATE,
    UID,
    job_manifest,
    observing,
    pod_manifest,
    watched,
)

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

EVENTS = "/apis/events.k8s.io/v1/namespaces/shop/events"
Json = dict[str, Any]


class Scene:
    """One ScaledJob and the daemon that serves it; `queue` is what its trigger says."""

    def __init__(self, api: FakeApi | None = None) -> None:
        self.api = api or FakeApi()
        self.cache, self.moved = Cache[Custom](), list[Ref]()
        self.watches = JobWatches(self.api, self.cache, (NAMESPACE,))
        self.books = Books(rate=1000)
        writer = Writer(
            self.api,
            Targets(self.api, {}, self.now),
            Cache(),
            {REF.kind: self.cache},
            self.books,
            instance="here",
            now=self.now,
        )
        self.jobs = ScaledJobs(self.api, self.watches, writer, self.moved.append, version="1")
        self.queue = 0.0
        self.state = State()
        self.told = watched()
        self.write()

    def now(self) -> float:
        return 1_700_000_000.0 + asyncio.get_event_loop().time()

    def write(self, generation: int = 1, image: str = "worker") -> None:
        """The ScaledJob, as its owner writes it; its status is kept beside it, as the API server in memory has it."""
        template = {"spec": {"containers": [{**TEMPLATE["spec"]["containers"][0], "image": image}]}}
        metadata = {"name": "orders", "namespace": NAMESPACE, "uid": UID, "generation": generation}
        held = self.cache.get(NAMESPACE, "orders")
        manifest = {"metadata": metadata, "spec": {"jobTargetRef": {"template": template}}}
        made = self.api.put(f"{OBJECT}/status", {**manifest, "status": held.status if held else {}})
        self.cache.put(msgspec.convert(made, Custom))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(one) for one in (self.watches.run(), self.books.run())]
        await asyncio.sleep(0.1)
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def round(self, *, fresh: bool = False) -> Decision:
        found = self.cache.get(NAMESPACE, "orders")
        assert found is not None
        reading = Value("s0-queue", self.queue, self.queue > 0, self.now())
        decision = decide(self.told.spec, await self.jobs.seen(self.told), (reading,), self.state, self.now())
        self.state = decision.state
        await self.jobs.apply(self.told, found, decision, fresh=fresh)
        await asyncio.sleep(0.5)
        return decision

    # ------------------------------------------------------------------------------------------------- what there is

    @property
    def there(self) -> dict[str, Json]:
        """The jobs that the API server has."""
        return {path.rpartition("/")[2]: one for path, one in self.api.objects.items() if path.startswith(JOBS)}

    @property
    def status(self) -> Json:
        found = self.cache.get(NAMESPACE, "orders")
        return found.status if found else {}

    @property
    def events(self) -> list[tuple[str, str]]:
        """In the order of their posting, without what is said of any object."""
        posted = (one for path, one in self.api.objects.items() if path.startswith(EVENTS))
        ordinary = ("KEDAScalersStarted", "ScaledJobReady", "ScaledJobActive", "ScaledJobInactive")
        return [(one["reason"], one["note"]) for one in posted if one["reason"] not in ordinary]

    def ends(self, name: str, how: str = "Complete", minute: str = "01") -> None:
        ended = job_manifest(name, ended=how, at=minute)["status"]
        self.api.put(f"{JOBS}/{name}", {**self.there[name], "status": ended})


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    made = Scene()
    async with made.running():
        yield made


async def test_as_many_as_the_queue_is_long_and_once(scene: Scene) -> None:
    scene.queue = 3
    assert (await scene.round()).create == 3
    assert (await scene.round()).create == 0
    assert len(scene.there) == 3
    assert scene.events == [("KEDAJobsCreated", "Created 3 jobs")]
    made = next(iter(scene.there.values()))
    assert made["spec"]["template"]["spec"]["containers"] == TEMPLATE["spec"]["containers"]


async def test_what_has_ended_makes_room(scene: Scene) -> None:
    scene.told, scene.queue = watched(maximum=2), 9
    await scene.round()
    for name in list(scene.there):
        scene.ends(name)
    await asyncio.sleep(0.1)
    assert (await scene.round()).create == 2
    assert len(scene.there) == 4


async def test_what_was_made_counts_while_the_watch_is_behind() -> None:
    """It hears nothing of jobs any more: what the answers said is enough."""
    scene = Scene()
    scene.told, scene.queue = watched(maximum=5), 50
    async with scene.running():
        await scene.watches.listed(pods=False)
        deaf(scene)
        assert [(await scene.round()).create for _ in range(3)] == [5, 0, 0]
    assert len(scene.there) == 5


def deaf(scene: Scene, but: AbstractSet[int] = frozenset()) -> None:
    for key, (path, _, events) in scene.api._watchers.items():
        if path == JOBS and key not in but:
            events.put_nowait = lambda item: None  # type: ignore[method-assign]  # a watch that is behind for good


async def test_a_lost_answer_is_no_second_job_also_while_the_watch_is_behind() -> None:
    scene = Scene()
    scene.told, scene.queue = watched(maximum=5), 3
    async with scene.running():
        await scene.watches.listed(pods=False)
        deaf(scene)
        scene.api.late = lose("POST", JOBS)
        for _ in range(3):
            with pytest.raises(ClusterError, match="did not answer"):
                await scene.round()
        scene.api.late = None
        await scene.round()
        await scene.round()
        assert len(scene.there) == 3
        assert scene.events == [
            ("KEDAJobCreateFailed", "Failed to create a job: the API server did not answer in 10 s"),
            ("KEDAJobsCreated", "Created 1 jobs"),
            ("KEDAJobsCreated", "Created 1 jobs"),
            ("KEDAJobsCreated", "Created 1 jobs"),
        ]


def lose(method: str, path: str) -> Callable[[Request], Any]:
    async def trouble(request: Request) -> None:
        if request.method == method and request.path.startswith(path):
            raise ClusterError("the API server did not answer in 10 s")

    return trouble


async def test_a_takeover_makes_nothing_again(scene: Scene) -> None:
    """Whoever leads next has heard only of some of the jobs, and thinks that all others are missing."""
    scene.told, scene.queue = watched(maximum=5), 2
    await scene.round()
    others = set(scene.api._watchers)
    other = Scene(scene.api.beside())
    other.told, other.queue = scene.told, 5
    async with other.running():
        await other.watches.listed(pods=False)
        deaf(other, but=others)
        scene.queue = 5
        await scene.round()
        assert (await other.round()).create == 3
        assert (await other.round()).create == 0
    assert len(scene.there) == 5


async def test_pending_jobs_are_seen_where_the_strategy_asks(scene: Scene) -> None:
    scene.told, scene.queue = watched(strategy="accurate"), 2
    found = scene.cache.get(NAMESPACE, "orders")
    assert found is not None
    heeds = msgspec.structs.replace(found, spec={**found.spec, "scalingStrategy": {"strategy": "accurate"}})
    scene.cache.put(
        msgspec.structs.replace(heeds, metadata=msgspec.structs.replace(found.metadata, resource_version="99999"))
    )
    await scene.round()
    assert (await scene.jobs.seen(scene.told)).jobs == Jobs(2, 2)
    first = next(iter(scene.there.values()))["metadata"]
    pod = pod_manifest("p", first["name"], "Running")
    pod["metadata"]["ownerReferences"][1]["uid"] = first["uid"]
    scene.api.put(f"{PODS}/p", pod)
    await asyncio.sleep(0.1)
    assert (await scene.jobs.seen(scene.told)).jobs == Jobs(2, 1)


async def test_a_refused_job_is_told_once_for_as_long_as_it_is_so(scene: Scene) -> None:
    scene.queue = 2

    async def quota(request: Request) -> None:
        if request.method == "POST" and request.path == JOBS:
            raise Forbidden("exceeded quota")

    scene.api.trouble = quota
    for _ in range(3):
        with pytest.raises(Forbidden, match="exceeded quota"):
            await scene.round()
        await asyncio.sleep(0.5)
    assert scene.events == [("KEDAJobCreateFailed", "Failed to create a job: exceeded quota")]
    scene.api.trouble = None
    await scene.round()
    assert scene.events[1:] == [("KEDAJobsCreated", "Created 2 jobs")]


async def test_a_quota_frees_itself(scene: Scene) -> None:
    """What has ended counts for it, too: it is deleted, and the status written, though nothing can be made."""
    scene.told, scene.queue = watched(succeeded=0), 2
    await scene.round()
    for name in list(scene.there):
        scene.ends(name)
    await asyncio.sleep(0.1)

    async def quota(request: Request) -> None:
        if request.method == "POST" and request.path == JOBS and len(scene.there) >= 2:
            raise Forbidden("exceeded quota: count/jobs.batch")

    scene.api.trouble = quota
    scene.told = replace(scene.told, authentications=("secret",))
    with pytest.raises(Forbidden, match="exceeded quota"):
        await scene.round()
    await asyncio.sleep(0.5)
    assert scene.there == {}
    assert scene.status["authenticationsTypes"] == "secret"
    await scene.round()
    assert len(scene.there) == 2


@pytest.mark.parametrize("problem", [NotLeading("the lease is lost"), Terminating("the namespace goes")])
async def test_what_ends_the_round_takes_no_further_step(scene: Scene, problem: ClusterError) -> None:
    scene.queue = 2

    async def trouble(request: Request) -> None:
        if request.method == "POST" and request.path == JOBS:
            raise problem

    scene.api.trouble = trouble
    with pytest.raises(type(problem)):
        await scene.round()
    await asyncio.sleep(0.5)
    assert scene.status == {}


async def test_who_does_not_lead_any_more_says_nothing(scene: Scene) -> None:
    scene.queue = 2

    def fence() -> None:
        raise NotLeading("the lease is lost")

    jobs = ScaledJobs(scene.api.fenced(fence), scene.watches, scene.jobs._writer, scene.moved.append, version="1")
    scene.jobs = jobs
    with pytest.raises(NotLeading):
        await scene.round()
    await asyncio.sleep(0.5)
    assert (scene.there, scene.events) == ({}, [])


async def test_a_rollout(scene: Scene) -> None:
    scene.queue = 2
    await scene.round()
    before = set(scene.there)
    scene.write(generation=2, image="newer")
    scene.told = watched(generation=2)
    await scene.round()
    assert not scene.there, "the decision still counted them"
    assert scene.moved == [REF], "so that it is looked again at once"
    await scene.round()
    assert len(scene.there) == 2
    assert before.isdisjoint(scene.there)
    images = {one["spec"]["template"]["spec"]["containers"][0]["image"] for one in scene.there.values()}
    assert images == {"newer"}
    assert scene.events == [
        ("KEDAJobsCreated", "Created 2 jobs"),
        ("ScaledJobRolloutCleanupStarted", "Deleting 2 jobs of earlier generations"),
        ("ScaledJobRolloutCleanupCompleted", "Deleted 2 jobs of earlier generations"),
        ("KEDAJobsCreated", "Created 2 jobs"),
    ]


@pytest.mark.parametrize(("foreground", "policy"), [(False, "Background"), (True, "Foreground")])
async def test_how_a_rollout_deletes(scene: Scene, foreground: bool, policy: str) -> None:
    scene.queue = 1
    await scene.round()
    scene.write(generation=2)
    scene.told = watched(generation=2, foreground=foreground)
    await scene.round()
    [deleted] = [one.body for one in scene.api.requests if one.method == "DELETE"]
    assert deleted["propagationPolicy"] == policy
    assert deleted["preconditions"]["uid"]


async def test_a_rollout_that_fails(scene: Scene) -> None:
    scene.queue = 1
    await scene.round()
    scene.write(generation=2)
    scene.told = watched(generation=2)
    scene.api.trouble = lose("DELETE", JOBS)
    with pytest.raises(ClusterError):
        await scene.round()
    await asyncio.sleep(0.5)
    assert scene.events[1:] == [
        ("ScaledJobRolloutCleanupStarted", "Deleting 1 jobs of earlier generations"),
        (
            "ScaledJobRolloutCleanupFailed",
            "Failed to delete 1 jobs of earlier generations: the API server did not answer in 10 s",
        ),
    ]


async def test_a_rollout_that_is_tried_again_begins_and_ends_once(scene: Scene) -> None:
    scene.queue = 1
    await scene.round()
    scene.write(generation=2)
    scene.told = watched(generation=2)
    scene.api.trouble = lose("DELETE", JOBS)
    for _ in range(3):
        with pytest.raises(ClusterError):
            await scene.round()
        await asyncio.sleep(0.5)
    scene.api.trouble, scene.queue = None, 0
    await scene.round()
    await scene.round()
    assert [reason for reason, _ in scene.events[1:]] == [
        "ScaledJobRolloutCleanupStarted",
        "ScaledJobRolloutCleanupFailed",
        "ScaledJobRolloutCleanupCompleted",
    ]


async def test_a_large_rollout_takes_several_rounds(scene: Scene) -> None:
    scene.write(generation=2)
    scene.told = watched(generation=2)
    for number in range(MOST + 50):
        scene.api.put(f"{JOBS}/old-{number}", job_manifest(f"old-{number}"))
    await scene.watches.listed(pods=False)
    await asyncio.sleep(0.5)
    await scene.round()
    assert (len(scene.there), scene.moved) == (50, [REF])
    await scene.round()
    assert (len(scene.there), scene.moved) == (0, [REF, REF])
    assert scene.events == [
        ("ScaledJobRolloutCleanupStarted", f"Deleting {MOST + 50} jobs of earlier generations"),
        ("ScaledJobRolloutCleanupCompleted", f"Deleted {MOST + 50} jobs of earlier generations"),
    ]


async def test_deletions_leave_places_for_others(scene: Scene) -> None:
    """Whichever ScaledJobs they are of."""
    found = scene.cache.get(NAMESPACE, "orders")
    assert found is not None
    scene.told = watched(succeeded=0)
    scene.api.put(f"{OBJECT.replace('orders', 'bills')}/status", {})
    for name in ("orders", "bills"):
        for number in range(20):
            one = job_manifest(f"{name}-{number}", ended="Complete", owner=name)
            one["metadata"]["labels"][JOB_LABEL] = name
            scene.api.put(f"{JOBS}/{name}-{number}", one)
    await scene.watches.listed(pods=False)
    await asyncio.sleep(0.5)
    under_way = most = 0

    async def slow(request: Request) -> None:
        nonlocal under_way, most
        if request.method == "DELETE":
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(1)
            under_way -= 1

    scene.api.trouble = slow
    bills = replace(scene.told, ref=Ref(REF.kind, NAMESPACE, "bills"))
    decision = decide(scene.told.spec, await scene.jobs.seen(scene.told), (), State(), scene.now())
    await asyncio.gather(*(scene.jobs.apply(one, found, decision, fresh=False) for one in (scene.told, bills)))
    assert (scene.there, most) == ({}, AT_ONCE)


async def test_a_new_term_begins_with_what_is_seen(scene: Scene) -> None:
    """Of a number whose answer was lost in an earlier one, another leader may have made the job."""
    scene.queue = 1
    scene.api.trouble = lose("POST", JOBS)
    with pytest.raises(ClusterError):
        await scene.round()
    scene.api.trouble = None
    await scene.watches.listed(pods=False)
    deaf(scene)
    scene.jobs.begin()
    other = Scene(scene.api.beside())
    other.queue = 1
    async with other.running():
        await other.watches.listed(pods=False)
        await other.round()
        await scene.round()
    assert len(scene.there) == 1
    assert [note for _, note in scene.events].count("Created 1 jobs") == 1


async def test_jobs_are_made_of_what_was_bound_last(scene: Scene) -> None:
    """While the newest manifest is refused, what was bound before goes on."""
    await scene.round()
    scene.write(generation=2, image="broken")
    scene.queue = 1
    await scene.round()
    [made] = scene.there.values()
    assert made["spec"]["template"]["spec"]["containers"][0]["image"] == "worker"
    assert made["metadata"]["annotations"]["scaledjob.keda.sh/generation"] == "1"


async def test_history(scene: Scene) -> None:
    scene.told, scene.queue = watched(succeeded=1, failed=0), 4
    await scene.round()
    names = list(scene.there)
    scene.ends(names[0], "Complete", "02")
    scene.ends(names[1], "Complete", "01")
    scene.ends(names[2], "Failed", "03")
    scene.queue = 0
    await asyncio.sleep(0.1)
    await scene.round()
    assert set(scene.there) == {names[0], names[3]}


async def test_a_history_that_cannot_be_cut_is_said_once(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.told, scene.queue = watched(succeeded=0), 1
    await scene.round()
    scene.ends(*scene.there)
    scene.queue = 0
    scene.api.trouble = lose("DELETE", JOBS)
    await asyncio.sleep(0.1)
    for _ in range(3):
        await scene.round()
    assert [record.message for record in caplog.records] == [
        "jobs that have ended could not be deleted: the API server did not answer in 10 s"
    ]
    scene.api.trouble = None
    await scene.round()
    assert scene.there == {}


async def test_statuses_are_written_when_they_change(scene: Scene) -> None:
    await scene.round()
    assert scene.status["externalMetricNames"] == ["s0-queue"]
    writes = len(scene.api.writes)
    for _ in range(5):
        await scene.round()
    assert len(scene.api.writes) == writes


async def test_observing_writes_nothing(scene: Scene) -> None:
    scene.told, scene.queue = observing(watched()), 5
    assert (await scene.round()).create == 5
    assert scene.api.writes == []


async def test_jobs_that_cannot_be_seen_are_an_error_and_make_nothing() -> None:
    scene = Scene()
    scene.queue, scene.api.watchable = 5, False
    async with scene.running():
        with pytest.raises(ClusterError, match="cannot be seen"):
            await scene.round()
    assert scene.there == {}


async def test_what_is_gone_is_forgotten(scene: Scene) -> None:
    scene.queue = 1
    await scene.round()
    found = scene.cache.get(NAMESPACE, "orders")
    assert found is not None
    scene.jobs.forget(REF, found.metadata)
    assert (await scene.round()).create == 0

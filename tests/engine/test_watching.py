"""What is watched: the newest manifest wins, the old binding goes on, what cannot be bound is tried again when it may
help, and readiness."""

import asyncio
from dataclasses import replace

import pytest

from scaler.core.model import ConditionType
from scaler.engine.cluster import Changed, Gone, Poked, Synced, Touched
from scaler.errors import CredentialError, GivenError, ManifestError
from scaler.manifests.watched import Manifest, Ref
from tests.engine.scene import Scene, ref, scene, trigger
from tests.engine.sources import Batch, Server

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

SECRET = Ref("Secret", "default", "login")


def edit(stage: Scene, name: str) -> None:
    stage.cluster.changes.put_nowait(Changed(Manifest(ref(name), {})))


async def test_where_a_new_manifest_cannot_be_bound_the_old_binding_goes_on() -> None:
    server = Server(answers={"q": 20})
    async with scene() as stage:
        stage.add("a", trigger(Batch(server=server), "q"))
        await stage.settled()
        stage.bindings["a"] = ManifestError({"spec.maxReplicaCount": "must be at least 1"})
        edit(stage, "a")
        await stage.settled()
        assert stage.cluster.reported == [(ref("a"), "spec.maxReplicaCount: must be at least 1")]
        server.answers["q"] = 40
        await stage.settled(10)
        await stage.ring()
        assert stage.replicas("a") == 4


async def test_an_older_binding_that_goes_on_says_so_until_the_manifest_is_mended() -> None:
    """Round after round: who edited the object waits for a word, and Ready must not take it back."""
    async with scene() as stage:
        first = stage.add("a", trigger(Batch(server=Server(answers={"q": 10})), "q"))
        await stage.settled()
        stage.bindings["a"] = ManifestError({"spec.triggers[0].type": "is not known here"})
        edit(stage, "a")
        for _ in range(3):
            await stage.settled(10)
            await stage.ring()
        assert _ready(stage) == ("False", "ScaledObjectCheckFailed", "spec.triggers[0].type: is not known here")
        entry = stage.board.get(ref("a"))
        assert entry is not None
        assert entry.problem == "spec.triggers[0].type: is not known here"
        stage.bindings["a"] = replace(first)
        edit(stage, "a")
        await stage.settled()
        assert _ready(stage)[0] == "True"
        assert entry.problem == ""


def _ready(stage: Scene) -> tuple[str, str, str]:
    """What was applied last."""
    found = next(one for one in stage.cluster.applied[-1].conditions if one.type is ConditionType.READY)
    return found.status, found.reason, found.message


async def test_a_slow_bind_never_overtakes_a_later_one_of_the_same_manifest() -> None:
    """Something it was bound from was touched meanwhile: what the slow one has read is old."""
    async with scene() as stage:
        old = stage.add("a", trigger(Batch(server=Server(answers={"q": 10})), "q"), refs=(SECRET,), maximum=1)
        slow, bind = asyncio.Event(), stage.bind

        async def waiting(manifest: Manifest) -> object:
            made = await bind(manifest)
            if len(stage.binds) == 1:
                await slow.wait()
                return old
            return made

        stage.bind = waiting  # type: ignore[method-assign, assignment]  # the first bind takes its time
        await stage.settled()
        stage.bindings["a"] = newer = replace(old, spec=replace(old.spec, maximum=2))
        stage.cluster.changes.put_nowait(Touched(SECRET))
        await stage.settled()
        slow.set()
        await stage.settled()
        entry = stage.board.get(ref("a"))
        assert entry is not None
        assert entry.watched == newer


async def test_a_poked_object_is_looked_at_now() -> None:
    async with scene() as stage:
        stage.add("a", trigger(Batch(server=Server(answers={"q": 10})), "q"))
        await stage.settled()
        rounds = len(stage.cluster.applied)
        stage.cluster.changes.put_nowait(Poked(ref("a")))
        stage.cluster.changes.put_nowait(Poked(ref("unknown")))
        await stage.settled()
        assert len(stage.cluster.applied) == rounds + 1
        assert stage.binds == ["a"]


async def test_a_wrong_manifest_waits_for_an_edit() -> None:
    async with scene() as stage:
        stage.add("a", trigger(Batch(), "q"))
        stage.bindings["a"] = ManifestError({"spec": "is wrong"})
        await stage.settled(300)
        assert stage.binds == ["a"]


async def test_a_missing_credential_is_looked_for_again_more_and_more_slowly() -> None:
    await _looked_for_again(CredentialError("there is no Secret login"))


async def test_a_wrong_value_that_was_referred_to_is_looked_at_again() -> None:
    """What holds it is not watched before anything is bound from it."""
    await _looked_for_again(GivenError({"spec.triggers[0].authenticationRef.connection": "cannot be read"}))


async def _looked_for_again(problem: Exception) -> None:
    server = Server(answers={"q": 10})
    async with scene() as stage:
        made = stage.add("a", trigger(Batch(server=server), "q"))
        stage.bindings["a"] = problem
        counts = []
        for wait in (1, 5, 15, 60, 60):
            await stage.settled(wait)
            counts.append(len(stage.binds))
        assert counts == [1, 2, 3, 4, 5]
        assert len(stage.cluster.reported) == 1, "said once"
        stage.bindings["a"] = made
        await stage.settled(61)
        assert stage.replicas("a") == 1


async def test_what_appears_is_tried_at_once() -> None:
    async with scene() as stage:
        made = stage.add("a", trigger(Batch(server=Server(answers={"q": 10})), "q"))
        stage.bindings["a"] = CredentialError("there is no Secret login")
        await stage.settled(1)
        stage.bindings["a"] = made
        stage.cluster.changes.put_nowait(Touched(SECRET))
        await stage.settled(1)
        assert stage.replicas("a") == 1
        await stage.settled(100)
        assert len(stage.binds) == 2, "the timer of the refusal is off"


@pytest.mark.parametrize(
    ("refs", "touched", "again"),
    [
        ((SECRET,), SECRET, True),
        ((SECRET,), Ref("Secret", "default", "other"), False),
        ((Ref("Secret", "default", ""),), SECRET, True),
        ((Ref("Secret", "other", ""),), SECRET, False),
        ((), SECRET, False),
    ],
)
async def test_only_what_was_bound_from_it_is_bound_again(refs: tuple[Ref, ...], touched: Ref, again: bool) -> None:
    async with scene() as stage:
        stage.add("a", trigger(Batch(server=Server(answers={"q": 10})), "q"), refs=refs)
        await stage.settled()
        stage.cluster.changes.put_nowait(Touched(touched))
        await stage.settled()
        assert len(stage.binds) == (2 if again else 1)


async def test_the_newest_manifest_wins_however_long_binding_takes() -> None:
    async with scene() as stage:
        first = stage.add("a", trigger(Batch(server=Server(answers={"q": 10})), "q"), maximum=1)
        slow = asyncio.Event()
        bind = stage.bind

        async def waiting(manifest: Manifest) -> object:
            made = await bind(manifest)
            if len(stage.binds) == 1:
                await slow.wait()
            return made

        stage.bind = waiting  # type: ignore[method-assign, assignment]  # the first bind takes its time
        await stage.settled()
        newer = stage.add("a", *first.triggers, maximum=2)
        await stage.settled()
        slow.set()
        await stage.settled()
        entry = stage.board.get(ref("a"))
        assert entry is not None
        assert entry.watched == newer


async def test_a_bug_in_binding_is_that_objects_fault() -> None:
    async with scene() as stage:
        stage.add("bad", trigger(Batch(), "q"))
        stage.bindings["bad"] = RuntimeError("a bug")
        stage.add("good", trigger(Batch(server=Server(answers={"q": 10})), "q"))
        await stage.settled()
        assert stage.replicas("good") == 1
        [(where, words)] = stage.cluster.reported
        assert (where, "RuntimeError" in words) == (ref("bad"), True)


async def test_an_object_that_goes_is_not_tried_again() -> None:
    async with scene() as stage:
        stage.add("a", trigger(Batch(), "q"))
        stage.bindings["a"] = CredentialError("there is no Secret login")
        await stage.settled(1)
        stage.cluster.changes.put_nowait(Gone(ref("a")))
        await stage.settled(100)
        assert stage.binds == ["a"]


async def test_ready_is_when_everything_of_the_start_was_bound_or_refused() -> None:
    async with scene() as stage:
        assert stage.loop.unready() == "the manifests have not been read yet"
        stage.add("a", trigger(Batch(), "q"))
        stage.add("b", trigger(Batch(), "q"))
        stage.bindings["b"] = ManifestError({"spec": "is wrong"})
        stage.cluster.changes.put_nowait(Synced())
        await asyncio.wait_for(stage.loop.ready(), 5)
        assert stage.loop.unready() == ""


async def test_what_objects_are_bound_from_that_no_cluster_watches() -> None:
    """Stores of credentials are not the cluster's: who asks them says what has changed, and hears what is in use."""
    store = Ref("Store", "", "vault/1")
    async with scene() as stage:
        stage.add("a", trigger(Batch(server=Server(answers={"q": 10})), "q"), refs=[store, SECRET])
        stage.add("b", trigger(Batch(server=Server(answers={"q": 10})), "q"), refs=[SECRET])
        await stage.settled()
        assert stage.loop.used("Store") == {"vault/1"}
        stage.binds.clear()
        stage.loop.touched(store)
        stage.loop.touched(Ref("Store", "", "vault/2"))
        await stage.settled()
        assert stage.binds == ["a"]
        stage.cluster.changes.put_nowait(Gone(ref("a")))
        await stage.settled()
        assert stage.loop.used("Store") == set()
    stage.loop.touched(store)

"""The Jobs of a ScaledJob with real processes: made, kept, rolled out, ended. One Job by itself is test_job's, what
becomes of them when a daemon ends is test_batches'."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from scaler.core.model import Jobs, Mode
from scaler.engine.cluster import Poked
from scaler.errors import ClusterError, NotFound
from scaler.manifests.bind import bind
from scaler.manifests.watched import Manifest
from tests.standalone.jobs.scene import BINDING, REF, decision, scaled_job, serving_jobs
from tests.standalone.scene import alive, until, write

pytestmark = pytest.mark.usefixtures("unblocked", "nothing_left")

PAUSED = {"autoscaling.keda.sh/paused": "true"}
OTHER = "exec sleep 1000"


# -------------------------------------------------------------------------------------------------------------- making


async def test_as_many_as_are_decided_run_and_end_and_others_follow(folder: Path) -> None:
    async with serving_jobs(folder) as scene:
        assert (await scene.target()).jobs == Jobs(0, 0)
        await scene.make(5)
        target = await scene.sees(5)
        assert (target.wanted, target.exists, target.ready) == (5, 5, 5)
        await until(lambda: sorted(scene.started()) == [f"orders-{number}" for number in range(1, 6)])
        scene.finish()
        await scene.sees(0)
        await scene.counts(running=0, pending=0, complete=5, failed=0)
        await scene.make(1)
        await scene.counts(complete=6)
        assert scene.started()[5:] == ["orders-6"]


async def test_the_same_decision_again_makes_no_more(folder: Path) -> None:
    """Whether its Jobs still run or not."""
    async with serving_jobs(folder) as scene:
        made = decision(0, 2, at=17.0)
        await scene.apply(made)
        await scene.apply(made)
        await scene.sees(2)
        scene.finish()
        await scene.sees(0)
        await scene.apply(made)
        await scene.counts(running=0, complete=2)
        assert len(await asyncio.to_thread(scene.started)) == 2


async def test_never_more_than_there_should_be_then(folder: Path) -> None:
    """A decision that was made before the Jobs of another one were."""
    async with serving_jobs(folder) as scene:
        await scene.apply(decision(0, 3, at=17.0))
        await scene.apply(decision(0, 4, at=18.0))
        assert (await scene.target()).jobs == Jobs(4, 0)


async def test_observing_makes_nothing(folder: Path) -> None:
    async with serving_jobs(folder) as scene:
        await scene.apply(decision(0, 3), mode=Mode.OBSERVE)
        assert (await scene.target()).exists == 0


async def test_a_job_is_on_the_disk_before_it_runs(folder: Path) -> None:
    look = "grep -c '\"number\":[1-3],' .scaler/state.json > seen.$EVENT_SCALER_WORKER"
    write(folder, "job.yaml", scaled_job(["sh", "-c", look]))
    async with serving_jobs(folder) as scene:
        await scene.make(3)
        await scene.counts(complete=3)
    assert [(folder / f"seen.orders-{number}").read_text() for number in (1, 2, 3)] == ["1\n"] * 3


async def test_without_the_disk_no_job_is_made(folder: Path) -> None:
    async with serving_jobs(folder) as scene:
        (folder / ".scaler" / "state.json.new").mkdir()
        with pytest.raises(ClusterError, match="no job is made, because the state file cannot be written"):
            await scene.make(2)
        assert (await scene.target()).exists == 0
        (folder / ".scaler" / "state.json.new").rmdir()
        await scene.make(1)
        await until(lambda: scene.started() == ["orders-3"])


async def test_what_cannot_be_started_is_pending_and_said_until_it_can(folder: Path) -> None:
    write(folder, "job.yaml", scaled_job(["no-such-program"]))
    async with serving_jobs(folder) as scene:
        sentence = (
            "a job of ScaledJob orders cannot be started: spec.jobTargetRef.template.spec.containers[0].command: "
            "there is no program 'no-such-program'"
        )
        for _ in range(2):
            with pytest.raises(ClusterError) as error:
                await scene.apply(decision(0, 1, at=17.0))
            assert str(error.value) == sentence
        await scene.sees(1, pending=1)
        write(folder, "no-such-program", "#!/bin/sh")
        (folder / "no-such-program").chmod(0o700)
        await scene.change(scaled_job(["./no-such-program"]))
        await scene.sees(0)
        await scene.apply(decision(0, 1, at=18.0))
        await scene.counts(complete=1)


async def test_a_secret_that_is_missing_and_comes(folder: Path) -> None:
    write(folder, "job.yaml", scaled_job(container_envFrom=[{"secretRef": {"name": "secret"}}]))
    async with serving_jobs(folder, rests=(1000.0,)) as scene:
        with pytest.raises(ClusterError, match="there is no Secret secret in the folder"):
            await scene.make(1)
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "secret"}, "stringData": {"a": "b"}}
        write(folder, "secret.yaml", secret)
        await until(lambda: scene.started() == ["orders-1"])


async def test_a_manifest_that_cannot_be_run_leaves_its_jobs_alone(folder: Path) -> None:
    async with serving_jobs(folder) as scene:
        await scene.make(1)
        await until(scene.started)
        await scene.change(scaled_job(pod_restartPolicy="Always"), apply=False)
        with pytest.raises(ClusterError, match=r"restartPolicy: must be OnFailure or Never"):
            await scene.make(1)
        assert list(await asyncio.to_thread(scene.processes)) == ["orders-1"]
        await scene.change(scaled_job())
        assert (await scene.target()).jobs == Jobs(1, 0)


async def test_a_scaled_job_that_is_not_there(tmp_path: Path) -> None:
    bound = await bind(Manifest(REF, scaled_job()), BINDING)
    async with serving_jobs(tmp_path) as scene:
        with pytest.raises(NotFound, match="there is no ScaledJob orders in the folder"):
            await scene.scene.cluster.seen(bound)


# ------------------------------------------------------------------------------------------------------------- history


async def test_only_the_latest_are_kept(folder: Path) -> None:
    async with serving_jobs(folder) as scene:
        await asyncio.to_thread(scene.finish)
        for _ in range(4):
            await scene.make(1)
            await scene.sees(0)
        await scene.change(scaled_job(["false"], backoffLimit=0))
        for _ in range(3):
            await scene.make(1)
            await scene.sees(0)
        assert await asyncio.to_thread(scene.left) == [f"default.orders-{number}" for number in range(1, 8)]
        await scene.change(scaled_job(spec_successfulJobsHistoryLimit=2, spec_failedJobsHistoryLimit=1))
        await scene.counts(complete=2, failed=1)
        await until(lambda: scene.left() == [f"default.orders-{number}" for number in (3, 4, 7)])
    assert [one["number"] for one in scene.recorded()] == [3, 4, 7]


async def test_a_job_is_kept_no_longer_than_it_says(folder: Path) -> None:
    write(folder, "job.yaml", scaled_job(["true"], ttlSecondsAfterFinished=0))
    async with serving_jobs(folder) as scene:
        await scene.make(2)
        await scene.sees(0)
        assert await asyncio.to_thread(scene.left) == ["default.orders-1", "default.orders-2"]
        await scene.make(0)
        await until(lambda: not scene.left())


# ------------------------------------------------------------------------------------------------------------- rollout


@pytest.mark.parametrize("gradual", [{"rollout": {"strategy": "gradual"}}, {"rolloutStrategy": "gradual"}, None])
async def test_a_change_ends_the_jobs_unless_they_may_end(folder: Path, gradual: dict[str, object] | None) -> None:
    async with serving_jobs(folder) as scene:
        await scene.make(2)
        await until(lambda: len(scene.started()) == 2)
        changed: dict[str, Any] = {f"spec_{key}": value for key, value in (gradual or {}).items()}
        await scene.change(scaled_job(["sh", "-c", OTHER], **changed))
        if gradual:
            assert (await scene.target()).jobs == Jobs(2, 0)
            scene.finish()  # in the way that their own template says
            await scene.counts(running=0, complete=2)
        else:
            await scene.sees(0)
            await until(lambda: not scene.processes())
            await until(lambda: not scene.left() and not scene.recorded())
        assert scene.scene.changes.count(Poked(REF)) == (0 if gradual else 1)
        await scene.make(1)
        assert (await scene.target()).jobs == Jobs(1, 0)
        assert len(await asyncio.to_thread(scene.started)) == 2


async def test_what_is_ended_in_the_foreground_counts_until_it_is_gone(folder: Path) -> None:
    slowly = ["sh", "-c", f"trap 'while ! [ -e finish ]; do sleep 0.02; done; exit 1' TERM; echo up > started; {WAIT}"]
    write(folder, "job.yaml", scaled_job(slowly))
    async with serving_jobs(folder) as scene:
        await scene.make(1)
        await until(scene.started)
        await scene.change(scaled_job(spec_rollout={"propagationPolicy": "foreground"}))
        assert (await scene.target()).jobs == Jobs(1, 0)
        await until(lambda: scene.scene.changes.count(Poked(REF)) == 1)
        scene.finish()
        await scene.sees(0)
        await until(lambda: scene.scene.changes.count(Poked(REF)) == 2)


WAIT = "while true; do sleep 0.02; done"


async def test_a_pause_holds_the_rollout_back(folder: Path) -> None:
    async with serving_jobs(folder) as scene:
        await scene.make(1)
        await until(scene.started)
        await scene.change(scaled_job(annotations=PAUSED, spec_pollingInterval=7))
        assert (await scene.target()).jobs == Jobs(1, 0)
        await scene.change(scaled_job(spec_pollingInterval=7))
        await scene.sees(0)


async def test_what_could_not_be_bound_changes_nothing(folder: Path) -> None:
    """The engine goes on with what was bound before: its Jobs, too, and others are made as it says."""
    async with serving_jobs(folder) as scene:
        await scene.make(1)
        before = await scene.bound()
        await scene.change(scaled_job(["false"]), apply=False)
        await scene.scene.cluster.apply(before, decision(1, 1))
        await until(lambda: scene.started() == ["orders-1", "orders-2"])
        assert (await scene.target()).jobs == Jobs(2, 0)


async def test_a_pause_alone_changes_nothing(folder: Path) -> None:
    async with serving_jobs(folder) as scene:
        await scene.make(1)
        await until(scene.started)
        for notes in (PAUSED, {}):
            await scene.change(scaled_job(annotations=notes))
        assert (await scene.target()).jobs == Jobs(1, 0)


# ------------------------------------------------------------------------------------------------------------ deletion


async def test_the_jobs_of_a_scaled_job_that_is_gone_are_ended(folder: Path) -> None:
    async with serving_jobs(folder) as scene:
        scene.finish()
        await scene.make(1)
        await scene.counts(complete=1)
        (folder / "finish").unlink()
        await scene.make(2)
        await until(lambda: len(scene.started()) == 3)
        pids = (await asyncio.to_thread(scene.processes)).values()
        (folder / "job.yaml").unlink()
        await until(lambda: not any(alive(pid) for pid in pids))
        with pytest.raises(NotFound):
            await scene.when(lambda target: False)
        await until(lambda: not scene.left())
        await until(lambda: str(REF) not in scene.scene.saved("state.json")["jobs"])
        write(folder, "job.yaml", scaled_job())
        await until(lambda: len(scene.scene.changes) == 3)
        await scene.make(1)
        await until(lambda: scene.started()[3:] == ["orders-1"])


async def test_a_job_does_not_take_what_another_one_of_its_name_left_for_its_own(folder: Path) -> None:
    """Its ScaledJob went while the disk was full, so that the folders of its Jobs stayed, and came back."""
    async with serving_jobs(folder) as scene:
        scene.finish()
        await scene.make(1)
        await scene.counts(complete=1)
        (folder / ".scaler" / "state.json.new").mkdir()
        (folder / "job.yaml").unlink()
        await until(lambda: len(scene.scene.changes) == 2)
        with pytest.raises(NotFound):
            await scene.target()
        assert await asyncio.to_thread(scene.left) == ["default.orders-1"]
        (folder / ".scaler" / "state.json.new").rmdir()
        write(folder, "job.yaml", scaled_job())
        await until(lambda: len(scene.scene.changes) == 3)
        await scene.make(1)
        await scene.sees(0)
        assert await asyncio.to_thread(scene.started) == ["orders-1"] * 2


async def test_a_file_that_cannot_be_read_ends_nothing(folder: Path) -> None:
    async with serving_jobs(folder) as scene:
        await scene.make(1)
        await until(scene.started)
        (folder / "job.yaml").write_text("a: b: c")
        await until(lambda: scene.scene.saved("status.json")["files"])
        assert (await scene.target()).jobs == Jobs(1, 0)


async def test_no_secret_gets_into_the_files(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"password": "hush-5a"}}
    write(folder, "secret.yaml", secret)
    env = [{"secretRef": {"name": "s"}}]
    write(folder, "job.yaml", scaled_job(["sh", "-c", "[ $password = $0 ]", "$(password)"], container_envFrom=env))
    async with serving_jobs(folder) as scene:
        await scene.make(1)
        await scene.counts(complete=1)
    files = [path for path in (folder / ".scaler").rglob("*") if path.is_file()]
    shown = [caplog.text, json.dumps(scene.recorded()), *(path.read_text() for path in files)]
    assert not [text for text in shown if "hush-5a" in text]

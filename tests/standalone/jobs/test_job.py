"""One Job with real processes: how often its processes are started, how its end is judged."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from scaler.core.model import Jobs
from tests.standalone.jobs.scene import JobScene, scaled_job, serving_jobs
from tests.standalone.scene import alive, until, write

pytestmark = pytest.mark.usefixtures("unblocked", "nothing_left")


def job(folder: Path, script: str, **more: Any) -> None:
    begin = 'echo "$EVENT_SCALER_WORKER" >> started; '
    write(folder, "job.yaml", scaled_job(["sh", "-c", begin + script], **more))


def ended(scene: JobScene) -> list[tuple[str, str]]:
    return [(one["outcome"], one["reason"]) for one in scene.recorded()]


async def over(scene: JobScene) -> list[tuple[str, str]]:
    """How the Jobs that were made ended, when all have."""
    await scene.sees(0)
    await until(lambda: all(outcome for outcome, _ in ended(scene)))
    return ended(scene)


# --------------------------------------------------------------------------------------------------------- one process


async def test_its_process_has_a_name_a_log_and_the_environment(tmp_path: Path) -> None:
    say = 'echo "$EVENT_SCALER_WORKER $EVENT_SCALER_JOB $HOSTNAME $ROLE $PWD"; echo err >&2'
    env = [{"name": "ROLE", "value": "worker"}, {"name": "odd.name", "value": "1"}]
    write(tmp_path, "job.yaml", scaled_job(["sh", "-c", say], container_env=env))
    async with serving_jobs(tmp_path) as scene:
        await scene.make(1)
        await scene.sees(0)
    log = (tmp_path / ".scaler" / "jobs" / "default.orders-1" / "0.log").read_text()
    assert log.splitlines() == [f"orders-1 default/orders-1 orders-1 worker {tmp_path}", "err"]


async def test_a_variable_of_any_name_reaches_it(tmp_path: Path) -> None:
    code = "import os; assert os.environ['odd.name'] == '1'"
    env = [{"name": "odd.name", "value": "1"}]
    write(tmp_path, "job.yaml", scaled_job(["python3", "-c", code], container_env=env))
    async with serving_jobs(tmp_path) as scene:
        await scene.make(1)
        assert await over(scene) == [("Complete", "")]


@pytest.mark.parametrize("policy", ["OnFailure", "Never"])
async def test_a_process_that_fails_is_started_again_as_often_as_it_may_fail(tmp_path: Path, policy: str) -> None:
    job(tmp_path, "exit 3", backoffLimit=2, pod_restartPolicy=policy)
    async with serving_jobs(tmp_path) as scene:
        await scene.make(1)
        assert await over(scene) == [("Failed", "BackoffLimitExceeded")]
    assert scene.started() == ["orders-1"] * 3


async def test_a_process_that_ends_well_at_last_is_complete(tmp_path: Path) -> None:
    job(tmp_path, "[ $(wc -l < started) = 3 ]")
    async with serving_jobs(tmp_path) as scene:
        await scene.make(1)
        assert await over(scene) == [("Complete", "")]
    assert scene.started() == ["orders-1"] * 3


async def test_failures_rest_and_then_nothing_of_it_runs(tmp_path: Path) -> None:
    job(tmp_path, "exit 1")
    async with serving_jobs(tmp_path, rests=(0.01, 1000.0)) as scene:
        await scene.make(1)
        await until(lambda: len(scene.started()) == 2)
        await scene.sees(1, pending=1)


async def test_a_process_that_is_killed_has_failed(tmp_path: Path) -> None:
    job(tmp_path, "exec sleep 1000", backoffLimit=0)
    async with serving_jobs(tmp_path) as scene:
        await scene.make(2)
        await until(lambda: len(scene.started()) == 2)
        first, second = (await asyncio.to_thread(scene.processes)).values()
        os.kill(first, signal.SIGKILL)  # its witness
        os.killpg(second, signal.SIGTERM)
        assert await over(scene) == [("Failed", "BackoffLimitExceeded")] * 2


async def test_what_it_leaves_behind_is_killed(tmp_path: Path) -> None:
    job(tmp_path, "sleep 1000 & echo $! > orphan")
    async with serving_jobs(tmp_path) as scene:
        await scene.make(1)
        assert await over(scene) == [("Complete", "")]
        await until(lambda: not alive(int((tmp_path / "orphan").read_text())))


# --------------------------------------------------------------------------------------------------------- several


async def test_as_many_as_are_needed_end_well_and_no_more_than_may_run_at_once(tmp_path: Path) -> None:
    job(tmp_path, "mkdir turn || touch two; sleep 0.05; rmdir turn || true", completions=3)
    async with serving_jobs(tmp_path) as scene:
        await scene.make(1)
        assert await over(scene) == [("Complete", "")]
    assert scene.started() == ["orders-1-0", "orders-1-1", "orders-1-2"]
    assert not (tmp_path / "two").exists()


async def test_several_at_once(tmp_path: Path) -> None:
    """The first two end when both have begun; nothing else can have begun by then."""
    job(tmp_path, "while [ $(wc -l < started) -lt 2 ]; do sleep 0.01; done", completions=3, parallelism=2)
    async with serving_jobs(tmp_path) as scene:
        await scene.make(1)
        assert await over(scene) == [("Complete", "")]
    assert sorted(scene.started()) == ["orders-1-0", "orders-1-1", "orders-1-2"]


async def test_an_indexed_job_tells_each_its_number(tmp_path: Path) -> None:
    script = "echo $0 >> indexes"
    job(tmp_path, script, completions=3, parallelism=3, completionMode="Indexed")
    body = scaled_job(
        ["sh", "-c", script, "$(JOB_COMPLETION_INDEX)"], completions=3, parallelism=3, completionMode="Indexed"
    )
    write(tmp_path, "job.yaml", body)
    async with serving_jobs(tmp_path) as scene:
        await scene.make(1)
        await scene.sees(0)
    assert sorted((tmp_path / "indexes").read_text().split()) == ["0", "1", "2"]


async def test_failures_of_all_its_processes_are_counted_together(tmp_path: Path) -> None:
    job(tmp_path, "exit 1", completions=2, parallelism=2, backoffLimit=1)
    async with serving_jobs(tmp_path, rests=(1000.0,)) as scene:
        await scene.make(1)
        assert await over(scene) == [("Failed", "BackoffLimitExceeded")]
    assert sorted(scene.started()) == ["orders-1-0", "orders-1-1"]


async def test_those_that_share_the_work_are_over_when_one_finds_nothing_more(tmp_path: Path) -> None:
    """No other begins then; those that run come to their end."""
    script = (
        "case $EVENT_SCALER_WORKER in *-0) exit 0;; *-1) while ! [ -e finish ]; do sleep 0.02; done;; *) exit 1; esac"
    )
    job(tmp_path, script, parallelism=3)
    async with serving_jobs(tmp_path, rests=(0.2,)) as scene:
        await scene.make(1)
        await until(lambda: len(scene.started()) >= 3 and list(scene.processes()) == ["orders-1-1"])
        assert (await scene.target()).jobs == Jobs(1, 0)
        scene.finish()
        assert await over(scene) == [("Complete", "")]


# --------------------------------------------------------------------------------------------------------------- limits


async def test_a_job_that_takes_too_long_has_failed(tmp_path: Path) -> None:
    job(tmp_path, "exec sleep 1000", activeDeadlineSeconds=1)
    async with serving_jobs(tmp_path) as scene:
        await scene.make(1)
        await until(scene.started)
        (pid,) = (await asyncio.to_thread(scene.processes)).values()
        assert await over(scene) == [("Failed", "DeadlineExceeded")]
        await until(lambda: not alive(pid))
    assert scene.started() == ["orders-1"]


@pytest.mark.parametrize("waiting", [{"suspend": True}, {"parallelism": 0}])
async def test_a_job_that_waits_is_pending_and_begins_when_it_may(tmp_path: Path, waiting: dict[str, Any]) -> None:
    gradual = {"spec_rollout": {"strategy": "gradual"}}
    job(tmp_path, "exit 0", **waiting, **gradual)
    async with serving_jobs(tmp_path) as scene:
        await scene.make(2)
        await scene.sees(2, pending=2)
        assert not await asyncio.to_thread(scene.processes)
        job(tmp_path, "exit 0", **gradual)
        before = scene.scene.changes.copy()
        await until(lambda: scene.scene.changes != before)
        await scene.make(0)
        assert await over(scene) == [("Complete", "")] * 2


async def test_pending_until_it_has_the_conditions_that_are_asked_for(tmp_path: Path) -> None:
    probe = {"exec": {"command": ["test", "-e", "$(EVENT_SCALER_WORKER).ready"]}, "periodSeconds": 1}
    asked = {"spec_scalingStrategy": {"pendingPodConditions": ["Ready", "PodScheduled"]}}
    job(tmp_path, "exec sleep 1000", container_readinessProbe=probe, **asked)
    async with serving_jobs(tmp_path) as scene:
        await scene.make(2)
        await scene.sees(2, pending=2)
        (tmp_path / "orders-2.ready").touch()
        await scene.sees(2, pending=1)


async def test_a_job_without_a_probe_is_ready_when_it_runs(tmp_path: Path) -> None:
    job(tmp_path, "exec sleep 1000", spec_scalingStrategy={"pendingPodConditions": ["Ready"]})
    async with serving_jobs(tmp_path) as scene:
        await scene.make(1)
        await scene.sees(1)

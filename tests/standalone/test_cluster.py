"""The adapter with real processes. What every adapter does is in tests/cluster."""

import asyncio
import base64
import json
import logging
import os
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from scaler.core.model import Condition, ConditionType, Mode, State
from scaler.engine.cluster import Appeared, Changed, Gone, Touched
from scaler.errors import ClusterError, ManifestError, NotFound
from scaler.manifests.watched import Ref
from scaler.standalone import procfs
from scaler.standalone.cluster import StandaloneCluster
from tests.standalone.scene import (
    PATIENCE,
    STATE,
    Scene,
    alive,
    decision,
    deployment,
    ref,
    scaled_object,
    secret,
    serving,
    until,
    watched,
    write,
)

pytestmark = pytest.mark.usefixtures("unblocked", "nothing_left")

COUNT_STARTS = "echo start; exit 1"
FINISHING = """
import signal, sys, time
def finish(*_):
    time.sleep(0.2)
    sys.exit("finished")
signal.signal(signal.SIGTERM, finish)
print("up", flush=True)
time.sleep(1000)
"""
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(1000)"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "object.yaml", scaled_object())
    write(tmp_path, "deployment.yaml", deployment())
    return tmp_path


# ------------------------------------------------------------------------------------------------------------- running


async def test_workers_have_names_logs_and_the_daemon_s_environment(folder: Path) -> None:
    say = 'echo "$EVENT_SCALER_WORKER $HOSTNAME $ROLE $PWD"; command -v sleep; exec sleep 1000'
    write(folder, "deployment.yaml", deployment(["sh", "-c", say], env=[{"name": "ROLE", "value": "worker"}]))
    async with serving(folder) as scene:
        await scene.apply(2)
        await until(lambda: all(len(scene.log(name).splitlines()) == 2 for name in ("web-0", "web-1")))
        assert scene.log("web-0").splitlines() == [f"web-0 web-0 worker {folder}", shutil.which("sleep")]
        assert scene.log("web-1").startswith("web-1 web-1")


async def test_a_deployment_that_nothing_targets_is_not_run(folder: Path) -> None:
    write(folder, "object.yaml", scaled_object(target="other"))
    write(folder, "deployment.yaml", deployment(spec_replicas=3))
    async with serving(folder) as scene:
        await until(lambda: scene.changes)
        assert scene.saved("state.json")["deployments"] == {}
        with pytest.raises(NotFound):
            await scene.target()


async def test_it_begins_with_the_replicas_that_are_written(folder: Path) -> None:
    write(folder, "deployment.yaml", deployment(spec_replicas=2))
    async with serving(folder) as scene:
        assert (await scene.ready(2)).wanted == 2


async def test_the_newest_goes_first(folder: Path) -> None:
    async with serving(folder) as scene:
        await scene.apply(1)
        await scene.ready(1)
        await scene.apply(3)
        await scene.ready(3)
        first = scene.pids["web-0"]
        await scene.apply(1)
        await scene.ready(1)
        assert scene.pids == {"web-0": first}


async def test_what_ends_does_not_count_and_is_killed_in_the_end(folder: Path) -> None:
    write(folder, "deployment.yaml", deployment([sys.executable, "-c", STUBBORN], grace=1))
    async with serving(folder) as scene:
        await scene.apply(1)
        await until(lambda: scene.log("web-0") == "up\n")
        pid = scene.pids["web-0"]
        await scene.apply(0)
        target = await scene.target()
        assert (target.wanted, target.exists, target.ready, target.pods) == (0, 0, 0, ())
        assert await asyncio.to_thread(alive, pid)
        await scene.apply(1)
        await until(lambda: scene.log("web-1") == "up\n")  # the name of the one that ends is not free yet
        await until(lambda: not alive(pid))


async def test_pods_tell_when_they_started_and_became_ready(folder: Path) -> None:
    async with serving(folder) as scene:
        before = time.time()
        await scene.apply(1)
        (pod,) = (await scene.ready(1)).pods
        assert pod.name == "web-0"
        assert pod.started is not None
        assert pod.ready_changed is not None
        assert before - 1 <= pod.started <= pod.ready_changed + 0.1 <= time.time() + 0.2
        assert not pod.pending


async def test_a_readiness_probe_is_honoured(folder: Path) -> None:
    probe = {"exec": {"command": ["test", "-e", "$(EVENT_SCALER_WORKER).ready"]}, "periodSeconds": 1}
    write(folder, "deployment.yaml", deployment(readinessProbe=probe))
    async with serving(folder) as scene:
        await scene.apply(2)
        target = await scene.target()
        assert (target.exists, target.ready) == (2, 0)
        (folder / "web-1.ready").touch()
        await until(lambda: (folder / "web-1.ready").exists())
        await scene.sees(lambda target: [pod.ready for pod in target.pods] == [False, True])
        await scene.apply(1)
        (left,) = (await scene.target()).pods
        assert left.name == "web-1"  # the one that is not ready goes first


# -------------------------------------------------------------------------------------------------------------- crashes


@pytest.mark.parametrize("status", [0, 1])
async def test_a_worker_that_ends_is_started_again(folder: Path, status: int, caplog: pytest.LogCaptureFixture) -> None:
    write(folder, "deployment.yaml", deployment(["sh", "-c", f"echo start; exit {status}"]))
    async with serving(folder, rests=(0.01, 0.01, 0.01, 1000.0)) as scene:
        await scene.apply(1)
        await until(lambda: len(scene.log("web-0").split()) == 4)
        assert (await scene.target()).exists == 1
    assert caplog.text.count(f"a worker ended with exit code {status} and is started again") == 1


async def test_back_off_grows_and_a_scale_down_does_not_wait_for_it(folder: Path) -> None:
    write(folder, "deployment.yaml", deployment(["sh", "-c", COUNT_STARTS]))
    async with serving(folder, rests=(0.01, 0.01, 1000.0)) as scene:
        await scene.apply(1)
        await until(lambda: len(scene.log("web-0").split()) == 3)
        target = await scene.sees(lambda target: not target.ready)
        assert target.exists == 1
        assert not target.pods[0].pending
        await scene.apply(0)
        await until(lambda: scene.shown.get("wanted") == 0)
        assert (await scene.target()).exists == 0


async def test_back_off_begins_anew_after_a_long_run(folder: Path) -> None:
    """Twice the longest rest is long: it never gets to the third rest, which would take for ever."""
    write(folder, "deployment.yaml", deployment(["sh", "-c", "echo start; sleep 0.15"]))
    async with serving(folder, rests=(0.01, 0.02, 0.05)) as scene:
        await scene.apply(1)
        await until(lambda: len(scene.log("web-0").split()) == 6)


async def test_a_killed_worker_comes_back_under_its_name(folder: Path) -> None:
    async with serving(folder) as scene:
        await scene.apply(2)
        await scene.ready(2)
        before = scene.pids
        os.killpg(before["web-0"], 9)
        await until(lambda: scene.pids.get("web-0", before["web-0"]) != before["web-0"])
        await scene.ready(2)
        assert scene.pids["web-1"] == before["web-1"]


# ----------------------------------------------------------------------------------------------- what cannot be started


async def test_a_program_that_is_not_there(folder: Path) -> None:
    write(folder, "deployment.yaml", deployment(["no-such-program"]))
    async with serving(folder) as scene:
        await scene.apply(0)
        with pytest.raises(ClusterError) as error:
            await scene.apply(1)
        assert str(error.value) == (
            "a worker of Deployment web cannot be started: spec.template.spec.containers[0].command: "
            "there is no program 'no-such-program'"
        )
        target = await scene.target()
        assert (target.wanted, target.exists, target.ready) == (1, 1, 0)
        assert target.pods[0].pending
        write(folder, "deployment.yaml", deployment())
        await scene.ready(1)
        await scene.apply(1)


async def test_a_secret_that_is_missing_and_comes(folder: Path) -> None:
    write(folder, "deployment.yaml", deployment(envFrom=[{"secretRef": {"name": "secret"}}]))
    async with serving(folder, rests=(1000.0,)) as scene:
        with pytest.raises(ClusterError, match="there is no Secret secret in the folder"):
            await scene.apply(1)
        write(folder, "secret.yaml", secret(password="s3cret"))
        await scene.ready(1)


async def test_a_deployment_that_cannot_be_run_leaves_its_workers_alone(folder: Path) -> None:
    async with serving(folder) as scene:
        await scene.apply(1)
        await scene.ready(1)
        before = scene.pids
        write(folder, "deployment.yaml", deployment([]))
        with pytest.raises(ClusterError, match="command: is required"):
            await scene.sees(lambda target: False)
        assert scene.pids == before
        write(folder, "deployment.yaml", deployment())
        await until(lambda: scene.changes.count(Touched(Ref("Deployment", "default", "web"))) == 3)
        assert (await scene.ready(1)).wanted == 1
        assert scene.pids == before


async def test_only_deployments_and_only_one_object_each(folder: Path) -> None:
    write(folder, "another.yaml", scaled_object(name="another"))
    async with serving(folder) as scene:
        with pytest.raises(ClusterError, match="only a Deployment can be scaled in a folder, not a StatefulSet"):
            await scene.cluster.seen(watched(kind="StatefulSet"))
        with pytest.raises(
            ClusterError,
            match=r"the workload 'web' of type 'apps/v1.Deployment' is already managed by the ScaledObject 'another'",
        ):
            await scene.target()


async def test_who_does_not_lead_does_nothing(folder: Path) -> None:
    async with StandaloneCluster(folder, {}, time.time) as cluster:
        with pytest.raises(ClusterError, match="does not serve the folder"):
            await cluster.apply(watched(), decision(1))


# -------------------------------------------------------------------------------------------------------------- reload


async def test_reload(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with serving(folder) as scene:
        await until(lambda: len(scene.changes) == 2)
        assert scene.changes[0] == Touched(Ref("Deployment", "default", "web"))
        write(folder, "secret.yaml", secret(a="b"), {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}})
        await until(lambda: scene.changes[-1] == Touched(Ref("Secret", "default", "secret")))
        other = scaled_object()
        other["spec"]["maxReplicaCount"] = 3
        write(folder, "object.yaml", other)
        await until(lambda: isinstance(scene.changes[-1], Changed))
        (folder / "object.yaml").unlink()
        await until(lambda: scene.changes[-1] == Gone(ref()))
        assert len(scene.changes) == 5
    assert "v1 Service in secret.yaml means nothing here and is ignored" in caplog.text


async def test_a_half_written_file_is_reported_and_changes_nothing(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with serving(folder) as scene:
        await scene.apply(1)
        await scene.ready(1)
        before = scene.pids
        (folder / "deployment.yaml").write_text("apiVersion: apps/v1\nkind: Deployment\nspec: {a: b: c")
        await until(lambda: scene.saved("status.json")["files"])
        assert scene.saved("status.json")["files"] == {"deployment.yaml": "is not YAML (line 3)"}
        assert scene.pids == before
        write(folder, "deployment.yaml", deployment())
        await until(lambda: not scene.saved("status.json")["files"])
        assert (await scene.ready(1)).wanted == 1
        assert scene.pids == before
    assert caplog.text.count("deployment.yaml: is not YAML (line 3)") == 1
    assert "deployment.yaml is in order again" in caplog.text


async def test_the_same_object_twice_is_reported(folder: Path) -> None:
    write(folder, "zzz.yaml", deployment(["false"]))
    async with serving(folder) as scene:
        await scene.apply(1)
        await scene.ready(1)
        await until(lambda: scene.saved("status.json")["files"])
        again = {"zzz.yaml": "Deployment default/web is already defined in deployment.yaml"}
        assert scene.saved("status.json")["files"] == again


@pytest.mark.parametrize("gone", ["object.yaml", "deployment.yaml"])
async def test_what_nobody_targets_any_more_is_ended(folder: Path, gone: str) -> None:
    async with serving(folder) as scene:
        await scene.apply(2)
        await scene.ready(2)
        pids = list(scene.pids.values())
        (folder / gone).unlink()
        await until(lambda: not any(alive(pid) for pid in pids))
        with pytest.raises(NotFound):
            await scene.sees(lambda target: False)
        await until(lambda: len(scene.changes) == 3)
        write(folder, "deployment.yaml", deployment(spec_replicas=1))
        write(folder, "object.yaml", scaled_object())
        await until(lambda: len(scene.changes) == (5 if gone == "object.yaml" else 4))
        await scene.sees(lambda target: target.wanted == 1)
        await scene.ready(1)


# ------------------------------------------------------------------------------------------------------------- rollout


async def test_a_new_template_replaces_the_workers_one_by_one(folder: Path) -> None:
    probe = {"exec": {"command": ["true"]}, "periodSeconds": 1}
    async with serving(folder) as scene:
        await scene.apply(3)
        await scene.ready(3)
        old = set(scene.pids.values())
        least, most = 3, 3
        write(folder, "deployment.yaml", deployment(["sleep", "2000"], readinessProbe=probe))
        async with asyncio.timeout(PATIENCE):
            target = await scene.target()
            while set(scene.pids.values()) & old or target.exists != 3:
                target = await scene.target()
                least, most = min(least, target.ready), max(most, target.exists)
                await asyncio.sleep(0.001)
        assert (least, most) == (3, 4)
        await until(lambda: not any(alive(pid) for pid in old))


async def test_a_new_template_that_never_becomes_ready_keeps_the_old_workers(folder: Path) -> None:
    never = {"exec": {"command": ["false"]}}
    async with serving(folder) as scene:
        await scene.apply(2)
        await scene.ready(2)
        old = set(scene.pids.values())
        write(folder, "deployment.yaml", deployment(readinessProbe=never))
        await until(lambda: scene.shown.get("exists") == 3)
        assert (await scene.target()).ready == 2
        assert old <= set(scene.pids.values())
        write(folder, "deployment.yaml", deployment())
        await scene.ready(2)
        assert set(scene.pids.values()) == old


async def test_recreate_ends_the_old_ones_first(folder: Path) -> None:
    async with serving(folder) as scene:
        await scene.apply(2)
        await scene.ready(2)
        old = set(scene.pids.values())
        write(folder, "deployment.yaml", deployment(["sleep", "2000"], spec_strategy={"type": "Recreate"}))
        await until(lambda: len(pids := set(scene.pids.values())) == 2 and not pids & old)
        await until(lambda: not any(alive(pid) for pid in old))
        await scene.ready(2)


# ----------------------------------------------------------------------------------------------------- ending, adopting


async def test_at_the_end_all_workers_end_side_by_side_with_their_grace(folder: Path) -> None:
    write(folder, "deployment.yaml", deployment([sys.executable, "-c", FINISHING]))
    names = [f"web-{index}" for index in range(4)]
    async with serving(folder) as scene:
        await scene.apply(4)
        await until(lambda: all(scene.log(name) == "up\n" for name in names))
    assert [scene.log(name).split() for name in names] == [["up", "finished"]] * 4
    assert scene.saved("state.json")["deployments"] == {"default/web": {"wanted": 4, "workers": []}}


async def test_a_second_cancellation_does_not_wait_for_the_grace(folder: Path) -> None:
    write(folder, "deployment.yaml", deployment([sys.executable, "-c", STUBBORN], grace=1000))
    scenes: list[Scene] = []

    async def serve() -> None:
        async with serving(folder) as scene:
            scenes.append(scene)
            await scene.apply(1)
            await asyncio.Event().wait()

    task = asyncio.ensure_future(serve())
    await until(lambda: scenes and scenes[0].log("web-0") == "up\n")
    task.cancel()
    await asyncio.wait({task}, timeout=0.1)
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, PATIENCE)


async def killed(folder: Path, replicas: int) -> dict[str, int]:
    """A daemon has been serving the folder, and was killed; the workers it left, by name."""
    arguments = ["-m", "tests.standalone.daemon", str(folder), str(replicas)]
    daemon = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    assert daemon.stdout is not None
    assert await asyncio.wait_for(daemon.stdout.readline(), 2 * PATIENCE) == b"saved\n"
    daemon.kill()
    await daemon.wait()
    found = await asyncio.to_thread(lambda: list(procfs.strays(folder.resolve())))
    assert len(found) == replicas
    return {one.worker: one.group for one in found}


def state(folder: Path, change: Mapping[str, Any]) -> None:
    """Other words in the state file for the first worker of the Deployment."""
    path = folder / ".scaler" / "state.json"
    content = json.loads(path.read_bytes())
    content["deployments"]["default/web"]["workers"][0].update(change)
    path.write_text(json.dumps(content))


async def test_workers_of_a_killed_daemon_are_adopted(folder: Path) -> None:
    left = await killed(folder, 2)
    async with serving(folder) as scene:
        target = await scene.ready(2)
        assert target.wanted == 2
        assert scene.pids == left
        assert all(pod.started is not None and pod.started < time.time() for pod in target.pods)
        await until(lambda: len(scene.changes) == 2)
        appeared = scene.changes[-1]
        assert isinstance(appeared, Appeared)
        assert appeared.remembered == STATE
        os.killpg(left["web-0"], 9)  # the adopted are watched, and started again like others
        await until(lambda: scene.pids.get("web-0", left["web-0"]) != left["web-0"])
        await scene.apply(0)
        await until(lambda: not any(alive(pid) for pid in left.values()))


async def test_adopted_workers_of_another_template_are_replaced(folder: Path) -> None:
    left = await killed(folder, 2)
    write(folder, "deployment.yaml", deployment(["sleep", "2000"]))
    async with serving(folder) as scene:
        await until(lambda: not any(alive(pid) for pid in left.values()))
        await scene.ready(2)
        assert not set(scene.pids.values()) & set(left.values())


async def test_adopted_workers_that_nobody_targets_are_ended(folder: Path) -> None:
    left = await killed(folder, 2)
    (folder / "object.yaml").unlink()
    async with serving(folder):
        await until(lambda: not any(alive(pid) for pid in left.values()))


async def test_adopted_workers_outlive_a_folder_that_is_not_in_order(folder: Path) -> None:
    left = await killed(folder, 1)
    (folder / "deployment.yaml").write_text("a: b: c")
    async with serving(folder) as scene:
        await until(lambda: scene.saved("status.json")["files"])
        assert scene.pids == left
        write(folder, "deployment.yaml", deployment())
        assert (await scene.ready(1)).wanted == 1
        assert scene.pids == left


async def test_workers_that_no_state_file_knows_are_ended(folder: Path) -> None:
    left = await killed(folder, 2)
    (folder / ".scaler" / "state.json").write_text("{")
    async with serving(folder) as scene:
        await until(lambda: not any(alive(pid) for pid in left.values()))
        assert (await scene.target()).exists == 0


async def test_a_recycled_pid_is_left_alone(folder: Path) -> None:
    await killed(folder, 1)
    other = await asyncio.create_subprocess_exec("sleep", "1000", start_new_session=True)
    await asyncio.to_thread(state, folder, {"pid": other.pid})
    async with serving(folder) as scene:
        await scene.ready(1)
        assert other.pid not in scene.pids.values()
        await scene.apply(0)
    assert other.returncode is None
    other.kill()
    await other.wait()


async def test_another_boot_is_nobody_s_worker(folder: Path) -> None:
    left = await killed(folder, 1)
    path = folder / ".scaler" / "state.json"
    path.write_text(path.read_text().replace(procfs_boot(), "another"))
    async with serving(folder) as scene:
        await scene.ready(1)
        assert not set(scene.pids.values()) & set(left.values())


def procfs_boot() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


async def test_a_worker_that_was_ending_goes_on_ending(folder: Path) -> None:
    left = await killed(folder, 2)
    await asyncio.to_thread(state, folder, {"ending": True})
    async with serving(folder) as scene:
        await until(lambda: sum(alive(pid) for pid in left.values()) == 1)
        assert (await scene.ready(2)).wanted == 2


async def test_workers_may_be_kept(folder: Path) -> None:
    async with serving(folder, keep_workers=True) as scene:
        await scene.apply(2)
        await scene.ready(2)
        kept = scene.pids
    assert all([await asyncio.to_thread(alive, pid) for pid in kept.values()])
    async with serving(folder) as scene:
        await scene.ready(2)
        assert scene.pids == kept


# -------------------------------------------------------------------------------------------------- files of the daemon


async def test_a_state_file_that_makes_no_sense_is_a_fresh_start(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / ".scaler").mkdir()
    (folder / ".scaler" / "state.json").write_text('{"objects": {"default/web": 1}}')
    async with serving(folder) as scene:
        await until(lambda: scene.changes)
        await scene.apply(1, state=STATE)
        await scene.ready(1)
    assert caplog.text.count("the state file cannot be read") == 1
    assert scene.saved("state.json")["objects"]["default/web"]["state"]["last_active"] == 17.0


async def test_conditions_and_problems_can_be_looked_at(folder: Path) -> None:
    condition = Condition(ConditionType.ACTIVE, "True", "ScalerActive", "a trigger is active")
    async with serving(folder) as scene:
        await until(lambda: scene.changes)
        await scene.cluster.report(ref(), ManifestError({"spec.triggers": "no triggers"}))
        await scene.apply(1, conditions=(condition,))
        await scene.ready(1)
        await until(lambda: scene.shown.get("ready") == 1)
        shown = scene.saved("status.json")
    assert shown["objects"]["default/web"]["conditions"] == [
        {"type": "Ready", "status": "False", "reason": "ManifestError", "message": "spec.triggers: no triggers"},
        {"type": "Active", "status": "True", "reason": "ScalerActive", "message": "a trigger is active"},
    ]
    assert shown["deployments"]["default/web"] == {"wanted": 1, "exists": 1, "ready": 1}


async def test_no_secret_gets_into_logs_and_files(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    hidden = {**secret(password="hush-5a"), "data": {"token": base64.b64encode(b"hush-5a").decode()}}
    write(folder, "secret.yaml", hidden)
    run = ["sh", "-c", '[ "$password" = "$token" ] && [ -n "$token" ] && exec sleep 1000', "$(token)"]
    write(folder, "deployment.yaml", deployment(run, envFrom=[{"secretRef": {"name": "secret"}}]))
    async with serving(folder) as scene:
        await scene.apply(1, state=State(active=True))
        await scene.ready(1)
        write(folder, "deployment.yaml", deployment(["$(token)"], envFrom=[{"secretRef": {"name": "secret"}}]))
        await until(lambda: scene.shown.get("exists") == 2)
        with pytest.raises(ClusterError) as error:
            await scene.apply(1)
    written = await asyncio.to_thread(
        lambda: "".join(path.read_text() for path in (folder / ".scaler").rglob("*") if path.is_file())
    )
    encoded = base64.b64encode(b"hush-5a").decode()
    for text in (caplog.text, written, str(error.value), repr(scene.changes)):
        assert "hush-5a" not in text
        assert encoded not in text


async def test_a_folder_that_cannot_be_written_to() -> None:
    with pytest.raises(ClusterError, match="the folder /proc cannot be written to"):
        async with StandaloneCluster(Path("/proc"), {}, time.time):
            raise AssertionError("must not begin")


async def test_the_second_daemon_says_who_is_first(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with asyncio.TaskGroup() as tasks:
        async with serving(folder) as first:
            await first.apply(1)

            async def second() -> None:
                async with serving(folder) as scene:
                    await scene.ready(1)

            task = tasks.create_task(second())
            await until(lambda: "another daemon serves this folder" in caplog.text)
            assert caplog.records[-1].__dict__["pid"] == str(os.getpid())
            assert not task.done()
        await asyncio.wait_for(task, PATIENCE)
    assert "the other daemon has ended; this one serves the folder now" in caplog.text


async def test_observing_starts_nothing(folder: Path) -> None:
    async with serving(folder) as scene:
        await scene.cluster.apply(watched(mode=Mode.OBSERVE), decision(3, state=STATE))
        assert (await scene.target()).wanted == 0

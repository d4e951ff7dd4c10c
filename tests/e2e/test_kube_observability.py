"""A daemon on a real control plane, watched from outside: what it tells of the cluster, and that it runs by the
arguments of KEDA's own Deployment, with the probes that this has."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from tests.deploy.test_monitoring import EXPRESSIONS, NAME
from tests.e2e.kube_daemon import KubeDaemon, replica
from tests.e2e.kube_objects import condition
from tests.e2e.kube_scene import Scene
from tests.keda_arguments import OPERATOR
from tests.rig.control_plane import ControlPlane
from tests.rig.otlp import over_grpc
from tests.rig.process import free_ports
from tests.rig.promtool import promtool as run
from tests.web.telemetry.expected import ABSENT, ALL, KEDA
from tests.web.telemetry.scene import families_of, samples

HANDLED = "keda_internal_metricsservice_grpc_server_handled_total"


async def test_what_it_tells_of_a_cluster(scene: Scene, served: KubeDaemon, promtool: Path) -> None:
    """The HPA has asked, statuses were written, an authentication is there, an object is wrong."""
    scene.answers["orders"] = 12
    await scene.pair("orders")
    await scene.ready("orders")
    await scene.add(
        {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "TriggerAuthentication",
            "metadata": {"name": "keys"},
            "spec": {"env": [{"parameter": "a", "name": "A"}]},
        }
    )
    await scene.pair("wrong", {"type": "no-such-type", "metadata": {"a": "b"}})
    await scene.object("wrong", lambda found: condition(found, "Ready")[0] == "False")
    await served.until(lambda: served.metric(HANDLED, grpc_code="OK"), "the HPA has asked")
    page = (await served.get("/metrics"))[1]
    told = families_of(page)
    assert ALL.keys() <= told.keys()
    assert not ABSENT & told.keys()
    for where, expression in EXPRESSIONS:
        for name in NAME.findall(expression.partition("{")[0]):
            assert any(one in told for one in (name, name.rpartition("_")[0])), (where, name)
    counts = samples(told, "keda_resource_registered_total", "type", "namespace")
    assert counts["scaled_object", scene.namespace] == 2
    assert counts["trigger_authentication", scene.namespace] == 1
    requests = samples(told, "rest_client_requests_total", "method", "code")
    assert requests["GET", "200"] > 0
    assert requests["PATCH", "200"] > 0
    assert (
        samples(told, "event_scaler_condition", "namespace", "resource", "status")[scene.namespace, "wrong", "False"]
        == 1
    )
    assert samples(told, "event_scaler_leading") == {(): 1}
    assert samples(told, "event_scaler_replicas_decided", "namespace", "scaledObject")[scene.namespace, "orders"] > 0
    said = run(promtool, "check", "metrics", piped=page).stderr
    ours = [line for line in said.splitlines() if line.split(" ")[0] not in KEDA and "camelCase" not in line]
    assert ours == []


async def test_kedas_deployment_keeps_its_arguments(
    control_plane: ControlPlane, served: KubeDaemon, tmp_path: Path
) -> None:
    """A second replica, by KEDA's manifest, beside the one that leads; it pushes its metrics, too."""
    account = control_plane.kubeconfig_for_token(await control_plane.token("event-scaler", "event-scaler"))
    plain, probes = free_ports(2)
    async with over_grpc() as receiver:
        with replica(control_plane, account, name="by-keda") as daemon:
            for variable in ("SCALER_LISTEN",):
                daemon.server._environment.pop(variable)
            daemon.server._environment |= {
                "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
                "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
                "OTEL_METRIC_EXPORT_INTERVAL": "500",
            }
            daemon.port = plain
            daemon.server.command += (
                *OPERATOR,
                f"--metrics-bind-address=127.0.0.1:{plain}",
                "--health-probe-bind-address",
                f"127.0.0.1:{probes}",
                "--enable-opentelemetry-metrics",
                "-v=0",
            )
            await daemon.start()
            async with aiohttp.ClientSession() as session:
                for page, status in (("healthz", 200), ("readyz", 200), ("metrics", 404)):
                    async with session.get(f"http://127.0.0.1:{probes}/{page}") as reply:
                        assert reply.status == status
            assert await daemon.metric("event_scaler_leading") == 0
            assert daemon.said().count("these flags mean nothing here: --leader-elect") == 1
            await receiver.until(lambda: receiver.values("event_scaler.leading"))
            await asyncio.to_thread(daemon.server.stop)


@pytest.mark.parametrize("argument", ["--secure-port=http", "--enable-cert-rotation=maybe"])
async def test_an_argument_that_cannot_be_ends_it(control_plane: ControlPlane, argument: str) -> None:
    with replica(control_plane, control_plane.kubeconfig(), name="wrong") as daemon:
        daemon.server.command += (*OPERATOR, argument)
        daemon.launch()
        await daemon.until(lambda: daemon.server.pid is None, "it has ended")
        assert daemon.said().startswith(f"{argument.partition('=')[0]}: must be")

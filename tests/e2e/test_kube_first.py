"""An object on a real control plane, from its creation to its end."""

from tests.e2e.kube_daemon import KubeDaemon
from tests.e2e.kube_objects import condition, deployment, deployments, hpas, number, objects, scaled_object
from tests.e2e.servers import Numbers
from tests.rig.control_plane import ControlPlane


async def test_an_object_becomes_ready_and_is_scaled_from_and_to_zero(
    control_plane: ControlPlane, served: KubeDaemon, namespace: str, answers: Numbers
) -> None:
    async with control_plane.client() as kube:
        await kube.create(deployments(namespace), deployment("worker"))
        await kube.create(objects(namespace), scaled_object("worker", number(f"{answers.url}/n")))
        ready = await kube.until(
            objects(namespace, "worker"), lambda one: condition(one, "Ready")[:2] == ("True", "ScaledObjectReady")
        )
        assert not ready["metadata"].get("finalizers")
        assert ready["status"]["hpaName"] == "keda-hpa-worker"
        assert await kube.find(hpas(namespace, "keda-hpa-worker"))
        answers.answers["n"] = 3
        await kube.until(deployments(namespace, "worker"), lambda one: one["spec"]["replicas"] == 1)
        answers.answers["n"] = 0
        await kube.until(deployments(namespace, "worker"), lambda one: one["spec"]["replicas"] == 0)

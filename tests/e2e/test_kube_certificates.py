"""Certificates and authorities that are replaced while everything runs: nobody who asks for a metric should notice. On
a control plane of its own, because the cluster's are replaced too."""

import base64
import secrets
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import pytest

from scaler.kubernetes.reach.authority import DAY, Pair, names_of, new_authority, new_serving
from tests.e2e import later
from tests.e2e.installation import installed
from tests.e2e.kube_daemon import API_SERVICE, NAMESPACE, KubeDaemon, replica
from tests.e2e.kube_metrics import SERVICE, asking, bundle, direct, metric, shown
from tests.e2e.kube_objects import Object
from tests.e2e.kube_scene import Scene
from tests.e2e.servers import Numbers
from tests.rig.certificates import Authority
from tests.rig.control_plane import ControlPlane, Options
from tests.rig.kube_client import KubeClient, path

NAME = "event-scaler-metrics-apiserver"
READ = "s0-metric-api-value"
SECRET = path("v1", "secrets", NAMESPACE, "event-scaler-certs")
OURS = {"namespace": NAMESPACE, "name": NAME, "port": 443}
THEIRS = {"namespace": "monitoring", "name": "adapter", "port": 443}
MASTER = {"X-Remote-User": "root", "X-Remote-Group": "system:masters"}
SETTLED = 700.0
"""Seconds after which everybody knows of a new authority or certificate (scaler/kubernetes/reach/rotation.py)."""


class Plane(NamedTuple):
    cluster: ControlPlane
    kubeconfig: Path


@pytest.fixture(scope="module")
def plane(control_planes: Callable[[Options], AbstractContextManager[ControlPlane]]) -> Iterator[Plane]:
    with control_planes(Options(kubelet=False)) as cluster:
        yield Plane(cluster, installed(cluster))


class Ground:
    """One test's namespace, and a cluster in which nobody has served metrics before."""

    def __init__(self, plane: Plane, kube: KubeClient, namespace: str, source: Numbers) -> None:
        self.cluster, self.kubeconfig = plane
        self.kube, self.namespace, self.source = kube, namespace, source
        self.where = metric(namespace, READ, "worker")

    def replica(self, **settings: str) -> AbstractContextManager[KubeDaemon]:
        return replica(self.cluster, self.kubeconfig, NAMESPACES=self.namespace, **settings)

    async def serve(self, daemon: KubeDaemon) -> Scene:
        """An object with a number, as soon as the daemon leads and is at work on it."""
        await daemon.lead()
        scene = Scene(self.cluster, self.kube, daemon, self.namespace, self.source)
        self.source.answers["worker"] = 3
        await scene.pair("worker")
        await scene.replicas("worker", 1)
        return scene

    async def answered(self, daemon: KubeDaemon) -> None:
        """Returns when the metric is had through the API server."""
        await daemon.until(self._answers, "the API server has the metric")

    async def _answers(self) -> bool:
        async with self.kube.session.get(self.kube.server + self.where) as reply:
            return reply.status == 200

    async def trusted(self, daemon: KubeDaemon) -> bytes:
        """The certificate that a new connection meets, verified as the API server does it now."""
        async with direct(self.cluster, daemon) as connection:
            assert (await connection.get("/livez")).status == 200
        return await shown(self.cluster, daemon)

    async def store(self, authority: Pair, serving: Pair) -> None:
        """As the daemon's own Secret."""
        texts = {
            "ca.crt": authority.certificate,
            "ca.key": authority.key,
            "tls.crt": serving.certificate,
            "tls.key": serving.key,
        }
        data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
        manifest: Object = {"metadata": {"name": SECRET.rpartition("/")[2]}, "type": "Opaque", "data": data}
        await self.kube.create(SECRET.rpartition("/")[0], manifest)

    async def stored(self, key: str) -> str:
        found = await self.kube.get(SECRET)
        return base64.b64decode(found["data"].get(key, "")).decode()

    async def register(self, service: Mapping[str, object], ca: str | None = None) -> None:
        """The APIService is somebody's."""
        encoded = base64.b64encode(ca.encode()).decode() if ca else None
        spec = {"service": service, "caBundle": encoded, "insecureSkipTLSVerify": None}
        await self.kube.patch(API_SERVICE, {"spec": spec})


@pytest.fixture
async def ground(plane: Plane, answers: Numbers) -> AsyncIterator[Ground]:
    namespace = f"test-{secrets.token_hex(4)}"
    async with plane.cluster.client() as kube:
        made = Ground(plane, kube, namespace, answers)
        await kube.delete(SECRET)
        await made.register(OURS)
        await kube.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
        yield made
        await kube.delete(f"/api/v1/namespaces/{namespace}")


def names() -> tuple[str, ...]:
    return names_of((NAME,), NAMESPACE)


def der(pem: str) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pem)


# ------------------------------------------------------------------------------------------------ the cluster's own


async def test_the_front_proxys_authority_is_replaced(ground: Ground) -> None:
    """The API server shows other certificates from one moment to the next; whoever it speaks for is answered."""
    with ground.replica() as daemon:
        await ground.serve(daemon)
        await ground.answered(daemon)
        pid = daemon.pid
        async with asking(ground.kube, ground.where) as answers:
            await answers.more()
            await ground.cluster.rotate_front_proxy()
            proxy = ground.cluster.front_proxy.issue("front-proxy-client", names=())

            async def believed() -> bool:
                async with direct(ground.cluster, daemon, proxy) as connection:
                    return (await connection.get(ground.where, MASTER)).status == 200

            await daemon.until(believed, "the new authority is believed", 10)
            await answers.more(100)
        failed = [at for at, _ in answers.bad]
        assert not failed or failed[-1] - failed[0] < 5, answers.bad
        assert daemon.pid == pid


# --------------------------------------------------------------------------------------------------- the daemon's own


async def test_a_certificate_that_is_about_to_expire_is_renewed(ground: Ground) -> None:
    """By the authority that everybody trusts, at once."""
    now = time.time()
    authority = new_authority(now - DAY)
    former = new_serving(authority, names(), now - 300 * DAY)
    await ground.store(authority, former)
    with ground.replica() as daemon:
        await ground.serve(daemon)
        await ground.answered(daemon)
        assert (await bundle(ground.cluster)).strip() == authority.certificate.strip()
        renewed = await ground.stored("tls.crt")
        assert renewed != former.certificate
        assert await ground.trusted(daemon) == der(renewed)
        assert await ground.stored("ca.key") == authority.key


async def test_an_authority_is_replaced_step_by_step(ground: Ground, tmp_path: Path) -> None:
    """Told before it signs, and dropped only when nothing that it signed is met any more; the serving certificate is
    renewed with it. Requests through the API server do not fail once."""
    now = time.time()
    former = new_authority(now - 2800 * DAY)
    serving = new_serving(former, names(), now - 300 * DAY)
    await ground.store(former, serving)
    slept = tmp_path / "slept"
    slept.write_text(str(-2 * SETTLED))  # what it makes must not come out of the API server's future
    with ground.replica() as daemon:
        daemon.server.command = (sys.executable, "-m", later.__name__, str(slept))
        await ground.serve(daemon)
        await ground.answered(daemon)
        authority = await ground.stored("ca.crt")
        both = f"{authority.strip()}\n{former.certificate.strip()}\n"
        assert authority != former.certificate
        assert await bundle(ground.cluster) == both
        assert await ground.trusted(daemon) == der(serving.certificate)
        async with asking(ground.kube, ground.where) as answers:
            slept.write_text(str(-SETTLED))
            await daemon.until(lambda: _differs(ground, daemon, serving), "it signs", 45)
            renewed = await ground.stored("tls.crt")
            assert await ground.trusted(daemon) == der(renewed)
            assert await bundle(ground.cluster) == both
            await answers.more()
            slept.write_text("0")
            await daemon.until(lambda: _alone(ground, authority), "the former one is forgotten", 45)
            assert await ground.stored("ca-old.crt") == ""
            await answers.more()
        assert answers.bad == []
        assert await ground.trusted(daemon) == der(renewed)


async def _differs(ground: Ground, daemon: KubeDaemon, serving: Pair) -> bool:
    return await shown(ground.cluster, daemon) != der(serving.certificate)


async def _alone(ground: Ground, authority: str) -> bool:
    return (await bundle(ground.cluster)).strip() == authority.strip()


async def test_certificates_that_somebody_else_renews(ground: Ground, tmp_path: Path) -> None:
    """Files that are replaced on the disk: the next handshake has the new ones."""
    authority = Authority(tmp_path, "given")
    first = authority.issue("serving", names=(SERVICE,))
    settings = {
        "CERT_FILE": str(first.certificate),
        "KEY_FILE": str(first.key),
        "CA_FILE": str(authority.certificate),
    }
    with ground.replica(**settings) as daemon:
        await ground.serve(daemon)
        await ground.answered(daemon)
        assert await bundle(ground.cluster) == authority.certificate.read_text()
        assert await shown(ground.cluster, daemon) == der(first.certificate.read_text())
        async with asking(ground.kube, ground.where) as answers:
            second = authority.issue("renewed", names=(SERVICE,))
            expected = der(second.certificate.read_text())
            second.certificate.replace(first.certificate)
            second.key.replace(first.key)

            async def new() -> bool:
                return await shown(ground.cluster, daemon) == expected

            await daemon.until(new, "a new handshake has the new certificate", 20)
            await answers.more()
        assert answers.bad == []
        assert await ground.kube.find(SECRET) is None, "of its own it needs none"


# ----------------------------------------------------------------------------------------------- whose the metrics are


async def test_somebody_elses_metrics_api_is_left_alone(ground: Ground) -> None:
    """It is said whose it is; what needs no metrics API goes on."""
    await ground.register(THEIRS, "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")
    before = (await ground.kube.get(API_SERVICE))["spec"]
    with ground.replica() as daemon:
        await ground.serve(daemon)
        problem = "external metrics are answered by the Service monitoring/adapter; --take-over-metrics-api makes them"
        await daemon.until(lambda: problem in daemon.said(), "it is said whose the metrics API is")
        assert (await ground.kube.get(API_SERVICE))["spec"] == before
        assert daemon.said().count("monitoring/adapter") == 1


async def test_it_is_taken_over_where_the_daemon_is_told_to(ground: Ground) -> None:
    await ground.register(THEIRS)
    with ground.replica(TAKE_OVER_METRICS_API="true") as daemon:
        await ground.serve(daemon)
        await ground.answered(daemon)
        spec = (await ground.kube.get(API_SERVICE))["spec"]
        assert spec["service"] == OURS
        assert await bundle(ground.cluster) == await ground.stored("ca.crt")

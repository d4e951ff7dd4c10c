"""The daemon over a Kubernetes cluster: one replica of several, of which one leads. All of them keep the world current
and listen; the one that leads answers."""

import asyncio
import logging
import socket
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scaler import catalog
from scaler.clock import Clock, boottime
from scaler.core.model import Mode
from scaler.daemon.admission import Admission
from scaler.daemon.credentials import guard_addresses, stores_of
from scaler.daemon.faces import Faces
from scaler.daemon.process import loop_factory, until_told
from scaler.daemon.sinks import Sending
from scaler.daemon.term import Daemon, binding_of
from scaler.daemon.ways import set_ways
from scaler.errors import ClusterError
from scaler.kubernetes.api import Api
from scaler.kubernetes.cluster import Duty, KubernetesCluster
from scaler.kubernetes.config import access, own_namespace
from scaler.kubernetes.lease import Claim, Terms
from scaler.kubernetes.reach.authentication import Announced
from scaler.kubernetes.reach.authority import names_of
from scaler.kubernetes.reach.certificates import Certificates, GivenCertificates, OwnCertificates, UnwrittenCertificates
from scaler.kubernetes.reach.endpoint import Service
from scaler.kubernetes.reach.serving import Serving
from scaler.kubernetes.reach.webhook import Trusted
from scaler.kubernetes.world import Scope, World
from scaler.manifests.bind import Binding
from scaler.settings import Settings
from scaler.sinks.event import Origin
from scaler.web import external_metrics, tls
from scaler.web.aggregator import Authentication, Believed
from scaler.web.external_metrics import MetricsApi
from scaler.web.reviews import Reviews
from scaler.web.server import listening_tls

log = logging.getLogger(__name__)

NAMESPACE = "event-scaler"
"""The daemon's own, where neither a setting nor the pod says another."""

TRY_AGAIN = 3.0
"""Seconds until an API server that could not be asked for our certificate is asked again."""


def run(given: Settings) -> None:
    """Until SIGTERM or SIGINT."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(kubernetes(given))


async def kubernetes(given: Settings, *, clock: Callable[[], float] | None = None) -> None:
    """Ends when the process is told to, or the task is cancelled."""
    guard_addresses(given)
    await set_ways(given)
    found = await access(Path(given.kubeconfig) if given.kubeconfig else None, given.context or None)
    async with Api(found) as api, Api(found, at_once=4) as lease_api, Api(found, at_once=4) as admission_api:
        await until_told(_Replica(api, lease_api, admission_api, given, clock or Clock()).run())


class _Replica:
    """All parts of one replica, put together; `run` is its life. The Lease has connections of its own, so that it never
    waits behind requests that hang; so has the admission webhook, whose requests others cause."""

    def __init__(
        self, api: Api, lease_api: Api, admission_api: Api, given: Settings, clock: Callable[[], float]
    ) -> None:
        self._api, self._lease_api, self._given, self._clock = api, lease_api, given, clock
        self._namespace = given.namespace or own_namespace(NAMESPACE)
        self._identity = f"{given.pod_name or socket.gethostname()}_{uuid.uuid4()}"
        self._shared = given.cluster_object_namespace or self._namespace
        self._world = World(api, Scope(given.namespaces, given.selector, given.authentication_selector))
        self._admission = Admission(admission_api, self._world, given, clock)
        self._claim = self._claimed()
        self._certificates = self._certified()
        self._announced = Announced(api)
        self._believed = Believed(self._announced.data)

    async def run(self) -> None:
        async with self._cluster() as cluster:
            mode = Mode.OBSERVE if self._given.observe else None
            binding = binding_of(cluster, mode, self._shared)
            sending = self._sending(cluster, binding)
            daemon = Daemon(
                cluster, binding, self._given, self._clock, idle=lambda: cluster.unready() or self._unbelieving()
            )
            faces = Faces(daemon, self._given, [cluster.counts, self._admission.counts, sending.dispatch.counted])
            async with faces.shown(), asyncio.TaskGroup() as tasks:
                beside = [
                    tasks.create_task(self._announced.run(), name="how requests are believed"),
                    tasks.create_task(sending.run(), name="stores of sinks"),
                ]
                try:
                    await self._load_certificates()
                    beside.append(tasks.create_task(self._certificates.run(), name="certificates"))
                    await self._serve(daemon, faces)
                finally:
                    for task in beside:
                        task.cancel()

    def _unbelieving(self) -> str:
        """Who leads next must know the front proxy before it is asked, or the API server's certificate is refused."""
        return "" if self._believed() else "the cluster has not said yet how requests are to be believed"

    async def _serve(self, daemon: Daemon, faces: Faces) -> None:
        """The metrics API on every replica, so that a new leader need not begin to listen; and the webhook."""
        async with Reviews(self._post) as reviews:
            known = Authentication(self._believed, reviews.token, self._clock)
            metrics = MetricsApi(known, reviews, daemon.leading, daemon.unready, self._clock, requests=faces.requests)
            routes = external_metrics.routes(metrics)
            async with (
                listening_tls(*self._given.metrics_address, routes, self._shown),
                self._admission.listening(self._shown_to_all),
            ):
                await daemon.run()

    async def _load_certificates(self) -> None:
        """An API server that cannot be asked yet is waited for: readiness says that there is nothing to serve."""
        while True:
            try:
                await self._certificates.load()
            except ClusterError as error:
                log.warning("there is no serving certificate yet: %s", error)
                await asyncio.sleep(TRY_AGAIN)
            else:
                return

    async def _post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """A review, which is no write: every replica may ask for one."""
        return await self._api.create(path, body, dict[str, Any])

    def _shown(self) -> tls.Certificates:
        """At every handshake."""
        pair, trust = self._certificates.current(), self._believed()
        return tls.Certificates(pair.certificate, pair.key, trust.authorities if trust else b"")

    def _shown_to_all(self) -> tls.Certificates:
        """Where nobody has to show his own."""
        pair = self._certificates.current()
        return tls.Certificates(pair.certificate, pair.key)

    # ----------------------------------------------------------------------------------------------------------- parts

    def _cluster(self) -> KubernetesCluster:
        given = self._given
        return KubernetesCluster(
            self._api,
            self._world,
            self._claim,
            self._clock,
            version=version(catalog.DISTRIBUTION),
            instance=self._identity,
            secret_namespace=self._shared if given.restrict_secrets else None,
            beside=self._beside(),
        )

    def _sending(self, cluster: KubernetesCluster, binding: Binding) -> Sending:
        """Who sends the cluster's events to the sinks."""
        origin = Origin(self._given.k8s_cluster_name, self._shared)
        stores = stores_of(cluster.read, cluster.token, self._given, self._clock)
        sending = Sending(cluster, replace(binding, stores=stores), origin, self._clock)
        cluster.send_events(sending.dispatch)
        return sending

    def _beside(self) -> dict[str, Duty]:
        """What a leader does so that the API server finds and believes us."""
        duties: dict[str, Duty] = {"serving": serving.run} if (serving := self._serving()) else {}
        given = self._given
        if self._claim is not None and given.enable_admission_webhook and given.enable_webhook_patching:
            service = Service(self._namespace, given.webhook_service)
            api = self._api.fenced(self._claim.fence)
            duties["webhook"] = Trusted(api, given.webhook_configuration, service, self._certificates.bundle).run
        return duties

    def _claimed(self) -> Claim | None:
        """None for who only observes: he may run beside whoever leads."""
        given = self._given
        if given.observe:
            return None
        return Claim(
            self._lease_api,
            given.lease_namespace or self._namespace,
            given.lease_name,
            identity=self._identity,
            terms=Terms(given.lease_duration, given.renew_deadline, given.retry_period),
            wall=self._clock,
            steady=boottime,
        )

    def _certified(self) -> Certificates:
        given = self._given
        if given.cert_file:
            authority = Path(given.ca_file) if given.ca_file else None
            return GivenCertificates(Path(given.cert_file), Path(given.key_file), authority)
        services = (given.metrics_service, given.webhook_service)
        names = names_of(services, self._namespace, given.cluster_domain)
        if given.observe:
            return UnwrittenCertificates(names=names, clock=self._clock)
        return OwnCertificates(self._api, self._namespace, given.cert_secret, names=names, clock=self._clock)

    def _serving(self) -> Serving | None:
        given = self._given
        if self._claim is None:
            return None
        return Serving(
            self._api.fenced(self._claim.fence),
            Service(self._namespace, given.metrics_service),
            (given.pod_ip, given.metrics_address[1]) if given.pod_ip else None,
            certificates=self._certificates,
            take_over=given.take_over_metrics_api,
        )

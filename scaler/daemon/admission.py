"""The admission webhook of one replica, put together: every replica answers, from what it watches anyway."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext

from scaler import catalog
from scaler.kubernetes.admission import Neighbours
from scaler.kubernetes.api import Api
from scaler.kubernetes.world import World
from scaler.settings import Settings
from scaler.web.admission.counts import Validations
from scaler.web.admission.endpoint import Webhook, routes
from scaler.web.server import listening_tls
from scaler.web.tls import Certificates


class Admission:
    """`api` is for nothing else: reviews, whoever sends them, never stand before what the daemon writes."""

    def __init__(self, api: Api, world: World, given: Settings, clock: Callable[[], float]) -> None:
        self._given, self._validations = given, Validations()
        neighbours = Neighbours(api, world, clock, namespaces=given.namespaces)
        strict = given.strict_admission
        self._webhook = Webhook(catalog.find, neighbours.findings, world.unsynced, self._validations, strict=strict)

    def counts(self) -> Mapping[str, Mapping[tuple[str, ...], float]]:
        """Under the names of /metrics."""
        return self._validations.counts()

    def listening(self, certificates: Callable[[], Certificates]) -> AbstractAsyncContextManager[object]:
        """While the block runs. Raises `SettingsError` where the address is taken."""
        if not self._given.enable_admission_webhook:
            return nullcontext()
        address = self._given.webhook_address
        return listening_tls(*address, routes(self._webhook), certificates, asking=False)

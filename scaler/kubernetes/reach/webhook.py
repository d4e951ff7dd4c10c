"""The `caBundle` of our admission webhook: by it the API server believes who answers its reviews. The configuration is
installed with the daemon, and may be left out: it is never made here. In it only what asks our Service is ours."""

import asyncio
import logging
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import msgspec

from scaler.errors import ClusterError, NotFound, NotLeading
from scaler.kubernetes.api import Api, Patch
from scaler.kubernetes.objects import Meta
from scaler.kubernetes.reach.endpoint import Service
from scaler.logs import Changes

log = logging.getLogger(__name__)

PATH = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"

LOOK = 30.0
"""Seconds until the configuration is looked at again."""

LOOK_SOON = 3.0
"""Seconds until it is seen that our authority is another; and until what failed is tried again."""

Json = dict[str, Any]


class Reference(msgspec.Struct):
    namespace: str = ""
    name: str = ""


class Client(msgspec.Struct, rename="camel"):
    service: Reference | None = None
    ca_bundle: str = ""


class Hook(msgspec.Struct, rename="camel"):
    name: str = ""
    client_config: Client = msgspec.field(default_factory=Client)


class Configuration(msgspec.Struct):
    """admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration."""

    metadata: Meta = Meta()
    webhooks: tuple[Hook, ...] = ()


def bundle_patch(found: Configuration, service: Service, bundle: str) -> list[Json]:
    """What `found` lacks, as a JSON patch that does nothing where somebody has changed the webhooks meanwhile; empty
    for nothing."""
    encoded, patch = b64encode(bundle.encode()).decode(), list[Json]()
    for index, hook in enumerate(found.webhooks):
        asked = hook.client_config.service
        ours = asked is not None and (asked.namespace, asked.name) == (service.namespace, service.name)
        if ours and hook.client_config.ca_bundle != encoded:
            path = f"/webhooks/{index}"
            patch.append({"op": "test", "path": f"{path}/name", "value": hook.name})
            patch.append({"op": "add", "path": f"{path}/clientConfig/caBundle", "value": encoded})
    return patch


class Trusted:
    """`run` is for as long as we lead; `api` is the leader's. `bundle` gives whom the API server is to trust, in PEM;
    nothing where that is somebody else's to say."""

    def __init__(self, api: Api, name: str, service: Service, bundle: Callable[[], str]) -> None:
        self._api, self._name, self._service, self._bundle = api, name, service, bundle
        self._said = Changes()

    async def run(self) -> None:
        now = asyncio.get_running_loop().time
        written, due = "", now()
        while True:
            bundle = self._bundle()
            if bundle and (bundle != written or now() >= due):
                try:
                    await self.look(bundle)
                    written, due = bundle, now() + LOOK
                except NotLeading:  # the end of leading is said where it is noticed
                    return
                except ClusterError as error:
                    self._say(str(error))
                    written, due = (bundle, now() + LOOK) if not error.retriable else ("", due)
            await asyncio.sleep(LOOK_SOON)

    async def look(self, bundle: str) -> None:
        """Raises `ClusterError`."""
        try:
            found = await self._api.get(f"{PATH}/{self._name}", Configuration)
        except NotFound:
            self._say(f"there is no ValidatingWebhookConfiguration {self._name}")
            return
        if patch := bundle_patch(found, self._service, bundle):
            await self._api.patch(f"{PATH}/{self._name}", patch, Configuration, kind=Patch.JSON)
            log.info("the API server believes our admission webhook", extra={"configuration": self._name})
        self._say("")

    def _say(self, problem: str) -> None:
        if self._said.news("problem", problem or None) and problem:
            log.warning("objects are not checked by us before they are written: %s", problem)

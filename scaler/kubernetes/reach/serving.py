"""What the leader keeps in step so that it is reached: its endpoint, its certificate, its place in the API server. All
is looked at again and again, and only what differs is written."""

import asyncio
import logging

from scaler.errors import ClusterError, NotLeading
from scaler.kubernetes.api import Api
from scaler.kubernetes.reach.certificates import Certificates
from scaler.kubernetes.reach.endpoint import Service, placed
from scaler.kubernetes.reach.registration import registered
from scaler.logs import Changes

log = logging.getLogger(__name__)

LOOK, LOOK_SOON = 30.0, 3.0
"""Seconds until all is looked at again; sooner where something failed."""


class Serving:
    """`run` is for as long as we lead; `api` is the leader's. Without an `address` we cannot be reached from inside the
    cluster, and nothing is written about it. `problem` is why we are not reached, as far as we know."""

    def __init__(
        self,
        api: Api,
        service: Service,
        address: tuple[str, int] | None,
        *,
        certificates: Certificates,
        take_over: bool = False,
    ) -> None:
        self._api, self._service, self._address = api, service, address
        self._certificates, self._take_over = certificates, take_over
        self._said = Changes()
        self.problem = ""

    async def run(self) -> None:
        while True:
            try:
                await self.look()
                self._say("")
                pause = LOOK
            except NotLeading:  # the end of leading is said where it is noticed
                return
            except ClusterError as error:
                self._say(str(error))
                pause = LOOK_SOON if error.retriable else LOOK
            await asyncio.sleep(pause)

    async def look(self) -> None:
        """The endpoint first: with it a takeover is done. Raises `ClusterError`."""
        if self._address and await placed(self._api, self._service, *self._address):
            log.info("the Service leads here now", extra={"service": self._service, "address": self._address[0]})
        await self._certificates.renew(self._api)
        bundle = self._certificates.bundle()
        if self._address and await registered(self._api, self._service, bundle, take_over=self._take_over):
            log.info("external metrics are ours", extra={"service": self._service})

    def _say(self, problem: str) -> None:
        self.problem = problem
        if self._said.news("problem", problem or None):
            if problem:
                log.error("external metrics cannot be served: %s", problem)
            else:
                log.info("external metrics can be served again")

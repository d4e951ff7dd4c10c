"""The serving certificate of the moment, and whom others have to trust for it: our own, kept in a Secret that all
replicas read (with KEDA's keys, so that KEDA's own Secret may be it), or files that somebody else renews. When which is
due stands in `rotation.py`."""

import asyncio
import logging
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from scaler.errors import ClusterError, Conflict, NotFound, SettingsError
from scaler.kubernetes.api import Api
from scaler.kubernetes.objects import Meta
from scaler.kubernetes.reach.authority import Pair, fits
from scaler.kubernetes.reach.rotation import Holding, renewed, usable
from scaler.logs import Changes

log = logging.getLogger(__name__)

LOOK, LOOK_SOON = 60.0, 10.0
"""Seconds after which the Secret is read again; sooner while there is none: who follows may lead next."""

LOOK_AT_FILES = 10.0

FORMER = "ca-old.crt"
"""Beside KEDA's four keys."""


class _Secret(msgspec.Struct):
    metadata: Meta = Meta()
    data: dict[str, str] | None = None


class OwnCertificates:
    """`load` once, then `run` on every replica, by which nothing is written; `renew` by the leader. `names` are the
    Services'."""

    def __init__(
        self, api: Api, namespace: str, name: str, *, names: Sequence[str], clock: Callable[[], float]
    ) -> None:
        self._api, self._namespace, self._name = api, namespace, name
        self._secrets = f"/api/v1/namespaces/{namespace}/secrets"
        self._names, self._clock = names, clock
        self._holding = self._stored = Holding()
        self._version = ""
        self._said = Changes()

    def current(self) -> Pair:
        """For the next handshake."""
        return self._holding.serving

    def bundle(self) -> str:
        return self._holding.bundle

    async def load(self) -> None:
        """What the Secret holds. Where it holds nothing that can be used, this replica makes something up that nobody
        trusts yet, and has it for itself until it leads, or the leader has made the Secret. Raises `ClusterError`."""
        try:
            self._take(await self._api.get(f"{self._secrets}/{self._name}", _Secret))
        except NotFound:
            self._miss()
        if self._ours() and not usable(self._holding.serving, self._clock()):
            self._holding = renewed(self._holding, self._names, self._clock())

    async def run(self) -> None:
        while True:
            await asyncio.sleep(LOOK if self._version else LOOK_SOON)
            try:
                await self.load()
                self._say("")
            except ClusterError as error:
                self._say(str(error))

    async def renew(self, api: Api) -> None:
        """The next step where one is due, written through the leader's `api`. Raises `ClusterError`."""
        following = renewed(self._holding, self._names, self._clock())
        if self._ours() and following != self._stored:
            await self._write(api, following)

    def _ours(self) -> bool:
        """A certificate without its authority's key is somebody else's, who renews it himself."""
        return bool(self._holding.authority.key or not self._holding.serving.certificate)

    def _miss(self) -> None:
        """Deleted while we served by it, it comes back with another authority, announced before it signs."""
        if self._version:
            forsaken = replace(self._holding, authority=Pair(self._holding.authority.certificate))
            self._version, self._stored = "", Holding()
            self._holding = renewed(forsaken, self._names, self._clock())

    async def _write(self, api: Api, holding: Holding) -> None:
        """Where another was quicker, what he wrote is it."""
        try:
            self._take(await (self._patched(api, holding) if self._version else self._created(api, holding)))
        except Conflict:
            self._take(await self._api.get(f"{self._secrets}/{self._name}", _Secret))

    async def _created(self, api: Api, holding: Holding) -> _Secret:
        metadata = {"name": self._name, "namespace": self._namespace}
        data = {key: text for key, text in _data(holding).items() if text}
        secret = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": metadata, "data": data}
        return await api.create(self._secrets, secret, _Secret)

    async def _patched(self, api: Api, holding: Holding) -> _Secret:
        patch = {"metadata": {"resourceVersion": self._version}, "data": _data(holding)}
        made = await api.patch(f"{self._secrets}/{self._name}", patch, _Secret)
        log.info("the serving certificate or its authority is renewed", extra={"secret": self._name})
        return made

    def _take(self, secret: _Secret) -> None:
        self._version, self._stored = secret.metadata.resource_version, _holding(secret.data or {})
        self._holding = self._stored

    def _say(self, problem: str) -> None:
        if self._said.news("problem", problem or None) and problem:
            log.warning("the serving certificate stays as it is: %s", problem)


def _data(holding: Holding) -> dict[str, str | None]:
    texts = {
        "ca.crt": holding.authority.certificate,
        "ca.key": holding.authority.key,
        "tls.crt": holding.serving.certificate,
        "tls.key": holding.serving.key,
        FORMER: holding.former,
    }
    return {key: b64encode(text.encode()).decode() if text else None for key, text in texts.items()}


def _holding(data: dict[str, str]) -> Holding:
    texts = {key: b64decode(text).decode("ascii", "replace") for key, text in data.items()}

    def pair(name: str) -> Pair:
        return Pair(texts.get(f"{name}.crt", ""), texts.get(f"{name}.key", ""))

    return Holding(pair("ca"), pair("tls"), texts.get(FORMER, ""))


class GivenCertificates:
    """Files that somebody else renews. Without `authority` it is his business too to tell others whom to trust."""

    def __init__(self, certificate: Path, key: Path, authority: Path | None = None) -> None:
        self._files = (certificate, key, authority)
        self._pair, self._bundle = Pair(), ""
        self._said = Changes()

    def current(self) -> Pair:
        return self._pair

    def bundle(self) -> str:
        return self._bundle

    async def load(self) -> None:
        """Raises `SettingsError`."""
        self._pair, self._bundle = await asyncio.to_thread(_read, *self._files)

    async def run(self) -> None:
        """Read again and again: that is cheaper than to know what a change of a mounted Secret looks like."""
        while True:
            await asyncio.sleep(LOOK_AT_FILES)
            try:
                await self.load()
                self._said.news("problem", None)
            except SettingsError as error:  # also in between, when only one of them is new
                if self._said.news("problem", str(error)):
                    log.warning("the serving certificate stays as it is: %s", error)

    async def renew(self, _: Api) -> None:
        """Somebody else does."""


class UnwrittenCertificates:
    """Our own, held in memory alone, of a daemon that only observes: who asks it directly need not trust them."""

    def __init__(self, *, names: Sequence[str], clock: Callable[[], float]) -> None:
        self._names, self._clock = names, clock
        self._holding = Holding()

    def current(self) -> Pair:
        return self._holding.serving

    def bundle(self) -> str:
        return self._holding.bundle

    async def load(self) -> None:
        self._holding = renewed(self._holding, self._names, self._clock())

    async def run(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            await self.load()

    async def renew(self, _: Api) -> None:
        """Done by the look."""


Certificates = OwnCertificates | GivenCertificates | UnwrittenCertificates


def _read(certificate: Path, key: Path, authority: Path | None) -> tuple[Pair, str]:
    try:
        pair = Pair(certificate.read_text("ascii"), key.read_text("ascii"))
        bundle = authority.read_text("ascii") if authority else ""
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError({"certificate": f"its files cannot be read ({type(error).__name__})"}) from None
    if not fits(pair):
        raise SettingsError({"certificate": f"{certificate} and {key} do not belong together"})
    return pair, bundle

"""What is in one Secret or ConfigMap, by the verb `get`: the request, the decoding, and our sentences for refusals. No
value is ever shown. When to ask, and what is held, is known by `secrets.py`."""

import re
from collections.abc import Mapping
from typing import Protocol, TypeVar

import msgspec

from scaler.errors import Forbidden, NotFound
from scaler.kubernetes.api import METADATA_ONLY
from scaler.kubernetes.objects import Meta
from scaler.manifests.watched import Ref

KINDS = frozenset({"Secret", "ConfigMap"})

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
T = TypeVar("T")


class Reading(Protocol):
    """What is needed of `Api`."""

    async def get(self, path: str, as_: type[T], *, accept: str = "", **parameters: str) -> T: ...


class _Found(msgspec.Struct, frozen=True):
    metadata: Meta = Meta()

    def __repr__(self) -> str:
        return "(not shown)"


class _Secret(_Found, frozen=True):
    data: dict[str, bytes] | None = None  # base64 is decoded on the way


class _ConfigMap(_Found, frozen=True):
    data: dict[str, str] | None = None


class Contents:
    """With a `namespace`, Secrets may be read in that one alone. Everything raises `NotFound`, `Forbidden` with a
    sentence that names the object, and `ClusterError`."""

    def __init__(self, api: Reading, namespace: str | None) -> None:
        self._api, self._namespace = api, namespace

    async def read(self, ref: Ref) -> tuple[Mapping[str, str], Meta]:
        """The data as of now. Bytes that are no text pass as they do in Go's strings: encoded again with the same
        `surrogateescape`, they are what they were."""
        if ref.kind == "ConfigMap":
            config = await self._get(ref, _ConfigMap)
            return config.data or {}, config.metadata
        secret = await self._get(ref, _Secret)
        data = {key: value.decode(errors="surrogateescape") for key, value in (secret.data or {}).items()}
        return data, secret.metadata

    async def version(self, ref: Ref) -> Meta:
        """Which version there is, out of the API server's memory: that may be behind."""
        return (await self._get(ref, _Found, accept=METADATA_ONLY, resourceVersion="0")).metadata

    async def _get(self, ref: Ref, as_: type[T], **how: str) -> T:
        """A name that no object can have is not asked for: it could lead to another place in the API."""
        if ref.kind == "Secret" and self._namespace not in (None, ref.namespace):
            raise Forbidden(f"Secret {ref} may not be read, only those in namespace {self._namespace} may")
        if ref.kind not in KINDS or not _NAME.fullmatch(ref.name):
            raise NotFound(f"there is no {ref.kind} {ref}")
        try:
            return await self._api.get(f"/api/v1/namespaces/{ref.namespace}/{ref.kind.lower()}s/{ref.name}", as_, **how)
        except NotFound:
            raise NotFound(f"there is no {ref.kind} {ref}") from None
        except Forbidden:
            raise Forbidden(f"{ref.kind} {ref} may not be read with the daemon's rights") from None

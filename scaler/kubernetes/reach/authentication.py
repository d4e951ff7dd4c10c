"""How requests to us are to be believed, as the cluster announces it in a ConfigMap: watched, because its authorities
are replaced while everything runs. What the data mean is known where requests are answered."""

from collections.abc import Mapping

import msgspec

from scaler.kubernetes.api import Api
from scaler.kubernetes.cache import Cache
from scaler.kubernetes.objects import Meta
from scaler.kubernetes.watch import Watch

NAMESPACE, NAME = "kube-system", "extension-apiserver-authentication"


class ConfigMap(msgspec.Struct, frozen=True, gc=False):
    metadata: Meta = Meta()
    data: dict[str, str] | None = None


class Announced:
    """`run` keeps it current: what is refused or fails is said once and tried again."""

    def __init__(self, api: Api) -> None:
        self._cache: Cache[ConfigMap] = Cache()
        path, one = f"/api/v1/namespaces/{NAMESPACE}/configmaps", {"fieldSelector": f"metadata.name={NAME}"}
        self._watch = Watch(api, path, self._cache, ConfigMap, parameters=one)
        self.run = self._watch.run

    def data(self) -> Mapping[str, str] | None:
        """The same object until there is another; `None` where there is none (yet)."""
        found = self._cache.get(NAMESPACE, NAME)
        return (found.data or {}) if found else None

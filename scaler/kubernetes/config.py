"""Where the API server is and who we are to it: the pod's own service account, or a kubeconfig. Tokens are looked at
again each minute, as both are replaced while the daemon runs. Requests are `api.py`'s business."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import yaml
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config
from kubernetes.aio.config.kube_config import load_kube_config

from scaler.errors import ClusterError

REFRESH = 60.0
"""Seconds after which a token is read again (service account tokens are rotated by the kubelet)."""

NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

_UNUSABLE = (ConfigException, yaml.YAMLError, OSError, KeyError, AttributeError, TypeError, ValueError)
"""What the loader raises over a file that says something else than it should."""

Load = Callable[[Configuration], Awaitable[None]]


class Access:
    """The API server's URL, how it is trusted, and the `Authorization` header of the moment."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._configuration = Configuration()
        self._loaded = float("-inf")
        self._reading = asyncio.Lock()

    async def load(self) -> None:
        """Read everything once. Raises `ClusterError` where there is nothing, or nothing usable."""
        try:
            await self._load(self._configuration)
        except _UNUSABLE as error:
            raise ClusterError(f"there is no usable access to a cluster ({type(error).__name__})") from None
        self._loaded = asyncio.get_running_loop().time()

    @property
    def server(self) -> str:
        return str(self._configuration.host).rstrip("/")

    @property
    def server_name(self) -> str | None:
        """The name to verify the server's certificate by, where it is not the URL's."""
        return self._configuration.tls_server_name or None

    @property
    def proxy(self) -> str | None:
        return self._configuration.proxy or None

    def context(self) -> ssl.SSLContext:
        """Built without OpenSSL's strict flag: clusters' own authorities often lack what it asks for (contract 1.6).
        Raises `ClusterError` where a certificate cannot be used."""
        given = self._configuration
        try:
            context = ssl.create_default_context(cafile=given.ssl_ca_cert, cadata=given.ca_cert_data)
            if given.cert_file:
                context.load_cert_chain(given.cert_file, keyfile=given.key_file)
        except (OSError, ValueError) as error:
            raise ClusterError(f"the cluster's certificates cannot be used ({type(error).__name__})") from None
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if not given.verify_ssl:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    async def authorization(self) -> str:
        """The header's value, or nothing where a certificate says who we are. A token that cannot be read anew is used
        on: the API server says when it is no longer good."""
        if "BearerToken" not in self._configuration.api_key:
            return ""
        async with self._reading:
            if asyncio.get_running_loop().time() >= self._loaded + REFRESH:
                try:
                    await self.load()
                except ClusterError:
                    self._loaded = asyncio.get_running_loop().time()
        return str(self._configuration.api_key["BearerToken"]).strip()


async def access(kubeconfig: Path | None = None, context: str | None = None) -> Access:
    """By the kubeconfig where one is given, else as the pod that this is. Raises `ClusterError`."""
    found = Access(_from_file(kubeconfig, context) if kubeconfig else _from_pod)
    await found.load()
    return found


async def _from_pod(configuration: Configuration) -> None:
    load_incluster_config(client_configuration=configuration, try_refresh_token=False)


def _from_file(kubeconfig: Path, context: str | None) -> Load:
    """Plug-ins that make tokens keep their own idea of when one expires: the loader stays."""
    loader: Any = None

    async def load(configuration: Configuration) -> None:
        nonlocal loader
        if loader is None:
            loader = await load_kube_config(str(kubeconfig), context, configuration, persist_config=False)
        else:
            await loader.load_and_set(configuration)

    return load


def own_namespace(default: str) -> str:
    """The namespace of the pod that this is, where it is one."""
    try:
        return NAMESPACE.read_text(encoding="ascii").strip() or default
    except OSError:
        return default

"""A real Kubernetes control plane on loopback: what tests do to it; nothing of how it is started.

`with control_plane() as cluster: ...` is the life of the servers. There are no nodes: pods become ready by word of the
rig's kubelet. Users are made by asking for their kubeconfig; the audit log says who did what.
"""

import asyncio
import json
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from tests.rig.address import own_address
from tests.rig.certificates import Authority
from tests.rig.kube_build import fetch, program
from tests.rig.kube_client import KubeClient, connect, path
from tests.rig.kube_servers import (
    DIRECT,
    MASTERS,
    Layout,
    Options,
    api_server,
    controller_manager,
    etcd,
    kubelets,
)
from tests.rig.process import Server, running

__all__ = ["ControlPlane", "Options", "Request", "control_plane", "fetch"]

DEFAULTS = Options()
COMPLETE = "ResponseComplete"
AUTHENTICATION = path("v1", "configmaps", "kube-system", "extension-apiserver-authentication")
FRONT_PROXY_CA = "requestheader-client-ca-file"
LIMIT = 60.0
ADMIN = "admin"


class Said(NamedTuple):
    """What a program left behind."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Request:
    """A line of the audit log; `at` is when the request came in, in seconds since 1970."""

    at: float
    user: str
    verb: str
    uri: str
    code: int
    stage: str


class ControlPlane:
    """A running control plane. Its servers may be frozen, killed and started again: same ports, same data."""

    def __init__(self, layout: Layout, options: Options, address: str) -> None:
        self._layout = layout
        self.address = address
        self.etcd = etcd(layout)
        self.api_server = api_server(layout, options)
        self.controllers = controller_manager(layout, options)
        self.kubelet = kubelets(layout)

    @property
    def server(self) -> str:
        return self._layout.server

    @property
    def folder(self) -> Path:
        """Where the logs are, and everything else that goes with the control plane."""
        return self._layout.folder

    @property
    def authority(self) -> Authority:
        """Signs clients and whatever else should be trusted as the cluster's."""
        return self._layout.authority

    @property
    def ca(self) -> str:
        return self.authority.certificate.read_text()

    @property
    def front_proxy(self) -> Authority:
        """Signs whom aggregated servers believe to be the API server."""
        return self._layout.front_proxy

    def kubeconfig(self, user: str = ADMIN, groups: Sequence[str] = ()) -> Path:
        """Of a user with a certificate of these groups; "admin" may do everything."""
        return self._layout.kubeconfig(user, (MASTERS,) if user == ADMIN else groups)

    def kubeconfig_for_token(self, token: str, *, namespace: str = "default") -> Path:
        descriptor, file = tempfile.mkstemp(suffix=".kubeconfig", dir=self.folder)
        os.close(descriptor)
        self._layout.write_kubeconfig(Path(file), {"token": token}, namespace=namespace)
        return Path(file)

    async def token(self, namespace: str, account: str, *, seconds: int = 3600) -> str:
        """Of a ServiceAccount that is there; the shortest life the API server gives is ten minutes."""
        wanted = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
        async with self.client() as client:
            where = path("v1", "serviceaccounts", namespace, account, part="token")
            answer = await client.create(where, wanted | {"spec": {"expirationSeconds": seconds}})
            return str(answer["status"]["token"])

    @asynccontextmanager
    async def client(self, user: str = ADMIN, groups: Sequence[str] = ()) -> AsyncIterator[KubeClient]:
        async with connect(self.kubeconfig(user, groups)) as client:
            yield client

    async def kubectl(self, *arguments: str, user: str = ADMIN, stdin: str = "") -> Said:
        """The loop goes on meanwhile: what kubectl asks may be answered by the test itself."""
        return await asyncio.to_thread(self._kubectl, arguments, self.kubeconfig(user), stdin)

    def mark(self) -> int:
        """The end of the audit log: what is asked for since then comes after it."""
        return self._layout.audit.stat().st_size

    def audit(self, since: int = 0, *, user: str | None = None, stage: str = COMPLETE) -> list[Request]:
        """Everybody's writes and all that the daemon asked, in the order of the answers.

        The daemon is the user "daemon" and every ServiceAccount of the namespaces event-scaler and keda. A watch is
        complete when it ends; that it began is the stage ResponseStarted. A line may come a moment later than others
        see the change.
        """
        with self._layout.audit.open("rb") as file:
            file.seek(since)
            lines = file.read().splitlines(keepends=True)
        found = (_request(json.loads(line)) for line in lines if line.endswith(b"\n"))
        return [one for one in found if one.stage == stage and user in (None, one.user)]

    @asynccontextmanager
    async def down(self, server: Server) -> AsyncIterator[None]:
        """Killed for the length of the block; afterwards it answers again."""
        await asyncio.to_thread(server.kill)
        try:
            yield
        finally:
            server.launch()
            await asyncio.to_thread(server.wait)

    @contextmanager
    def frozen(self, server: Server) -> Iterator[None]:
        """For the length of the block connections stay and nothing is answered."""
        try:
            server.freeze()
            yield
        finally:
            server.thaw()

    async def rotate_front_proxy(self) -> None:
        """Another authority for the front proxy, with another certificate, under a running API server.

        Returns when the authority is published: some 0.1 s as the API server watches its files, at the latest with
        its next look at them, a minute later. The new certificate is presented from about then on, a moment before
        or after. Published is a bundle of old and new: the API server adds to it and takes away what has expired.
        """
        self._layout.front_proxy = self._layout.new_front_proxy()
        new = self.front_proxy.certificate.read_text()
        async with self.client() as client:
            await client.until(AUTHENTICATION, lambda published: new in published["data"][FRONT_PROXY_CA], patience=90)

    def _kubectl(self, arguments: Sequence[str], kubeconfig: Path, stdin: str) -> Said:
        home = {"HOME": str(self.folder), "KUBECONFIG": str(kubeconfig)}
        done = subprocess.run(
            [program("kubectl"), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT,
            env=os.environ | DIRECT | home,
        )
        return Said(done.returncode, done.stdout, done.stderr)


@contextmanager
def control_plane(options: Options = DEFAULTS) -> Iterator[ControlPlane]:
    """A cluster without nodes that keeps its data in a temporary folder."""
    fetch()
    with tempfile.TemporaryDirectory(prefix="event-scaler-control-plane-") as folder, own_address() as address:
        made = ControlPlane(Layout(Path(folder)), options, address)
        # Each waits for the one before only seconds, and then gives up.
        with running(made.etcd), running(made.api_server), running(*_others(made, options)):
            yield made


def _others(made: ControlPlane, options: Options) -> list[Server]:
    return [made.controllers, made.kubelet] if options.kubelet else [made.controllers]


def _request(line: dict[str, Any]) -> Request:
    return Request(
        at=datetime.fromisoformat(line["requestReceivedTimestamp"]).timestamp(),
        user=line["user"]["username"],
        verb=line["verb"],
        uri=line["requestURI"],
        code=line.get("responseStatus", {}).get("code", 0),
        stage=line["stage"],
    )

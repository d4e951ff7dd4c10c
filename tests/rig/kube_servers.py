"""How Kubernetes' control plane is configured and started: etcd, kube-apiserver, kube-controller-manager.

Where the programs come from is in `kube_build`, what tests do to them in `control_plane`.
"""

import base64
import json
import shutil
import ssl
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path

from tests.rig import kubelet
from tests.rig.certificates import Authority, Pair
from tests.rig.kube_build import ETCD, program
from tests.rig.process import Server, free_ports

ROOT = Path(__file__).parents[2]
# A proxy between this machine and itself helps nobody.
DIRECT = {"NO_PROXY": "*", "no_proxy": "*"}
GRACE = 3.0
SERVICES = "10.0.0.0/16"
NAMES = ("127.0.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "10.0.0.1")
PROXY_CA = "front-proxy-ca"
PROXY = "front-proxy-client"
MASTERS = "system:masters"
CONTROLLERS = (
    "deployment-controller",
    "replicaset-controller",
    "statefulset-controller",
    "job-controller",
    "cronjob-controller",
    "horizontal-pod-autoscaler-controller",
    "namespace-controller",
    "garbage-collector-controller",
    "serviceaccount-controller",
    "root-ca-certificate-publisher-controller",
    "clusterrole-aggregation-controller",
    "endpointslice-controller",
    "disruption-controller",
    "ttl-after-finished-controller",
)
# Whoever is the daemon: everything it does. Of everybody else: what they change.
WRITES = ["create", "update", "patch", "delete", "deletecollection"]
AUDIT = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "users": ["daemon"]},
        {"level": "Metadata", "userGroups": ["system:serviceaccounts:event-scaler", "system:serviceaccounts:keda"]},
        {"level": "Metadata", "verbs": WRITES},
        {"level": "None"},
    ],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How one control plane differs from another. Flags given at the end win."""

    hpa_sync: str = "1s"
    downscale_stabilization: str = "5m0s"
    accounts: bool = True
    """Each controller calls as its own ServiceAccount, and is asked whether it may, as in a real cluster."""
    aggregator_routing: bool = True
    """Aggregated requests go to an address of the EndpointSlice, not to what the Service's name says."""
    service_account_admission: bool = False
    """Pods wait for their ServiceAccount and carry its token."""
    qps: int = 200
    burst: int = 400
    kubelet: bool = True
    api_server_flags: tuple[str, ...] = ()
    controller_flags: tuple[str, ...] = ()


class Layout:
    """Where the parts of one control plane listen, and the files that they share."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.api_port, self.etcd_port, self.peer_port, self.controllers_port = free_ports(4)
        self.audit = folder / "audit.log"
        # Apart from what the API server reads: a client may be called like any of it.
        certificates = folder / "certificates"
        certificates.mkdir()
        self.authority = Authority(certificates, "ca")
        self.serving = self.authority.issue("kube-apiserver", names=NAMES)
        self.front_proxy = self.new_front_proxy()
        # Only its key signs; the certificate is how the public key is told.
        self.accounts = self.authority.issue("service-accounts", names=())

    @property
    def server(self) -> str:
        return f"https://127.0.0.1:{self.api_port}"

    @property
    def etcd(self) -> str:
        return f"http://127.0.0.1:{self.etcd_port}"

    def kubeconfig(self, user: str, groups: Sequence[str] = ()) -> Path:
        """Of a user whose certificate the cluster's authority signed; a name that KUBECONFIG takes has no colon."""
        file = self.folder / f"{'+'.join((user, *groups)).replace(':', '-')}.kubeconfig"
        if not file.exists():
            pair = self.authority.issue(user, groups=groups, names=())
            self.write_kubeconfig(file, _credentials(pair))
        return file

    def new_front_proxy(self) -> Authority:
        """Another authority for the front proxy and a certificate of it, where the API server reads them.

        As kubeadm's: always of the same name, and the certificate has none to be compared with an address. Each file
        is replaced as a whole.
        """
        authority = Authority(Path(tempfile.mkdtemp(dir=self.folder)), PROXY_CA)
        pair = authority.issue(PROXY, names=())
        for file in (authority.certificate, pair.certificate, pair.key):
            part = self.folder / f"{file.name}.part"
            shutil.copy(file, part)
            part.replace(self.folder / file.name)
        return authority

    def write_kubeconfig(self, file: Path, user: Mapping[str, str], *, namespace: str = "default") -> None:
        cluster = {"server": self.server, "certificate-authority-data": _encoded(self.authority.certificate)}
        context = {"cluster": "rig", "user": "rig", "namespace": namespace}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "rig", "cluster": cluster}],
            "users": [{"name": "rig", "user": dict(user)}],
            "contexts": [{"name": "rig", "context": context}],
            "current-context": "rig",
        }
        file.write_text(json.dumps(config))
        file.chmod(0o600)


def etcd(layout: Layout) -> Server:
    peer = f"http://127.0.0.1:{layout.peer_port}"
    flags = {
        "name": "rig",
        "data-dir": layout.folder / "etcd",
        "listen-client-urls": layout.etcd,
        "advertise-client-urls": layout.etcd,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"rig={peer}",
        "unsafe-no-fsync": "true",
        "log-level": "warn",
    }
    return _server(layout, ETCD, _flags(flags), ready=partial(_answers, layout.etcd_port, "/health"))


def api_server(layout: Layout, options: Options) -> Server:
    policy = layout.folder / "audit-policy.json"
    policy.write_text(json.dumps(AUDIT))
    flags = {
        "etcd-servers": layout.etcd,
        "bind-address": "127.0.0.1",
        "secure-port": layout.api_port,
        # Written nowhere; without it a machine without a default route is refused.
        "advertise-address": "198.51.100.1",
        "endpoint-reconciler-type": "none",
        "service-cluster-ip-range": SERVICES,
        "authorization-mode": "RBAC",
        "profiling": "false",
        "enable-aggregator-routing": str(options.aggregator_routing).lower(),
        "audit-policy-file": policy,
        "audit-log-path": layout.audit,
        "audit-log-maxsize": 4096,
    }
    switch = "enable" if options.service_account_admission else "disable"
    flags |= {f"{switch}-admission-plugins": "ServiceAccount"} | _serving(layout) | _trust(layout)
    ready = partial(_answers, layout.api_port, "/readyz", authority=layout.authority.certificate)
    return _server(layout, "kube-apiserver", [*_flags(flags), *options.api_server_flags], ready=ready)


def controller_manager(layout: Layout, options: Options) -> Server:
    flags = {
        "kubeconfig": layout.kubeconfig("system:kube-controller-manager", (MASTERS,)),
        "leader-elect": "false",
        "bind-address": "127.0.0.1",
        "secure-port": layout.controllers_port,
        "controllers": ",".join(CONTROLLERS),
        "horizontal-pod-autoscaler-sync-period": options.hpa_sync,
        "horizontal-pod-autoscaler-downscale-stabilization": options.downscale_stabilization,
        "kube-api-qps": options.qps,
        "kube-api-burst": options.burst,
        "use-service-account-credentials": str(options.accounts).lower(),
        "service-account-private-key-file": layout.accounts.key,
        "root-ca-file": layout.authority.certificate,
        "profiling": "false",
    }
    flags |= _serving(layout)
    ready = partial(_answers, layout.controllers_port, "/healthz", authority=layout.authority.certificate)
    return _server(layout, "kube-controller-manager", [*_flags(flags), *options.controller_flags], ready=ready)


def kubelets(layout: Layout) -> Server:
    """The stand-in for all kubelets; it is ready when it follows the pods."""
    kubeconfig = layout.kubeconfig("kubelet", (MASTERS,))
    log = layout.folder / "kubelet.log"
    command = [sys.executable, "-m", kubelet.__name__, str(kubeconfig)]
    environment = {"PYTHONPATH": str(ROOT)}
    return Server(command, log=log, ready=lambda: kubelet.FOLLOWING in log.read_text(), environment=environment)


def _server(layout: Layout, name: str, flags: Sequence[str], *, ready: Callable[[], bool]) -> Server:
    log = layout.folder / f"{name}.log"
    return Server([program(name), *flags], log=log, ready=ready, environment=DIRECT, grace=GRACE)


def _serving(layout: Layout) -> dict[str, object]:
    return {"tls-cert-file": layout.serving.certificate, "tls-private-key-file": layout.serving.key}


def _trust(layout: Layout) -> dict[str, object]:
    """Whom the API server believes, and how it shows who it is itself when it passes a request on."""
    return {
        "client-ca-file": layout.authority.certificate,
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": layout.accounts.certificate,
        "service-account-signing-key-file": layout.accounts.key,
        "proxy-client-cert-file": layout.folder / f"{PROXY}.crt",
        "proxy-client-key-file": layout.folder / f"{PROXY}.key",
        "requestheader-client-ca-file": layout.folder / f"{PROXY_CA}.crt",
        "requestheader-allowed-names": PROXY,
        "requestheader-username-headers": "X-Remote-User",
        "requestheader-uid-headers": "X-Remote-Uid",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
    }


def _flags(flags: Mapping[str, object]) -> list[str]:
    return [f"--{name}={value}" for name, value in flags.items()]


def _credentials(pair: Pair) -> dict[str, str]:
    return {"client-certificate-data": _encoded(pair.certificate), "client-key-data": _encoded(pair.key)}


def _encoded(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()


def _answers(port: int, path: str, *, authority: Path | None = None) -> bool:
    """Whether this path says that all is well."""
    if authority is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=2)
    else:
        context = ssl.create_default_context(cafile=authority)
        connection = HTTPSConnection("127.0.0.1", port, timeout=2, context=context)
    with closing(connection):
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False

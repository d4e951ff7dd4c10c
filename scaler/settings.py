"""The daemon's own settings: one declared class, read once, passed down as values. Places: flags, then `SCALER_…`
variables, then a file. The only module that reads the environment."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from scaler.declare import Declared, Duration, Listed, load, param, parameters
from scaler.errors import SettingsError

PREFIX = "SCALER_"

KEDA = {
    "namespaces": "WATCH_NAMESPACE",
    "selector": "WATCH_LABEL_SELECTOR",
    "authentication_selector": "WATCH_LABEL_SELECTOR_FOR_TRIGGERAUTH",
    "namespace": "POD_NAMESPACE",
    "cluster_object_namespace": "KEDA_CLUSTER_OBJECT_NAMESPACE",
    "restrict_secrets": "KEDA_RESTRICT_SECRET_ACCESS",
    "lease_duration": "KEDA_OPERATOR_LEADER_ELECTION_LEASE_DURATION",
    "renew_deadline": "KEDA_OPERATOR_LEADER_ELECTION_RENEW_DEADLINE",
    "retry_period": "KEDA_OPERATOR_LEADER_ELECTION_RETRY_PERIOD",
    "pod_ip": "POD_IP",
    "pod_name": "POD_NAME",
}
"""Variables that KEDA's own Deployment sets, and those of the downward API; `SCALER_…` goes before them."""

IDENTITY = {
    "federatedTokenFile": "AZURE_FEDERATED_TOKEN_FILE",
    "clientId": "AZURE_CLIENT_ID",
    "tenantId": "AZURE_TENANT_ID",
    "authorityHost": "AZURE_AUTHORITY_HOST",
}
"""What the Azure workload identity webhook puts into a pod's environment, by the parameter that scalers know it by."""


class Settings(Declared):
    """Every setting of the daemon."""

    log_level: str = param(
        "What is logged at least.", default="info", choices=("debug", "info", "warning", "error", "critical")
    )
    log_format: str = param("How a log line looks.", default="text", choices=("text", "json"))
    listen: str = param("Address of the plain listener for /healthz, /readyz and /metrics.", default="127.0.0.1:8080")
    metric_max_age: Duration = param("How old a reading may be that answers a metric request.", default=5.0)
    reload: Duration = param("How often the folder is looked at (standalone).", default=1.0)

    kubeconfig: str = param("A kubeconfig, where the daemon is not a pod of the cluster.", default="")
    context: str = param("The kubeconfig's context; its current one unless given.", default="")
    namespaces: Listed = param("Namespaces that are served, separated by commas; all of them unless given.", default=())
    selector: str = param("Label selector of the ScaledObjects and ScaledJobs that are served.", default="")
    authentication_selector: str = param("Label selector of the TriggerAuthentications that are seen.", default="")
    namespace: str = param("The daemon's own namespace.", default="")
    cluster_object_namespace: str = param(
        "Where the Secrets of ClusterTriggerAuthentications are; the daemon's own namespace unless given.", default=""
    )
    restrict_secrets: bool = param("Read Secrets in the cluster objects' namespace only.", default=False)
    lease_name: str = param("The Lease by which one daemon leads; KEDA's own.", default="operator.keda.sh")
    lease_namespace: str = param("Its namespace; the daemon's own unless given.", default="")
    lease_duration: Duration = param("How long a leader may be silent before another leads.", default=15.0)
    renew_deadline: Duration = param("How long a leader tries to renew before it gives up.", default=10.0)
    retry_period: Duration = param("How often it renews, and others try.", default=2.0)
    pod_ip: str = param("The address at which the API server reaches this replica.", default="")
    pod_name: str = param("The name of this replica.", default="")
    metrics_listen: str = param("Address of the metrics API's listener (TLS).", default="0.0.0.0:6443")
    metrics_service: str = param("The Service behind the APIService.", default="event-scaler-metrics-apiserver")
    cluster_domain: str = param("The cluster's DNS domain.", default="cluster.local")
    cert_secret: str = param("The Secret of the metrics API's own certificates.", default="event-scaler-certs")
    cert_file: str = param("A serving certificate of somebody else's making, instead.", default="")
    key_file: str = param("Its key.", default="")
    ca_file: str = param("The authority that the API server is to trust for it.", default="")
    observe: bool = param("Decide and show everything, write nothing.", default=False)
    take_over_metrics_api: bool = param("Take over an APIService that belongs to somebody else.", default=False)

    @property
    def address(self) -> tuple[str, int]:
        """(host, port) of the plain listener; raises `SettingsError`."""
        return _address("listen", self.listen)

    @property
    def metrics_address(self) -> tuple[str, int]:
        """(host, port) of the metrics API; raises `SettingsError`."""
        return _address("metricsListen", self.metrics_listen)

    def check(self) -> Iterator[tuple[str, str]]:
        if bool(self.cert_file) != bool(self.key_file):
            yield "certFile", "needs keyFile, and the other way round"
        if not self.lease_duration > self.renew_deadline > self.retry_period * 1.2:
            yield "leaseDuration", "must be greater than renewDeadline, and that greater than 1.2 times retryPeriod"


def _address(name: str, text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise SettingsError({name: "must be host:port, such as 127.0.0.1:8080"})
    return host.strip("[]"), int(port)


def read(flags: Mapping[str, str | None], file: Path | None = None) -> Settings:
    """The settings of this process. Raises `SettingsError` with all problems at once."""
    values = {**_from_file(file), **_from_environment(), **{k: v for k, v in flags.items() if v is not None}}
    loaded = load(Settings, values, {}, {})
    problems = {**loaded.problems, **{name: note for name, note in loaded.notes.items() if name not in loaded.problems}}
    if problems or loaded.value is None:
        raise SettingsError(problems)
    return loaded.value


def _from_environment() -> dict[str, str]:
    known = parameters(Settings)
    spellings = {variable: known[field].name for field, variable in KEDA.items()}
    spellings.update({PREFIX + field.upper(): one.name for field, one in known.items()})
    return {name: os.environ[variable] for variable, name in spellings.items() if variable in os.environ}


def _from_file(file: Path | None) -> dict[str, str]:
    if file is None:
        return {}
    try:
        content: Any = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except OSError:
        raise SettingsError({"config": f"{file} cannot be read"}) from None
    except yaml.YAMLError:
        raise SettingsError({"config": f"{file} is not YAML"}) from None
    if not isinstance(content, dict):
        raise SettingsError({"config": f"{file} must hold a mapping of settings"})
    return {str(key): str(value) for key, value in content.items()}


def environment() -> Mapping[str, str]:
    """The environment of this process, as local workers inherit it."""
    return dict(os.environ)


def in_cluster() -> bool:
    """Whether this process is a pod of a cluster."""
    return bool(os.environ.get("KUBERNETES_SERVICE_HOST"))


def identity() -> dict[str, str]:
    """The daemon's own workload identity, where it has one."""
    return {name: os.environ[variable] for name, variable in IDENTITY.items() if os.environ.get(variable)}

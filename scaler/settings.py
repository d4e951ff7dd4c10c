"""The daemon's own settings: one declared class, read once, passed down as values. Places: flags, then `SCALER_…`
variables, then a file. The only module that reads the environment."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from scaler.declare import Declared, Duration, Listed, load, param, parameters
from scaler.errors import SettingsError
from scaler.sdk.identity import variables

PREFIX = "SCALER_"

KEDA = {
    "namespaces": "WATCH_NAMESPACE",
    "selector": "WATCH_LABEL_SELECTOR",
    "authentication_selector": "WATCH_LABEL_SELECTOR_FOR_TRIGGERAUTH",
    "namespace": "POD_NAMESPACE",
    "cluster_object_namespace": "KEDA_CLUSTER_OBJECT_NAMESPACE",
    "restrict_secrets": "KEDA_RESTRICT_SECRET_ACCESS",
    "bound_token_expiry": "KEDA_BOUND_SERVICE_ACCOUNT_TOKEN_EXPIRY",
    "lease_duration": "KEDA_OPERATOR_LEADER_ELECTION_LEASE_DURATION",
    "renew_deadline": "KEDA_OPERATOR_LEADER_ELECTION_RENEW_DEADLINE",
    "retry_period": "KEDA_OPERATOR_LEADER_ELECTION_RETRY_PERIOD",
    "http_default_timeout": "KEDA_HTTP_DEFAULT_TIMEOUT",
    "http_disable_keep_alive": "KEDA_HTTP_DISABLE_KEEP_ALIVE",
    "http_min_tls_version": "KEDA_HTTP_MIN_TLS_VERSION",
    "http_tls_cipher_list": "KEDA_HTTP_TLS_CIPHER_LIST",
    "service_min_tls_version": "KEDA_SERVICE_MIN_TLS_VERSION",
    "service_tls_cipher_list": "KEDA_SERVICE_TLS_CIPHER_LIST",
    "pod_ip": "POD_IP",
    "pod_name": "POD_NAME",
}
"""Variables that KEDA's own Deployment sets, and those of the downward API; `SCALER_…` goes before them."""

IDENTITY = {**variables.AZURE, **{name: name for name in (*variables.AWS, *variables.GOOGLE)}}
"""What the clouds' webhooks put into a pod's environment: Azure's by the parameter that trigger types know it by."""


STORES = ("VAULT_TOKEN", "VAULT_ADDR", "VAULT_NAMESPACE", "VAULT_SKIP_VERIFY", *IDENTITY.values())
"""By which variables the daemon shows a store of credentials who it is."""


OFF = "0"
"""In the place of an address: no listener, as with KEDA."""

TLS = ("TLS10", "TLS11", "TLS12", "TLS13")


class Settings(Declared):
    """Every setting of the daemon."""

    log_level: str = param(
        "What is logged at least.", default="info", choices=("debug", "info", "warning", "error", "critical")
    )
    log_format: str = param("How a log line looks.", default="text", choices=("text", "json"))
    listen: str = param(
        "Address of the plain listener for /healthz, /readyz and /metrics; 0 for none.", default="127.0.0.1:8080"
    )
    health_listen: str = param("A second address for /healthz and /readyz, where that is wanted.", default="")
    enable_prometheus_metrics: bool = param("Serve /metrics.", default=True)
    enable_high_cardinality_metrics_labels: bool = param(
        "Tell the durations of HTTP requests for each trigger, not only for each type.", default=False
    )
    enable_opentelemetry_metrics: bool = param("Push the same metrics by OTLP, to where OTEL_… says.", default=False)
    enable_opentelemetry_traces: bool = param("Push a trace of every decision that changes something.", default=False)
    trace_ratio: float = param(
        "The share of the other decisions that are traced too.", default=0.0, at_least=0, at_most=1
    )
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
    bound_token_expiry: Duration = param(
        "How long a service account's token lives that a trigger is given; between 1h and 6h.", default=3600.0
    )
    filepath_auth_root_path: str = param(
        "The folder of the files that a ClusterTriggerAuthentication may name; none unless given.", default=""
    )
    allow_metadata_addresses: bool = param(
        "Ask URLs that lead to a cloud's metadata service, where a manifest names them.", default=True
    )
    show_own_token_to_vault: bool = param(
        "Log in by the pod's own token to a Vault that a namespaced TriggerAuthentication names.", default=True
    )
    http_default_timeout: Duration = param(
        "How long a request to a source may take where its trigger does not say.", default=3.0, above=0
    )
    http_disable_keep_alive: bool = param("Make a new connection for each request to a source.", default=False)
    http_min_tls_version: str = param("The lowest version of TLS towards sources.", default="TLS12", choices=TLS)
    http_tls_cipher_list: Listed = param("The ciphers of TLS 1.2 towards sources, by IANA's names.", default=())
    service_min_tls_version: str = param(
        "The lowest version of TLS of our own listeners; that towards sources unless given.",
        default="",
        choices=TLS,
    )
    service_tls_cipher_list: Listed = param("The same for ciphers.", default=())
    ca_dirs: Listed = param(
        "Folders with certificates of further authorities, trusted beside the system's.", default=("/custom/ca",)
    )
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
    k8s_cluster_name: str = param(
        "The cluster's name in cloud events, where their source names none.",
        default="kubernetes-default",
        names=("k8sClusterName",),
    )
    cert_secret: str = param("The Secret of the metrics API's own certificates.", default="event-scaler-certs")
    cert_file: str = param("A serving certificate of somebody else's making, instead.", default="")
    key_file: str = param("Its key.", default="")
    ca_file: str = param("The authority that the API server is to trust for it.", default="")
    observe: bool = param("Decide and show everything, write nothing.", default=False)
    take_over_metrics_api: bool = param("Take over an APIService that belongs to somebody else.", default=False)
    enable_admission_webhook: bool = param("Look at objects before the API server takes them.", default=True)
    webhook_listen: str = param("Address of the admission webhook's listener (TLS).", default="0.0.0.0:9443")
    webhook_service: str = param("The Service in front of it.", default="keda-admission-webhooks")
    webhook_configuration: str = param(
        "The ValidatingWebhookConfiguration by which the API server asks it.", default="keda-admission"
    )
    enable_webhook_patching: bool = param("Write our authority into that configuration.", default=True)
    strict_admission: bool = param("Refuse what cannot work, where KEDA takes it and we would warn.", default=False)

    @property
    def address(self) -> tuple[str, int] | None:
        """(host, port) of the plain listener, where there is one; raises `SettingsError`."""
        return None if self.listen == OFF else _address("listen", self.listen)

    @property
    def health_address(self) -> tuple[str, int] | None:
        """(host, port) of the second listener for probes, where there is one; raises `SettingsError`."""
        same = self.health_listen in ("", OFF, self.listen)
        return None if same else _address("healthListen", self.health_listen)

    @property
    def metrics_address(self) -> tuple[str, int]:
        """(host, port) of the metrics API; raises `SettingsError`."""
        return _address("metricsListen", self.metrics_listen)

    @property
    def webhook_address(self) -> tuple[str, int]:
        """(host, port) of the admission webhook; raises `SettingsError`."""
        return _address("webhookListen", self.webhook_listen)

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


def read(
    flags: Mapping[str, str | None], file: Path | None = None, defaults: Mapping[str, str] | None = None
) -> Settings:
    """The settings of this process; `defaults` are what is so where no place says otherwise. Raises `SettingsError`
    with all problems at once."""
    written = {k: v for k, v in flags.items() if v is not None}
    values = {**(defaults or {}), **_from_file(file), **_from_environment(), **written}
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
    durations = {name for one in parameters(Settings).values() if one.kind.name == "duration" for name in one.names}
    written, problems = {}, {}
    for key, value in content.items():
        try:
            if (text := _text(value, duration=key in durations)) is not None:
                written[str(key)] = text
        except ValueError as problem:
            problems[str(key)] = str(problem)
    if problems:
        raise SettingsError(problems)
    return written


def _text(value: Any, *, duration: bool) -> str | None:
    """A value of the file as a variable would have it; `None` where there is none. Raises `ValueError`."""
    if isinstance(value, list):
        parts = [_text(one, duration=duration) for one in value if not isinstance(one, list)]
        if len(parts) < len(value) or None in parts:
            raise ValueError("must be a list of texts")
        return ",".join(filter(None, parts))
    if isinstance(value, dict):
        raise ValueError("must not be a mapping")  # noqa: TRY004  # what was written is wrong
    if duration and isinstance(value, int | float) and value and not isinstance(value, bool):
        raise ValueError(f"needs a unit, such as {value:g}s")
    return None if value is None else str(value)


def environment() -> Mapping[str, str]:
    """The environment of this process, as local workers inherit it."""
    return dict(os.environ)


def otlp_protocols() -> dict[str, str]:
    """How OTLP is spoken, by signal (`metrics`, `traces`), as OpenTelemetry's own variables say: `http/protobuf` unless
    they do, as with KEDA."""
    common = os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or "http/protobuf"
    signals = ("metrics", "traces")
    return {one: os.environ.get(f"OTEL_EXPORTER_OTLP_{one.upper()}_PROTOCOL") or common for one in signals}


def otlp_delta() -> bool:
    """Whether the receiver wants of counts what was added, as OpenTelemetry's own variable says."""
    return os.environ.get("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "").strip().lower() == "delta"


def proxies() -> dict[str, str]:
    """The proxies by which sources are asked (`http`, `https`), and who is asked without one (`no`)."""
    names = {"http": "HTTP_PROXY", "https": "HTTPS_PROXY", "no": "NO_PROXY"}
    return {key: os.environ.get(name) or os.environ.get(name.lower()) or "" for key, name in names.items()}


def in_cluster() -> bool:
    """Whether this process is a pod of a cluster."""
    return bool(os.environ.get("KUBERNETES_SERVICE_HOST"))


def store_environment() -> dict[str, str]:
    """What the rooms of stores may know of the environment."""
    return {name: os.environ[name] for name in STORES if os.environ.get(name)}


def identity() -> dict[str, str]:
    """The daemon's own workload identity, where it has one."""
    return {name: os.environ[variable] for name, variable in IDENTITY.items() if os.environ.get(variable)}

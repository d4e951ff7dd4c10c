"""The arguments of KEDA's three Deployments, as its manifests and its Helm chart write them (KEDA behaviour 5.1)."""

OPERATOR = (
    "--leader-elect",
    "--disable-compression=true",
    "--zap-log-level=info",
    "--zap-encoder=console",
    "--zap-time-encoding=rfc3339",
    "--enable-cert-rotation=true",
)

OPERATOR_BY_HELM = (
    "--metrics-bind-address=:8080",
    "--health-probe-bind-address=:8081",
    "--metrics-service-bind-address=:9666",
    "--profiling-bind-address=",
    "--leader-elect",
    "--disable-compression=true",
    "--zap-log-level=debug",
    "--zap-encoder=json",
    "--zap-time-encoding=rfc3339",
    "--zap-stacktrace-level=error",
    "--cert-dir=/certs",
    "--enable-cert-rotation=true",
    "--cert-secret-name=kedaorg-certs",
    "--operator-service-name=keda-operator",
    "--metrics-server-service-name=keda-operator-metrics-apiserver",
    "--webhooks-service-name=keda-admission-webhooks",
    "--validating-webhook-name=keda-admission",
    "--enable-webhook-patching=true",
    "--enable-apiservice-patching=true",
    "--k8s-cluster-name=production",
    "--k8s-cluster-domain=cluster.example",
    "--enable-prometheus-metrics=true",
    "--enable-opentelemetry-metrics=true",
    "--enable-high-cardinality-metrics-labels=true",
    "--kube-api-qps=20",
    "--kube-api-burst=30",
    "--ca-dir=/custom/ca",
    "--ca-dir=/more/ca",
    "--filepath-auth-root-path=/mnt/secrets",
    "--http-max-idle-conns=0",
    "--http-max-idle-conns-per-host=1000",
    "--http-idle-conn-timeout=90s",
)

SERVER = (
    "--port=8080",
    "--secure-port=6443",
    "--logtostderr=true",
    "--stderrthreshold=ERROR",
    "--disable-compression=true",
    "--v=0",
    "--client-ca-file=/certs/ca.crt",
    "--tls-cert-file=/certs/tls.crt",
    "--tls-private-key-file=/certs/tls.key",
    "--cert-dir=/certs",
    "--metrics-service-address=keda-operator.keda.svc.cluster.local:9666",
    "--metrics-service-grpc-authority=keda-operator",
)

WEBHOOKS = (
    "--zap-log-level=info",
    "--zap-encoder=console",
    "--zap-time-encoding=rfc3339",
    "--metrics-bind-address=:8080",
    "--health-probe-bind-address=:8081",
    "--cert-dir=/certs",
    "--port=9443",
    "--cache-miss-to-direct-client=false",
)

OTHERS = (
    # klog
    "--add_dir_header", "--alsologtostderr", "--log_backtrace_at", "--log_dir", "--log_file", "--log_file_max_size",
    "--one_output", "--skip_headers", "--skip_log_headers", "--vmodule", "-v",
    # the generic API server's
    "--authentication-kubeconfig", "--authentication-skip-lookup", "--authentication-token-webhook-cache-ttl",
    "--authentication-tolerate-lookup-failure", "--authorization-always-allow-paths", "--authorization-kubeconfig",
    "--authorization-webhook-cache-authorized-ttl", "--bind-address", "--contention-profiling", "--feature-gates",
    "--http2-max-streams-per-connection", "--lister-kubeconfig", "--logging-format", "--log-flush-frequency",
    "--metrics-relist-interval", "--permit-address-sharing", "--permit-port-sharing", "--profiling",
    "--requestheader-allowed-names", "--requestheader-client-ca-file", "--requestheader-username-headers",
    "--tls-cipher-suites", "--tls-min-version", "--tls-sni-cert-key", "--audit-log-path", "--audit-policy-file",
    "--egress-selector-config-file", "--msg", "--zap-devel", "--kube-api-qps",
)  # fmt: skip
"""Names of flags that the programs have beside those."""

"""Every name of /metrics with its type and labels: KEDA's (KEDA behaviour 5.3), a Kubernetes client's, and ours."""

METRIC = {"namespace", "metric", "scaledObject", "scaler", "triggerIndex", "type"}
OBJECT = {"namespace", "scaledObject"}
RESOURCE = {"namespace", "type", "resource"}
GRPC = {"grpc_method", "grpc_service", "grpc_type"}
HTTP = {"namespace", "scaled_resource", "scaler", "trigger_name", "metric_name", "status_code"}

Expected = dict[str, tuple[str, set[str]]]

KEDA: Expected = {
    "keda_build_info": ("gauge", {"version", "git_commit", "goversion", "goos", "goarch"}),
    "keda_scaler_metrics_value": ("gauge", METRIC),
    "keda_scaler_metrics_latency_seconds": ("gauge", METRIC),
    "keda_scaler_active": ("gauge", METRIC),
    "keda_scaler_detail_errors_total": ("counter", METRIC),
    "keda_scaled_object_paused": ("gauge", OBJECT),
    "keda_scaled_object_errors_total": ("counter", OBJECT),
    "keda_scaled_job_errors_total": ("counter", {"namespace", "scaledJob"}),
    "keda_scaler_empty_upstream_responses_total": (
        "counter",
        {"namespace", "scaledResource", "triggerName", "metricName", "resourceType", "ignoreNullValues"},
    ),
    "keda_trigger_registered_total": ("gauge", {"type"}),
    "keda_resource_registered_total": ("gauge", {"type", "namespace"}),
    "keda_internal_scale_loop_latency_seconds": ("gauge", RESOURCE),
    "keda_scaler_http_requests_total": ("counter", HTTP),
    "keda_scaler_http_request_duration_seconds": ("histogram", {"scaler", "status_code"}),
    "keda_cloudeventsource_events_emitted_total": (
        "counter",
        {"namespace", "cloudeventsource", "eventsink", "state"},
    ),
    "keda_cloudeventsource_events_queued": ("gauge", {"namespace"}),
    "keda_internal_metricsservice_grpc_server_started_total": ("counter", GRPC),
    "keda_internal_metricsservice_grpc_server_handled_total": ("counter", GRPC | {"grpc_code"}),
    "keda_internal_metricsservice_grpc_server_handling_seconds": ("histogram", GRPC),
    "keda_webhook_scaled_object_validations_total": ("counter", {"namespace", "action"}),
    "keda_webhook_scaled_object_validation_errors_total": ("counter", {"namespace", "action", "reason"}),
}

ABSENT = {
    f"keda_internal_metricsservice_grpc_{one}"
    for one in (
        "server_msg_received_total",
        "server_msg_sent_total",
        "client_started_total",
        "client_handled_total",
        "client_msg_received_total",
        "client_msg_sent_total",
        "client_handling_seconds",
    )
}
"""KEDA's, of messages between its two processes: here there is one (docs/differences-from-keda.md)."""

OTHERS: Expected = {"rest_client_requests_total": ("counter", {"code", "method", "host"})}

OWN: Expected = {
    "event_scaler_backlog": ("gauge", METRIC | {"part"}),
    "event_scaler_backlog_oldest_age_seconds": ("gauge", METRIC),
    "event_scaler_condition": ("gauge", RESOURCE | {"condition", "status"}),
    "event_scaler_replicas_wanted": ("gauge", OBJECT),
    "event_scaler_replicas_ready": ("gauge", OBJECT),
    "event_scaler_replicas_decided": ("gauge", OBJECT),
    "event_scaler_decision_info": ("gauge", OBJECT | {"why"}),
    "event_scaler_disagreement": ("gauge", OBJECT),
    "event_scaler_jobs": ("gauge", {"namespace", "scaledJob", "state"}),
    "event_scaler_skipped_rounds_total": ("counter", RESOURCE),
    "event_scaler_sources": ("gauge", set()),
    "event_scaler_cloud_events_dropped_total": ("counter", {"namespace", "cloudeventsource", "eventsink"}),
    "event_scaler_leading": ("gauge", set()),
    "event_scaler_writes_waiting": ("gauge", set()),
}

ALL: Expected = {**KEDA, **OTHERS, **OWN}

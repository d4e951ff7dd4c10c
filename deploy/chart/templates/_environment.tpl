{{- /* What the values say as variables of the daemon; .Values.env is laid over it. A name is told only where it is not the
daemon's own default. */ -}}
{{- define "event-scaler.environment" -}}
# Empty for all namespaces.
WATCH_NAMESPACE: {{ join "," .Values.watchNamespaces | quote }}
SCALER_LISTEN: 0.0.0.0:8080
SCALER_LOG_FORMAT: json
POD_NAMESPACE:
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
# Who holds the Lease.
POD_NAME:
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
# What the leader writes into the EndpointSlice.
POD_IP:
  valueFrom: {fieldRef: {fieldPath: status.podIP}}
{{- if .Values.restrictSecrets }}
KEDA_RESTRICT_SECRET_ACCESS: "true"
{{- end }}
{{- if not (ternary (empty .Values.watchNamespaces) .Values.allowMetadataAddresses (kindIs "invalid" .Values.allowMetadataAddresses)) }}
SCALER_ALLOW_METADATA_ADDRESSES: "false"
{{- end }}
{{- if not (ternary (empty .Values.watchNamespaces) .Values.showOwnTokenToVault (kindIs "invalid" .Values.showOwnTokenToVault)) }}
SCALER_SHOW_OWN_TOKEN_TO_VAULT: "false"
{{- end }}
{{- with .Values.clusterObjectNamespace }}
KEDA_CLUSTER_OBJECT_NAMESPACE: {{ . | quote }}
{{- end }}
{{- if .Values.observe }}
SCALER_OBSERVE: "true"
{{- end }}
{{- if .Values.takeOverMetricsApi }}
SCALER_TAKE_OVER_METRICS_API: "true"
{{- end }}
{{- if ne .Values.lease.name "operator.keda.sh" }}
SCALER_LEASE_NAME: {{ .Values.lease.name | quote }}
{{- end }}
{{- with .Values.lease.namespace }}
SCALER_LEASE_NAMESPACE: {{ . | quote }}
{{- end }}
{{- with include "event-scaler.metricsService" . }}
{{- if ne . "event-scaler-metrics-apiserver" }}
SCALER_METRICS_SERVICE: {{ . | quote }}
{{- end }}
{{- end }}
{{- with include "event-scaler.webhookConfiguration" . }}
{{- if ne . "keda-admission" }}
SCALER_WEBHOOK_SERVICE: {{ include "event-scaler.webhookService" $ | quote }}
SCALER_WEBHOOK_CONFIGURATION: {{ . | quote }}
{{- end }}
{{- end }}
{{- if .Values.webhook.strict }}
SCALER_STRICT_ADMISSION: "true"
{{- end }}
{{- with .Values.opentelemetry }}
{{- if .metrics }}
SCALER_ENABLE_OPENTELEMETRY_METRICS: "true"
{{- end }}
{{- if .traces }}
SCALER_ENABLE_OPENTELEMETRY_TRACES: "true"
{{- end }}
{{- if .traceRatio }}
SCALER_TRACE_RATIO: {{ .traceRatio | quote }}
{{- end }}
{{- with .endpoint }}
OTEL_EXPORTER_OTLP_ENDPOINT: {{ . | quote }}
{{- end }}
{{- with .protocol }}
OTEL_EXPORTER_OTLP_PROTOCOL: {{ . | quote }}
{{- end }}
{{- end }}
{{- with .Values.certificates }}
{{- if .existingSecret }}
SCALER_CERT_FILE: /certificates/tls.crt
SCALER_KEY_FILE: /certificates/tls.key
{{- with .caKey }}
SCALER_CA_FILE: {{ print "/certificates/" . | quote }}
{{- end }}
{{- else if ne .ownSecret "event-scaler-certs" }}
SCALER_CERT_SECRET: {{ .ownSecret | quote }}
{{- end }}
{{- end }}
{{- end }}

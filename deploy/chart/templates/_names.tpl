{{- /* Names are those of deploy/daemon where the release is called event-scaler. */ -}}

{{- define "event-scaler.fullname" -}}
{{- $name := .Release.Name }}
{{- if not (contains "event-scaler" $name) }}{{ $name = print $name "-event-scaler" }}{{ end }}
{{- /* A Service has 63 characters, and the longest ending is "-admission-webhooks". */}}
{{- default $name .Values.fullnameOverride | trunc 44 | trimSuffix "-" }}
{{- end }}

{{- define "event-scaler.metricsService" -}}
{{ include "event-scaler.fullname" . }}-metrics-apiserver
{{- end }}

{{- /* KEDA's own name, but where a KEDA may have it still, or the release is called otherwise. */ -}}
{{- define "event-scaler.webhookConfiguration" -}}
{{- $name := include "event-scaler.fullname" . }}
{{- if and (eq $name "event-scaler") (not .Values.takeOverMetricsApi) }}{{ $name = "keda" }}{{ end }}
{{- $name }}-admission
{{- end }}

{{- define "event-scaler.webhookService" -}}
{{ include "event-scaler.webhookConfiguration" . }}-webhooks
{{- end }}

{{- define "event-scaler.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "event-scaler.fullname" .) }}
{{- end }}

{{- define "event-scaler.leaseNamespace" -}}
{{ .Values.lease.namespace | default .Release.Namespace }}
{{- end }}

{{- define "event-scaler.clusterObjectNamespace" -}}
{{ .Values.clusterObjectNamespace | default .Release.Namespace }}
{{- end }}

{{- define "event-scaler.selector" -}}
app.kubernetes.io/name: event-scaler
{{- if ne .Release.Name "event-scaler" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- end }}

{{- define "event-scaler.labels" -}}
app.kubernetes.io/name: event-scaler
app.kubernetes.io/part-of: event-scaler
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end }}

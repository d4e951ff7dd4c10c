{{- /* One binding for the daemon's account. Takes root, name, and where they differ: namespace (of a RoleBinding), kind and
role. */ -}}
{{- define "event-scaler.binding" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ if .namespace }}RoleBinding{{ else }}ClusterRoleBinding{{ end }}
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "event-scaler.labels" .root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ .kind | default "ClusterRole" }}
  name: {{ .role | default .name }}
subjects:
  - kind: ServiceAccount
    name: {{ include "event-scaler.serviceAccount" .root }}
    namespace: {{ .root.Release.Namespace }}
{{- end }}

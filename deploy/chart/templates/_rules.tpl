{{- /* From deploy/daemon/roles.yaml, deploy/daemon/users.yaml, deploy/overlays/in-keda-namespace/may-create-the-api-service.yaml, by scripts/gen. */ -}}
{{- define "event-scaler.rules.objects" -}}
# Our kinds are listed and watched; patched are finalizers, ours (restoreToOriginalReplicaCount) and KEDA's. One is
# read when it turns out to have changed meanwhile.
- apiGroups: [keda.sh]
  resources: [scaledobjects, scaledjobs, triggerauthentications]
  verbs: [get, list, watch, patch]
# The same for the kind of the other group.
- apiGroups: [eventing.keda.sh]
  resources: [cloudeventsources]
  verbs: [get, list, watch, patch]
# Conditions and what else the status says.
- apiGroups: [keda.sh]
  resources: [scaledobjects/status, scaledjobs/status, triggerauthentications/status]
  verbs: [patch]
# The same for the kind of the other group.
- apiGroups: [eventing.keda.sh]
  resources: [cloudeventsources/status]
  verbs: [patch]
# An HPA names its ScaledObject, a Job its ScaledJob, as the owner that waits for it (blockOwnerDeletion). Where the
# admission plug-in OwnerReferencesPermissionEnforcement is on, as in OpenShift, that takes the right to the owner's
# finalizers.
- apiGroups: [keda.sh]
  resources: [scaledobjects/finalizers, scaledjobs/finalizers]
  verbs: [update]
# HPAs are ours to make, keep in step and delete. All are watched, to find a foreign one on the same target; one is
# read when its name was taken already, and when it was deleted, until it is gone.
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
# Jobs are made for ScaledJobs, and deleted when they are too many or of an earlier generation. They are watched to
# know how many run; one is read when its name was taken already. Whoever may write a ScaledJob may so run any pod in
# its namespace: without this rule there are no ScaledJobs.
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, delete]
# The usual targets: how many replicas there are is watched. One is read for the environment of its containers.
- apiGroups: [apps]
  resources: [deployments, statefulsets]
  verbs: [get, list, watch]
# The usual target of another group: read for the environment of its containers, where a trigger refers to that.
- apiGroups: [argoproj.io]
  resources: [rollouts]
  verbs: [get]
# Replicas are read and written through the scale subresource, of any kind that has one.
- apiGroups: ["*"]
  resources: ["*/scale"]
  verbs: [get, patch]
# The ready pods of a target that is neither Deployment nor StatefulSet are counted for a fallback of type Value. Those
# of Jobs are watched while a ScaledJob's strategy asks which of them are pending.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
# Whether containers that ask for no cpu or memory are given some: looked up when an object with such a trigger is
# admitted.
- apiGroups: [""]
  resources: [limitranges]
  verbs: [list]
# What happened to an object is told by events about it.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
# Whether the namespace of an object that is being deleted goes as well: then there is nothing to restore.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
# The role that a workload's ServiceAccount is annotated with, where a trigger asks as the workload (identityOwner). One
# by one, by the name that its pods run as.
- apiGroups: [""]
  resources: [serviceaccounts]
  verbs: [get]
# Parameters from ConfigMaps, one by one, by the name that an object refers to. Never listed, never watched.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get]
{{- end }}
{{- define "event-scaler.rules.secrets" -}}
# Credentials of sources, one by one, by the name that an object refers to. Never listed, never watched.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
{{- end }}
{{- define "event-scaler.rules.cluster" -}}
# Our kinds without a namespace, as those with one.
- apiGroups: [keda.sh]
  resources: [clustertriggerauthentications]
  verbs: [get, list, watch, patch]
# The same for the kind of the other group.
- apiGroups: [eventing.keda.sh]
  resources: [clustercloudeventsources]
  verbs: [get, list, watch, patch]
# What their status says.
- apiGroups: [keda.sh]
  resources: [clustertriggerauthentications/status]
  verbs: [patch]
# The same for the kind of the other group.
- apiGroups: [eventing.keda.sh]
  resources: [clustercloudeventsources/status]
  verbs: [patch]
# Whose the external metrics API is, and by which authority the API server knows our certificate (caBundle). It is
# installed with the daemon: the right to create any APIService would be one to answer for any API.
- apiGroups: [apiregistration.k8s.io]
  resources: [apiservices]
  resourceNames: [v1beta1.external.metrics.k8s.io]
  verbs: [get, patch]
# By which authority the API server knows our certificate when it asks about objects (caBundle).
- apiGroups: [admissionregistration.k8s.io]
  resources: [validatingwebhookconfigurations]
  resourceNames: [{{ include "event-scaler.webhookConfiguration" . | quote }}]
  verbs: [get, patch]
{{- end }}
{{- define "event-scaler.rules.own.leases" -}}
# The Lease by which one replica leads. Whoever waits watches it, by its name.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ .Values.lease.name | quote }}]
  verbs: [get, watch, patch]
# It is made when it is not there; a right to create cannot be confined to a name.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
{{- end }}
{{- define "event-scaler.rules.own.secrets" -}}
# The certificate authority and the serving certificate of the metrics API, renewed before they expire.
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [{{ .Values.certificates.ownSecret | quote }}]
  verbs: [get, patch]
# They are made when they are not there.
- apiGroups: [""]
  resources: [secrets]
  verbs: [create]
{{- end }}
{{- define "event-scaler.rules.own.endpointslices" -}}
# The leader's address behind the Service of the metrics API. From IPv4 to IPv6 a slice can only be made anew.
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  resourceNames: [{{ include "event-scaler.metricsService" . | quote }}]
  verbs: [get, patch, delete]
# It is made when it is not there.
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [create]
# OpenShift lets nobody write an address of the pod network into an EndpointSlice by hand without this right. It is
# a name only, no other cluster has such a resource.
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices/restricted]
  verbs: [create]
{{- end }}
{{- define "event-scaler.rules.external-metrics-reader" -}}
# The HPA controller asks for metrics with list. The API server's own role for it says so, too, unless changed.
- apiGroups: [external.metrics.k8s.io]
  resources: ["*"]
  verbs: [get, list]
{{- end }}
{{- define "event-scaler.rules.view" -}}
# Whoever may see a namespace's workloads may see what scales them. No object of these holds a secret.
- apiGroups: [keda.sh]
  resources: [scaledobjects, scaledjobs, triggerauthentications, clustertriggerauthentications]
  verbs: [get, list, watch]
# The same for the kinds of the other group.
- apiGroups: [eventing.keda.sh]
  resources: [cloudeventsources, clustercloudeventsources]
  verbs: [get, list, watch]
{{- end }}
{{- define "event-scaler.rules.edit" -}}
# Whoever may change a namespace's workloads and read its Secrets, as edit does, may say how they scale.
- apiGroups: [keda.sh]
  resources: [scaledobjects, scaledjobs, triggerauthentications]
  verbs: [create, update, patch, delete, deletecollection]
# The same for the kind of the other group.
- apiGroups: [eventing.keda.sh]
  resources: [cloudeventsources]
  verbs: [create, update, patch, delete, deletecollection]
{{- end }}
{{- define "event-scaler.rules.create-api-service" -}}
- apiGroups: [apiregistration.k8s.io]
  resources: [apiservices]
  verbs: [create]
{{- end }}

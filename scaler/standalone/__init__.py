"""The adapter without a cluster: a folder of the same manifests, whose Deployments and ScaledJobs become processes."""

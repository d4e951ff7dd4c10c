"""The validating admission webhook: the API server shows an object before it keeps it, and hears what is wrong with it
(KEDA behaviour 4). `review` is what both say to each other, `endpoint` answers, `counts` counts. What is wrong with an
object is known elsewhere (`scaler.manifests.admission`, and for what only a cluster knows the cluster's adapter)."""

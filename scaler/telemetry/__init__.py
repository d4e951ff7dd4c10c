"""OpenTelemetry: the metrics of /metrics and a trace of each decision, pushed by OTLP to where the standard `OTEL_…`
variables say. Nothing of it is in the line: metrics are read from the same collector that /metrics renders, traces are
made of rounds that have happened.

`names` says what KEDA calls what, `points` makes data points of families, `metrics` and `traces` are the two pushes,
`exporters` speaks OTLP and says once when it cannot, `pushing` is their life. The SDK is the extra `otel`; only what
`pushing` loads imports it, and only when it is wanted. (Why data points and no observable instruments: the SDK keeps
the attributes of every series that an instrument ever observed, so objects that come and go would fill the memory.)"""

"""The rooms of /metrics, from boards that were filled by hand."""

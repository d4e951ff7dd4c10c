"""What is pushed by OpenTelemetry."""

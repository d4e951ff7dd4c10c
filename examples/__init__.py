"""Manifests and programs that a newcomer runs. Each is validated and used by a test; nothing here is imported by the
daemon."""

"""Tests of `scaler.kubernetes.handover`, file by file."""

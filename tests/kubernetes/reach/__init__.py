"""Tests of `scaler.kubernetes.reach`, file by file."""

"""Tests of what people who write scalers are given for theirs."""

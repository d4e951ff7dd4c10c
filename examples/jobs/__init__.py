"""A ScaledJob on a folder: a process for each message, that takes it, works on it and ends.

orders.yaml  the manifests; the addresses come from a ConfigMap that you write (docs/standalone.md)
one.py       the program of a Job
"""

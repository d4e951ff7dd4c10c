"""The rig: real servers on loopback, started and stopped by the tests, the demo and the benchmarks.

One module per server (`kafka`, `azurite`, `nats`), each with a context manager that is the server's life and a handle
to talk to it; `plugin` makes them pytest fixtures. Nothing of pytest outside `plugin`; nothing of the daemon anywhere.
"""

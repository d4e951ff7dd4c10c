"""The adapter of a cluster: objects and events from the API server, decisions to it."""

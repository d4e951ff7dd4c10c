"""The daemon's wiring, as far as it can be looked at without a daemon; the rest is end to end."""

"""The functional core: what a ScaledObject's readings mean for its replicas. Pure: no clock, log, loop, file or
network; `now` is an argument, state goes in and comes out. Nothing here knows where a number came from or who
will act on it."""

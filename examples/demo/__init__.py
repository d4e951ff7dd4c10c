"""`make demo`: a real broker, real worker processes and the daemon between them, live in the terminal until Ctrl-C.

stage.py     what is started: brokers, the daemon, the producer; and that nothing is left running
load.py      bursts and pauses, for each broker
worker.py    the process that is scaled
screen.py    what you see
*.yaml       the manifests, one file for each broker; the addresses come from a ConfigMap that the stage writes
"""

"""`python -m tests.fuzz [NAME …] [--inputs N] [--seed S]`: what anybody may send, by the hundred thousand. Each module
with a `ROOM` is one subject: what it is given, what is done with it, and how much memory one input may take. Nothing
may crash, hang or grow; the first input that makes it is shrunk and shown. `make test` tries a few thousand of each."""

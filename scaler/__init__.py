"""The daemon, in the order in which a metric passes through it. Read this first.

A person writes a **manifest**: a ScaledObject that names a workload and its triggers. `manifests/` holds its declared
classes; `bind` turns one into a `Watched` object: a `Spec` (everything that decides) and its **triggers**. A trigger is
a *question*: a **query** to a **source**, and a **scaler** that knows how to read the answer. Scalers are the files of
the package `scalers/`; they extend `sdk.Scaler`, are found by `catalog`, and do no I/O. What a person may write is
declared once (`declare/`): loading, messages, schemas and documentation follow from the class.

`engine/` moves the data, in one straight line (`loop`):

- the **agenda** says which object is due; the **timetable** rings it, changes poke it;
- the **pool** has one **keeper** for each distinct source, who asks all waiting questions of all objects together;
- each answer becomes a **reading**: a value, or a failure, which is never zero;
- the **cluster** says how the workload looks now (`Target`);
- `core.decide` makes one **decision** of them. It is pure: `now` is an argument, state goes in and comes out, effects
  are data. How many replicas, why (the **trail**), which metrics, conditions and events, when to look again;
  `core.jobs` does the same for a ScaledJob, whose work is done by jobs that are made and end by themselves;
- the decision is published on the **board**, which every outward face (`web/`, `/metrics`) only reads;
- and applied through the port (`engine/cluster.py`) by an adapter: `standalone/` runs local processes from a folder of
  the same manifests, `kubernetes/` turns the decision into steps (pure) and sends only what differs.

Under Kubernetes every replica keeps the `world` current; the one that holds the Lease runs the line, and answers the
external metrics API (`web/`) from the board. Every replica tells the API server what is wrong with a manifest before
it is kept (`web/admission`); `scaler validate` says the same, both from `manifests/admission`.

What happens to objects is told by events; `sinks/` sends them as CloudEvents to whoever asked for that, and is never
waited for.

Nothing else moves data. `daemon` builds and wires all of it and is the only module that knows all of it; `settings`
alone reads the environment, `clock` alone the time. Who may import whom is in `pyproject.toml`, and checked.
"""

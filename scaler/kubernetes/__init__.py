"""The adapter of a cluster. What is there: `api` (requests), `watch` → `cache` → `world` (current on every replica),
`changes` (what of it the engine must hear), `targets`, `secrets`. What is to be done: `steps` (pure: a decision and
what was seen give steps), with `hpa`, `difference`, `ownership` and `status`; `writer` takes them, `books` take what
nobody waits for, `farewell`, `chores` and `tug` the rest; `jobs` is all of that for ScaledJobs. Who may: `lease`,
`election`. `admission` knows what speaks against an object before it is there. `reach` is how the API server finds and
believes us, `handover` how a cluster comes from KEDA and goes back. `cluster` is the port, made of them."""

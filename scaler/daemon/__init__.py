"""The only place that builds and wires; it knows all of the others. `term` is what there is while this daemon leads,
`standalone` and `kubernetes` are the daemon over the one and the other cluster (each loads its own half of the project
only), `process` is what it means to be a process. Start and stop order is the order of the blocks: what stands further
in starts later and stops earlier."""

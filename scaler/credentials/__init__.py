"""Where the values behind an `authenticationRef` come from. Knows no cluster and no manifest: it is handed references
and a function that reads."""

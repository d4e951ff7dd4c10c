"""The event sources. One type is one file, named after it (`-` is `_`), whose class says where to ask, what, and how
the answer becomes a number: `ls` is the list of types. Files with a leading underscore are the sources, and what a
family shares. Everything here is imported by name, by `scaler.catalog`, when a manifest first needs it."""

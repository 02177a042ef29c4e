"""The stream processors, one per kind of event: thin programs over contracts, domain, runtime and warehouse."""

"""The contracts: schemas, codec, envelope and topics; what goes over the wire, and what must be true of it."""

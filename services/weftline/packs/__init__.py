"""Signed packs of evidence: making their bytes, and checking them with nothing but the SDK."""

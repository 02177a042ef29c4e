"""Weftline: quality and throughput of shared sampling centers, kept true from events."""

__version__ = "0.1.0"

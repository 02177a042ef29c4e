"""A believable cluster, played from a seed: sample orders, inspections, shipments, and what goes wrong on their way to the broker.

The simulator knows what is true because it decided it, and writes that down (:mod:`answers`). Tables can be held against it.
"""

"""Every metric that a Weftline processor exports: one closed list.

Names begin with ``weftline_`` and end in their base unit (seconds, bytes, records; ``_total`` for counters). Labels are closed
sets: a phase, a reason, a dependency, a partition number. Nothing that a publisher can invent (owner, factory, source) is a label.
Every series of a closed set is there from the start with 0: a rate over a series that begins with 1 does not see that 1.

The lists of the other programs stand beside what they measure: :mod:`.lag`, :mod:`weftline.warehouse.watch_metrics` and
:mod:`weftline.processors.audit_metrics`. All of them export what :func:`program_registry` gives.
"""

from __future__ import annotations

import math

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

import weftline

#: Phases of a processor's work. ``step``, ``settle`` and ``sweep`` are whole calls, timed by the loop; the others are their parts,
#: timed by the processor.
PHASES = ("step", "decode", "store", "fold", "across", "alerts", "facts", "settle", "rollups", "state", "sweep")

#: Why a record is a dead letter; the command ``dlq`` and the table say the same words.
REASONS = ("undecodable", "contract", "not_allowed", "not_judged", "processing_failed")

#: What a processor may wait for; the public names of :class:`weftline.errors.DependencyDown`.
DEPENDENCIES = ("kafka", "clickhouse", "schema-registry")

#: Clocks that are compared with ClickHouse's, by which deadlines pass.
CLOCKS = ("worker", "kafka")

#: Calls of :class:`weftline.runtime.loop.Handler`, by which unexpected exceptions are counted.
CALLS = ("assigned", "revoked", "step", "settle", "sweep", "reject", "healthy", "tried", "trying")

#: Sorts of losses: :mod:`weftline.processors.reading` says what they are.
LOSSES = ("retention", "recreated", "truncated", "tables", "derived", "topic")

#: What becomes of an alert.
CHANGES = ("raised", "updated", "withdrawn")

#: Owners that are folded apart, as one worker knows of them, and how a fold ended.
APART = ("known", "waiting")
FOLDS = ("done", "failed")

#: From one quick insert to one that an operator should ask about.
SECONDS_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


def program_registry(program: str) -> CollectorRegistry:
    """A registry with what every Weftline program exports: ``weftline_build_info``, CPU, memory, and since when it runs.

    Which program it is says this one series; everything else carries no such label, the scrape job tells them apart.
    """
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    build = Gauge("weftline_build_info", "Always 1; says which program and version", ["processor", "version"], registry=registry)
    build.labels(program, weftline.__version__).set(1)
    return registry


class Metrics:
    """The list. One instance per program, over its own registry."""

    def __init__(self, processor: str) -> None:
        self.registry = registry = program_registry(processor)

        # Work done.
        #: Steps that ended. Steps per second bound the number of parts in ClickHouse.
        self.steps = Counter("weftline_steps", "Steps that ended", registry=registry)
        #: Records taken by these steps, dead letters included.
        self.records = Counter("weftline_records", "Records taken by steps", registry=registry)
        #: Bytes of their keys and values.
        self.bytes = Counter("weftline_record_bytes", "Bytes of keys and values taken by steps", registry=registry)
        #: Where the time goes.
        self.phase_seconds = Histogram(
            "weftline_phase_seconds", "Time spent in a phase", ["phase"], buckets=SECONDS_BUCKETS, registry=registry
        )

        #: Partitions held by this worker; 0 for a standby, which has nothing to do and makes no progress.
        self.held = Gauge("weftline_held_partitions", "Partitions held by this worker", registry=registry)

        # Position in the topic, per partition held by this worker from which something was fetched.
        #: Next offset that would be read after a crash now, as far as this worker knows.
        self.position = Gauge("weftline_position_offset", "First offset not yet acknowledged", ["partition"], registry=registry)
        #: Records between it and the end of the partition.
        self.lag = Gauge("weftline_lag_records", "Records not yet acknowledged", ["partition"], registry=registry)
        #: Records fetched and waiting in memory for their step.
        self.queued = Gauge("weftline_queued_records", "Records fetched and not yet taken by a step", registry=registry)

        # Trouble.
        #: By reason: :data:`REASONS`.
        self.dead_letters = Counter("weftline_dead_letters", "Records sent to dead letters", ["reason"], registry=registry)
        #: 1 while the processor waits for it: :data:`DEPENDENCIES`.
        self.waiting = Gauge("weftline_waiting", "1 while this dependency is waited for", ["dependency"], registry=registry)
        #: Losses of its kind that are neither mended nor accepted, by sort: :data:`LOSSES`. Every worker tells all of its kind.
        self.losses = Gauge("weftline_losses", "Losses that nobody has mended or accepted", ["what"], registry=registry)
        #: Exceptions other than a dependency that is down, by the call that raised: :data:`CALLS`.
        self.faults = Counter("weftline_faults", "Unexpected exceptions in processing", ["call"], registry=registry)
        #: Partitions taken away, each rebalance counted once.
        self.rebalances = Counter("weftline_rebalances", "Times partitions were taken from this worker", registry=registry)
        #: Wall clock of the last step, settle or sweep that ended; an alert rule compares it with time().
        self.progress = Gauge(
            "weftline_last_progress_timestamp_seconds", "When a step, settle or sweep last ended", registry=registry
        )

        #: By how much each of :data:`CLOCKS` is ahead of ClickHouse's: ``worker`` is read at every sweep, ``kafka`` with each alert
        #: or dead letter that is published (NaN before the first).
        self.clock_skew = Gauge(
            "weftline_clock_skew_seconds", "How far this clock is ahead of ClickHouse's", ["clock"], registry=registry
        )

        # Results.
        #: Changes of alerts sent to factories: :data:`CHANGES`.
        self.alerts = Counter("weftline_alerts_published", "Alert changes published", ["change"], registry=registry)
        #: Owners whose state is held in memory, the records behind them, and the memory that this is estimated to take (bounded by
        #: WEFTLINE_MEMORY_MB).
        self.owners = Gauge("weftline_memory_owners", "Owners whose state is in memory", registry=registry)
        self.memory_records = Gauge("weftline_memory_records", "Records known of owners in memory", registry=registry)
        self.memory_bytes = Gauge("weftline_memory_history_bytes", "Estimated memory of owners in memory", registry=registry)
        #: Owners too large for a step: known to this worker, and waiting to be folded: :data:`APART`.
        self.owners_apart = Gauge("weftline_apart_owners", "Owners folded apart from the steps", ["state"], registry=registry)
        #: Folds of such owners that ended: :data:`FOLDS`.
        self.folds_apart = Counter("weftline_folds_apart", "Folds apart from the steps that ended", ["result"], registry=registry)

        for metric, values in (
            (self.phase_seconds, PHASES),
            (self.dead_letters, REASONS),
            (self.waiting, DEPENDENCIES),
            (self.faults, CALLS),
            (self.losses, LOSSES),
            (self.alerts, CHANGES),
            (self.clock_skew, CLOCKS),
            (self.owners_apart, APART),
            (self.folds_apart, FOLDS),
        ):
            for value in values:
                metric.labels(value)
        for clock in CLOCKS:
            self.clock_skew.labels(clock).set(math.nan)

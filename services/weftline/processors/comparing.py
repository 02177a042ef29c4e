"""Of which subjects something may have to be said: asked of ClickHouse for all of them at once, when partitions were taken over.

Whoever held them may have died between any two steps, so every state row with standing alerts and every row of alerts is looked at. Nearly
all agree. To read 10,000 alerts and their state and to compare them here took 360 ms of the engine's CPU and 930 of our own; this
statement takes 90, the look at 10^6 state rows included. What it finds is compared here as ever
(:meth:`weftline.processors.telling.Telling.compare`).

It asks the same as :func:`weftline.domain.revisions.agrees`, with a hash of 128 bits in place of each content. State is read without FINAL,
which would merge all of it: of the rows of a subject the greatest version is true. Rows of all partitions are read, since those of one
subject may bear different ones: somebody who sees only some of them could take another's old row for the state as it is.
"""

from __future__ import annotations

from weftline.domain.revisions import JUDGED_IN_SQL
from weftline.domain.vocabulary import AlertStatus
from weftline.processors.kinds import Kind, StateTable


def key_in_sql(state: StateTable) -> str:
    """The key of a state row below its owner, as ``alerts`` has it."""
    return f"array({', '.join(f'toString({name})' for name in state.key_columns)})" if state.key else "emptyArrayString()"


def disagreeing(kind: Kind) -> str:
    """The statement: owner, table, key and greatest version (of the state, or of that in which an alert was judged) of the subjects of
    which a row bears one of the ``partitions``. ``kind``: its name; ``centers``, ``times``: when centers went live (ms)."""
    sources = [_states(state) for state in kind.states.values()]
    sources.append(
        f"SELECT owner, subject_table, subject_key, partition, toUInt256(0), [], {JUDGED_IN_SQL}, "
        f"status != '{AlertStatus.WITHDRAWN}' AS stands, sipHash128(content), NOT stands AND NOT historic, "
        "stands AND historic AND has({centers:Array(String)}, center_id) AND toUnixTimestamp64Milli(occurred_at) >= "
        "{times:Array(Int64)}[indexOf({centers:Array(String)}, center_id)] FROM alerts FINAL WHERE kind = {kind:String}"
    )
    return (
        "SELECT owner, of, key, greatest(max(judged) AS version, max(said)) "
        f"FROM ({' UNION ALL '.join(sources)}) GROUP BY owner, of, key "
        "HAVING max(partition IN {partitions:Array(UInt16)}) AND NOT (max(said) <= version "
        "AND arraySort(argMax(standing, judged) AS now) = arraySort(groupArrayIf(content, stands)) "
        "AND NOT max(concerns) AND (empty(now) OR NOT max(gone)))"
    )


def _states(state: StateTable) -> str:
    """Rows of state that have alerts, or had some once."""
    had = f"FROM alerts WHERE kind = {{kind:String}} AND subject_table = '{state.name}'"
    key = key_in_sql(state)
    below = f"WHERE notEmpty(alerts) OR (owner, {key}) IN (SELECT owner, subject_key {had})" if state.key else ""
    return (
        f"SELECT owner, '{state.name}' AS of, {key} AS key, partition, version AS judged, "
        "arrayMap(alert -> sipHash128(JSONExtractString(alert, 'content')), alerts) AS standing, toUInt256(0) AS said, "
        "0 AS stands, toFixedString('', 16) AS content, 0 AS gone, 0 AS concerns "
        f"FROM {state.name} PREWHERE notEmpty(alerts) OR owner IN (SELECT owner {had}) {below}"
    )

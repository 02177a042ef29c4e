"""Whose fault is it: the table of everything that consumer, decoder, fold, inserter and producer can raise.

Three answers, and what follows from each:

- **RECORD**: it comes again for this record and for no other. The record is buried (a dead letter), or the batch is cut in half until
  it is found. Never waited for.
- **DEPENDENCY**: a server, the way to it, or its set-up. Waited for, as long as it takes; no record is to blame.
- **PROGRAM**: this process, this machine or this installation. Nothing is buried: the program ends, and its supervisor starts it
  anew. If it ends at one place again and again, it is the record's after all (:mod:`.caution`).

An exception that nobody foresaw is the record's: a mistake of ours that one record triggers must cost no more than that record, and
one that every record triggers stops the processor by its limit (``WEFTLINE_FAILURE_RATIO``).

A fault of a dependency may be **suspect**: one record can bring it about, too (a statement that takes too long or too much memory,
or at which the server dies). If it comes again and again while the dependency answers in between, it is treated as the record's.

Exceptions are named, not imported: whoever reads ClickHouse needs no Kafka client for that. A test resolves every name, and raises
every line of the table where it belongs.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple


class Whose(StrEnum):
    """See the module."""

    RECORD = "record"
    PROGRAM = "program"
    DEPENDENCY = "dependency"


class Fault(NamedTuple):
    """A line of the table. ``setup``: a person must mend it; told as such when a program starts."""

    whose: Whose
    why: str
    suspect: bool = False
    setup: bool = False


_RECORD, _PROGRAM, _DEPENDENCY = Whose.RECORD, Whose.PROGRAM, Whose.DEPENDENCY

_UNFORESEEN: Final = Fault(_RECORD, "not foreseen: the record's, until the ratio of failures says otherwise")
_MACHINE: Final = {
    "builtins.MemoryError": Fault(_PROGRAM, "the machine lacks memory, or one record takes it all"),
    "builtins.ImportError": Fault(_PROGRAM, "a package is missing"),
    "builtins.NotImplementedError": Fault(_PROGRAM, "a package is missing (aiokafka's codecs say it so)"),
    "weftline.errors.UserError": Fault(_PROGRAM, "only a person can mend it; the program says how and ends"),
    "weftline.errors.DependencyDown": Fault(_DEPENDENCY, "translated where it was raised"),
}

#: By part of a processor, and by the name of the exception; of several bases the nearest counts.
TABLE: Final[Mapping[str, Mapping[str, Fault]]] = {
    # Fetching and unpacking (runtime.unpacking, runtime.faust_batches).
    "consumer": _MACHINE
    | {
        "aiokafka.errors.CorruptRecordException": Fault(_RECORD, "checksum or length of a batch is wrong, and stays so"),
        "aiokafka.errors.UnsupportedCodecError": Fault(_RECORD, "a codec that Kafka does not have"),
        "aiokafka.errors.RecordTooLargeError": Fault(_RECORD, "a record beyond what a fetch may bring"),
        "builtins.UnicodeError": Fault(_RECORD, "a name of a header"),
        "builtins.EOFError": Fault(_RECORD, "packed bytes end too early"),
        "gzip.BadGzipFile": Fault(_RECORD, "no gzip"),
        "zlib.error": Fault(_RECORD, "broken gzip"),
        "zstandard.backend_c.ZstdError": Fault(_RECORD, "broken zstd"),
        "builtins.RuntimeError": Fault(_RECORD, "broken lz4, snappy or zstd, as the libraries call it"),
        "builtins.ValueError": Fault(_RECORD, "lengths that contradict each other"),
        "builtins.IndexError": Fault(_RECORD, "lengths that contradict each other"),
        "builtins.OverflowError": Fault(_RECORD, "lengths that contradict each other"),
        "struct.error": Fault(_RECORD, "lengths that contradict each other"),
        "aiokafka.errors.ConsumerStoppedError": Fault(_PROGRAM, "the consumer has ended"),
        "aiokafka.errors.IllegalStateError": Fault(_PROGRAM, "the consumer is not in a state to fetch"),
        "aiokafka.errors.KafkaError": Fault(_DEPENDENCY, "the broker's answer; fetched again"),
        "builtins.OSError": Fault(_DEPENDENCY, "the connection"),
        "builtins.TimeoutError": Fault(_DEPENDENCY, "no answer in time"),
    },
    # contracts.codec; its own mistakes become DecodeError.
    "decoder": _MACHINE
    | {
        "weftline.errors.ContractError": Fault(_RECORD, "breaks its contract"),
        "weftline.errors.DecodeError": Fault(_RECORD, "no event can be read"),
    },
    # domain.fold: a rule that raises gives the event the mark `not_judged`, and the step goes on.
    "fold": _MACHINE,
    # warehouse.client. Numbers are ClickHouse's; see CODES.
    "inserter": _MACHINE
    | {
        "weftline.warehouse.faults.WarehouseError": Fault(
            _RECORD, "ClickHouse or its client refuses the statement and would again"
        ),
        "clickhouse_connect.driver.exceptions.DataError": Fault(_RECORD, "a value does not fit its column"),
        "clickhouse_connect.driver.exceptions.ProgrammingError": Fault(_RECORD, "the client refuses its arguments"),
        # Without a number it never came to the engine, or the engine did not live to answer: lost connection, a proxy's answer.
        "clickhouse_connect.driver.exceptions.OperationalError": Fault(_DEPENDENCY, "no answer", suspect=True),
        "clickhouse_connect.driver.exceptions.DatabaseError": Fault(_DEPENDENCY, "no answer of the engine's", suspect=True),
        "clickhouse_connect.driver.exceptions.StreamFailureError": Fault(_DEPENDENCY, "the answer broke off", suspect=True),
        "clickhouse_connect.driver.exceptions.Error": Fault(_RECORD, "any other complaint of the client"),
        "aiohttp.client_exceptions.ClientError": Fault(_DEPENDENCY, "the connection", suspect=True),
        "builtins.OSError": Fault(_DEPENDENCY, "the connection", suspect=True),
        "builtins.TimeoutError": Fault(_DEPENDENCY, "no answer in time", suspect=True),
    },
    # processors.messenger.
    "producer": _MACHINE
    | {
        "aiokafka.errors.MessageSizeTooLargeError": Fault(_RECORD, "larger than its topic takes; a letter is cut and sent again"),
        "aiokafka.errors.RecordListTooLargeError": Fault(_RECORD, "larger than its topic takes; a letter is cut and sent again"),
        "aiokafka.errors.InvalidTimestampError": Fault(_RECORD, "a time that the broker refuses"),
        "aiokafka.errors.CorruptRecordException": Fault(_RECORD, "bytes that the broker refuses"),
        "aiokafka.errors.UnsupportedForMessageFormatError": Fault(_RECORD, "headers that the broker refuses"),
        "builtins.ValueError": Fault(_RECORD, "a header that cannot be written"),
        "builtins.TypeError": Fault(_RECORD, "a header that cannot be written"),
        "aiokafka.errors.ProducerClosed": Fault(_PROGRAM, "the producer has ended"),
        "aiokafka.errors.IllegalStateError": Fault(_PROGRAM, "the producer is not in a state to send"),
        "aiokafka.errors.UnknownTopicOrPartitionError": Fault(
            _DEPENDENCY, "the topic is missing; `weftline topics apply`", setup=True
        ),
        "aiokafka.errors.TopicAuthorizationFailedError": Fault(_DEPENDENCY, "the user may not write there", setup=True),
        "aiokafka.errors.ClusterAuthorizationFailedError": Fault(_DEPENDENCY, "the user may not write there", setup=True),
        "aiokafka.errors.KafkaError": Fault(_DEPENDENCY, "the broker's answer, or none"),
        "builtins.OSError": Fault(_DEPENDENCY, "the connection"),
        "builtins.TimeoutError": Fault(_DEPENDENCY, "no answer in time"),
    },
    # What comes out of a whole step, each part having had its turn.
    "step": _MACHINE | {"weftline.warehouse.faults.WarehouseError": Fault(_RECORD, "as in the inserter")},
}


def _passing(name: str, *, suspect: bool = False) -> Fault:
    return Fault(_DEPENDENCY, name, suspect=suspect)


def _setup(what: str) -> Fault:
    return Fault(_DEPENDENCY, what, setup=True)


#: By ClickHouse's number (``errorCodeToName``). Any other number is the record's: the same statement would fail again.
CODES: Final[Mapping[int, Fault]] = {
    32: _passing("ATTEMPT_TO_READ_AFTER_EOF", suspect=True),  # the request was cut off
    75: _passing("CANNOT_WRITE_TO_FILE_DESCRIPTOR"),
    76: _passing("CANNOT_OPEN_FILE"),
    95: _passing("CANNOT_READ_FROM_SOCKET"),
    96: _passing("CANNOT_WRITE_TO_SOCKET"),
    159: _passing("TIMEOUT_EXCEEDED", suspect=True),
    160: _passing("TOO_SLOW", suspect=True),
    173: _passing("CANNOT_ALLOCATE_MEMORY", suspect=True),
    201: _passing("QUOTA_EXCEEDED"),
    202: _passing("TOO_MANY_SIMULTANEOUS_QUERIES"),
    204: _passing("CANNOT_FSYNC"),
    209: _passing("SOCKET_TIMEOUT", suspect=True),
    210: _passing("NETWORK_ERROR"),
    218: _passing("TABLE_IS_DROPPED"),
    225: _passing("NO_ZOOKEEPER"),
    236: _passing("ABORTED"),
    241: _passing("MEMORY_LIMIT_EXCEEDED", suspect=True),
    242: _passing("TABLE_IS_READ_ONLY"),
    243: _passing("NOT_ENOUGH_SPACE"),
    252: _passing("TOO_MANY_PARTS"),
    254: _passing("NO_ACTIVE_REPLICAS"),
    265: _passing("NO_AVAILABLE_REPLICA"),
    279: _passing("ALL_CONNECTION_TRIES_FAILED"),
    285: _passing("TOO_FEW_LIVE_REPLICAS"),
    286: _passing("UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE"),
    289: _passing("REPLICA_IS_NOT_IN_QUORUM"),
    319: _passing("UNKNOWN_STATUS_OF_INSERT"),
    364: _passing("RECEIVED_ERROR_TOO_MANY_REQUESTS"),
    369: _passing("ALL_REPLICAS_ARE_STALE"),
    394: _passing("QUERY_WAS_CANCELLED"),
    416: _passing("REPLICA_STATUS_CHANGED"),
    439: _passing("CANNOT_SCHEDULE_TASK"),
    473: _passing("DEADLOCK_AVOIDED"),
    499: _passing("S3_ERROR"),
    733: _passing("TABLE_IS_BEING_RESTARTED"),
    735: _passing("QUERY_WAS_CANCELLED_BY_CLIENT"),
    745: _passing("SERVER_OVERLOADED"),
    999: _passing("KEEPER_EXCEPTION"),
    1000: _passing("POCO_EXCEPTION"),
    # While a program starts these are the user's to mend; later they are waited for: a batch must not end in the dead letters
    # because somebody restores a table, nor because it is there and its later columns are not yet.
    16: _setup("the table lacks a column; run `weftline migrate`"),
    47: _setup("the table lacks a column; run `weftline migrate`"),
    60: _setup("the table does not exist; run `weftline migrate`"),
    81: _setup("the database does not exist; run `weftline migrate`"),
    164: _setup("the user or the server is read-only; let WEFTLINE_CLICKHOUSE_USERNAME write"),
    192: _setup("unknown user; check WEFTLINE_CLICKHOUSE_USERNAME"),
    193: _setup("wrong password; check WEFTLINE_CLICKHOUSE_PASSWORD"),
    194: _setup("a password is required; set WEFTLINE_CLICKHOUSE_PASSWORD"),
    497: _setup("the user may not do that; grant WEFTLINE_CLICKHOUSE_USERNAME what is missing"),
    516: _setup("user or password refused; check WEFTLINE_CLICKHOUSE_USERNAME and WEFTLINE_CLICKHOUSE_PASSWORD"),
}
_STATEMENTS: Final = Fault(_RECORD, "the statement's: it would fail again")
#: Two numbers stand for a fault of the moment and for one of this very statement; the text tells them apart.
_OF_ONE_STATEMENT: Final = {252: "single INSERT block", 241: "Query memory limit"}


def fault(part: str, error: BaseException) -> Fault:
    """The line of the table for an exception that left ``part``."""
    lines = TABLE[part]
    for kind in type(error).__mro__:
        if (found := lines.get(f"{kind.__module__}.{kind.__qualname__}")) is not None:
            return found
    return _UNFORESEEN


def of_code(code: int, text: str) -> Fault:
    """The line of the table for an answer of ClickHouse's with this number."""
    if code in _OF_ONE_STATEMENT and _OF_ONE_STATEMENT[code].lower() in text.lower():
        return _STATEMENTS
    return CODES.get(code, _STATEMENTS)


def of_record(part: str, error: BaseException) -> bool:
    """Whether the record, and nobody else, is to blame."""
    return fault(part, error).whose is Whose.RECORD

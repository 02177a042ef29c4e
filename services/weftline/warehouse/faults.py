"""What fails in ClickHouse, and whose fault it is: the moment's, the set-up's or the statement's."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from aiohttp import ClientError
from clickhouse_connect.driver.exceptions import DatabaseError, Error, OperationalError, StreamFailureError

from weftline.errors import DependencyDown, UserError, WeftlineError

NAME = "clickhouse"

# Faults of the server's surroundings or of the moment. Codes and names are ClickHouse's (``errorCodeToName``).
PASSING = {
    32: "ATTEMPT_TO_READ_AFTER_EOF",  # the request was cut off
    75: "CANNOT_WRITE_TO_FILE_DESCRIPTOR",
    76: "CANNOT_OPEN_FILE",
    95: "CANNOT_READ_FROM_SOCKET",
    96: "CANNOT_WRITE_TO_SOCKET",
    159: "TIMEOUT_EXCEEDED",
    160: "TOO_SLOW",
    173: "CANNOT_ALLOCATE_MEMORY",
    201: "QUOTA_EXCEEDED",
    202: "TOO_MANY_SIMULTANEOUS_QUERIES",
    204: "CANNOT_FSYNC",
    209: "SOCKET_TIMEOUT",
    210: "NETWORK_ERROR",
    218: "TABLE_IS_DROPPED",
    225: "NO_ZOOKEEPER",
    236: "ABORTED",
    241: "MEMORY_LIMIT_EXCEEDED",
    242: "TABLE_IS_READ_ONLY",
    243: "NOT_ENOUGH_SPACE",
    252: "TOO_MANY_PARTS",
    254: "NO_ACTIVE_REPLICAS",
    265: "NO_AVAILABLE_REPLICA",
    279: "ALL_CONNECTION_TRIES_FAILED",
    285: "TOO_FEW_LIVE_REPLICAS",
    286: "UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE",
    289: "REPLICA_IS_NOT_IN_QUORUM",
    319: "UNKNOWN_STATUS_OF_INSERT",
    364: "RECEIVED_ERROR_TOO_MANY_REQUESTS",
    369: "ALL_REPLICAS_ARE_STALE",
    394: "QUERY_WAS_CANCELLED",
    416: "REPLICA_STATUS_CHANGED",
    439: "CANNOT_SCHEDULE_TASK",
    473: "DEADLOCK_AVOIDED",
    499: "S3_ERROR",
    733: "TABLE_IS_BEING_RESTARTED",
    735: "QUERY_WAS_CANCELLED_BY_CLIENT",
    745: "SERVER_OVERLOADED",
    999: "KEEPER_EXCEPTION",
    1000: "POCO_EXCEPTION",
}
# Faults of the set-up. While a program starts they are the user's to mend; later they are waited for, since the record at hand
# is not to blame: a batch must not end in the dead letters because somebody restores a table.
SETUP = {
    60: "the table does not exist; run `weftline migrate`",
    81: "the database does not exist; run `weftline migrate`",
    164: "the user or the server is read-only; let WEFTLINE_CLICKHOUSE_USERNAME write",
    192: "unknown user; check WEFTLINE_CLICKHOUSE_USERNAME",
    193: "wrong password; check WEFTLINE_CLICKHOUSE_PASSWORD",
    194: "a password is required; set WEFTLINE_CLICKHOUSE_PASSWORD",
    497: "the user may not do that; grant WEFTLINE_CLICKHOUSE_USERNAME what is missing",
    516: "user or password refused; check WEFTLINE_CLICKHOUSE_USERNAME and WEFTLINE_CLICKHOUSE_PASSWORD",
}
TOO_MANY_PARTS = 252

_PREAMBLE = re.compile(r"^Received ClickHouse exception, code: \d+, server response: ")
# The client wraps the system's own words in three layers of its own.
_REASON = re.compile(r"\[Errno -?\d+\] ([^\"')]+)")


class WarehouseError(WeftlineError):
    """ClickHouse, or its client, refuses a statement, and would again. ``code`` is ClickHouse's number, if it has one."""

    def __init__(self, statement: str, problem: str, code: int | None = None) -> None:
        super().__init__(f"{statement}: {problem}")
        self.statement = statement
        self.problem = problem
        self.code = code


class NotReady(DependencyDown):
    """The set-up has a fault that a person must mend; to be waited for, but not to be tried again at once."""


@contextlib.contextmanager
def faults(label: str, *, starting: bool = False) -> Iterator[None]:
    """Turn the client's exceptions into ours. ``starting``: faults of the set-up are the user's to mend."""
    try:
        yield
    except Error as error:
        raise _fault(error, label, starting) from error
    except (TimeoutError, OSError, ClientError) as error:
        raise DependencyDown(NAME, f"{label}: {str(error) or 'no answer in time'}") from error


def _fault(error: Any, label: str, starting: bool) -> WeftlineError:
    problem = _PREAMBLE.sub("", " ".join(str(error).split()))
    code: int | None = error.code
    if code in SETUP:
        text = f"{label}: {SETUP[code]}"
        return UserError(f"ClickHouse: {text}") if starting else NotReady(NAME, text)
    # The same code stands for an insert over too many partitions, which would fail again.
    if code in PASSING and not (code == TOO_MANY_PARTS and "single INSERT block" in problem):
        return DependencyDown(NAME, f"{label}: {problem}")
    # Without a code it never came to the engine: connection lost, or a proxy's answer. DataError and ProgrammingError are the
    # client's own complaints about its arguments.
    if code is None and type(error) in (OperationalError, DatabaseError, StreamFailureError):
        reason = _REASON.search(problem)
        return DependencyDown(NAME, f"{label}: {reason[1] if reason else problem}")
    return WarehouseError(label, problem, code)

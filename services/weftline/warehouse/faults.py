"""What fails in ClickHouse, as our exceptions. Whose fault it is stands in :mod:`weftline.runtime.blame`."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from aiohttp import ClientError
from clickhouse_connect.driver.exceptions import Error

from weftline.errors import DependencyDown, UserError, WeftlineError
from weftline.runtime import blame
from weftline.runtime.blame import Whose

NAME = "clickhouse"

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
    """The set-up has a fault that a person must mend; to be waited for, but not to be tried again at once.

    ``code`` and ``problem`` are ClickHouse's number and own words, if it has any.
    """

    def __init__(self, dependency: str, text: str, problem: str = "", code: int | None = None) -> None:
        super().__init__(dependency, text)
        self.problem = problem
        self.code = code


@contextlib.contextmanager
def faults(label: str, *, starting: bool = False) -> Iterator[None]:
    """Turn the client's exceptions into ours. ``starting``: faults of the set-up are the user's to mend."""
    try:
        yield
    except Error as error:
        raise _fault(error, label, starting) from error
    except (TimeoutError, OSError, ClientError) as error:
        raise DependencyDown(
            NAME, f"{label}: {str(error) or 'no answer in time'}", blame.fault("inserter", error).suspect
        ) from error


def _fault(error: Any, label: str, starting: bool) -> WeftlineError:
    problem = _PREAMBLE.sub("", " ".join(str(error).split()))
    code: int | None = error.code
    found = blame.fault("inserter", error) if code is None else blame.of_code(code, problem)
    if found.setup:
        text = f"{label}: {found.why}"
        return UserError(f"ClickHouse: {text}") if starting else NotReady(NAME, text, problem, code)
    if found.whose is Whose.DEPENDENCY:
        reason = _REASON.search(problem) if code is None else None
        return DependencyDown(NAME, f"{label}: {reason[1] if reason else problem}", found.suspect)
    return WarehouseError(label, problem, code)

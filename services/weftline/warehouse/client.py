"""The warehouse: ClickHouse over HTTP. :class:`Warehouse` (async) for processors, :class:`Reader` for commands and boards.

**Writing.** One :meth:`Warehouse.insert` is one block of ClickHouse's Native format in one request, or several where it would be too
large (:mod:`.cuts`). A block is there as a whole or not at all, as far as it lies in one partition. (Over several partitions each gets
its part by itself; a crash between two of them is healed by the batch that is read again.) The server neither cuts nor gathers such a
block: ``min_insert_block_size_*`` are 0 and ``async_insert``, on by default in ClickHouse 26, is off.

**Repeating.** Every statement that Weftline sends may be sent again, since rows replace each other by version. So what fails for
a passing reason is tried again for some seconds; what still fails then is :class:`~weftline.errors.DependencyDown`, and the
caller waits. A restarted server needs no new object. What would fail again is :class:`~weftline.warehouse.faults.WarehouseError`,
which names statement and cause.

**Times** are integers both ways, in the column's own unit: seconds for DateTime, milliseconds for ``DateTime64(3)``.

Measured on the embedded engine, two cores: a statement 2.5 ms; an insert of 8 columns 7 ms for one row or 1,000, 23 ms for
10,000, 170 ms for 100,000. Versions as plain Python integers are cheap: UInt256 82 ns a value, UInt128 80, UInt64 20, a string
of 20 characters 43; packing them by hand (``int.to_bytes``, numpy halves) was slower. Decimal costs 313: prefer scaled integers.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, BinaryIO, NoReturn, Self
from urllib.parse import urlsplit

import clickhouse_connect
import stamina
from clickhouse_connect.datatypes.registry import get_from_name
from clickhouse_connect.driver import options
from clickhouse_connect.driver.insert import InsertContext
from clickhouse_connect.driver.transform import NativeTransform
from urllib3.exceptions import HTTPError

from weftline.errors import DependencyDown, UserError
from weftline.runtime.clock import ServerClock
from weftline.runtime.settings import Settings
from weftline.runtime.tls import trusting
from weftline.warehouse import cuts
from weftline.warehouse.faults import NAME, NotReady, WarehouseError, faults
from weftline.warehouse.sql import bind, identifier

# clickhouse-connect takes pandas and pyarrow along wherever they happen to be installed, at the first insert: 2.3 s on a free core,
# 4 s when three programs start at once, and 100 MB in each. Nothing here uses data frames, so it is told that there are none.
options.pd = options.pd_time_test = options.arrow = None

# A statement of a processor takes milliseconds; one that takes this long will not get better by waiting for it.
REQUEST_SECONDS = 60.0
CONNECT_SECONDS = 5.0
# Passing faults (a restart, a quorum that another insert still holds) are over within a second or not soon.
ATTEMPTS = 5
RETRY_SECONDS = 5.0
# Parameters stand in the statement (see .sql): 64 MiB, as much as the embedded engine takes, are two million owners.
STATEMENT_BYTES = 64 << 20
# An export is read in such pieces; an exception in the middle of one is a text of some kilobytes.
PIECE_BYTES = 1 << 20
LONGEST_EXCEPTION = 64 << 10

#: The server's clock: as text, by which ``stored_at`` goes, and in milliseconds.
SERVER_TIME = "SELECT toString(now64(3, 'UTC') AS now), toUnixTimestamp64Milli(now)"

# It writes a traceback for every value that does not fit its column; our error says the same in one line.
logging.getLogger("clickhouse_connect.driver.transform").setLevel(logging.CRITICAL)

_INSERT = {"async_insert": 0, "min_insert_block_size_rows": 0, "min_insert_block_size_bytes": 0}
# Years of months lie in one export, and a column that a later migration dropped may do so.
_LOAD = {"async_insert": 0, "max_partitions_per_insert_block": 0, "input_format_skip_unknown_fields": 1}


class Warehouse:
    """Reads and writes of a processor. One object per program; calls may overlap, each takes a connection of its own."""

    def __init__(self, client: Any, seconds: float) -> None:
        self._client = client
        self._seconds = seconds

    @classmethod
    async def connect(cls, settings: Settings, *, seconds: float = REQUEST_SECONDS) -> Self:
        """Connect, or raise :class:`UserError` for a fault of the set-up and :class:`DependencyDown` if nothing answers.

        ``seconds`` bounds each statement, here and on the server.
        """
        arguments = _arguments(settings, settings.clickhouse_database, seconds)
        with faults(f"connecting to {settings.clickhouse}", starting=True):
            async with asyncio.timeout(seconds):
                return cls(await clickhouse_connect.get_async_client(**arguments), seconds)

    async def insert(
        self,
        table: str,
        columns: Sequence[Sequence[Any]],
        column_names: Sequence[str],
        column_types: Sequence[str],
        times: Sequence[int] | None = None,
    ) -> int:
        """Store rows given by column; returns the number of blocks: none for no rows, usually one (see :mod:`.cuts`).

        ``times``: of each row, in ms, where the table is parted by their month. ``column_types`` are ClickHouse's names
        (``DateTime64(3, 'UTC')``), so that nothing is asked of the server before. Bytes may go into String columns; LowCardinality and
        Enum take plain strings.
        """
        lengths = {len(column) for column in columns}
        if len(lengths) > 1 or not len(columns) == len(column_names) == len(column_types):
            problem = f"{len(columns)} columns of {sorted(lengths)} rows, {len(column_names)} names, {len(column_types)} types"
            raise WarehouseError(f"insert into {table}", problem)
        sent = 0
        for block in cuts.blocks(columns, column_types, times):
            body = _native(table, block, column_names, column_types)
            send = partial(self._client.raw_insert, insert_block=body, settings=_INSERT)
            await self._run(f"insert into {table}", send)
            sent += 1
        return sent

    async def rows(
        self,
        statement: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        binary: Sequence[str] = (),
        threads: int | None = None,
    ) -> list[tuple[Any, ...]]:
        """The rows of a query. ``parameters`` as :func:`weftline.warehouse.sql.bind` takes them; None sends the text as it is.

        The String columns named in ``binary`` come as bytes; another one that is not UTF-8 would come as hexadecimal text. ``threads``: no
        more of the server's than these; a small read costs it less on one, for it need not be shared out.
        """
        result = await self._query(statement, parameters, binary, column_oriented=False, threads=threads)
        return [tuple(row) for row in result.result_rows]

    async def columns(
        self, statement: str, parameters: Mapping[str, Any] | None = None, *, binary: Sequence[str] = ()
    ) -> list[Sequence[Any]]:
        """The result by column, otherwise as :meth:`rows`. Without rows there are no columns either: an empty list."""
        result = await self._query(statement, parameters, binary, column_oriented=True)
        return list(result.result_columns)

    async def named(
        self, statement: str, parameters: Mapping[str, Any] | None = None
    ) -> tuple[Mapping[str, Sequence[Any]], Mapping[str, str]]:
        """The result by name of its columns, and their types as ClickHouse names them. Without rows both are empty."""
        result = await self._query(statement, parameters, (), column_oriented=True)
        types = (kind.name for kind in result.column_types)
        return dict(zip(result.column_names, result.result_columns, strict=False)), dict(
            zip(result.column_names, types, strict=True)
        )

    async def command(self, statement: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run a statement that gives no rows, such as ``INSERT … SELECT``."""
        text = _bound(statement, parameters)
        await self._run(label_of(statement), lambda: self._client.command(text))

    async def ping(self) -> bool:
        """Whether the server answers within three seconds."""
        return bool(await self._client.ping())

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def _query(
        self,
        statement: str,
        parameters: Mapping[str, Any] | None,
        binary: Sequence[str],
        *,
        column_oriented: bool,
        threads: int | None = None,
    ) -> Any:
        arguments = _reading(_bound(statement, parameters), binary, column_oriented)
        if threads is not None:
            arguments["settings"] = {"max_threads": threads}
        return await self._run(label_of(statement), lambda: self._client.query(**arguments))

    async def _run(self, label: str, call: Callable[[], Awaitable[Any]]) -> Any:
        async for attempt in stamina.retry_context(
            on=_may_pass, attempts=ATTEMPTS, timeout=RETRY_SECONDS, wait_initial=0.05, wait_max=1.0, wait_jitter=0.05
        ):
            with attempt, faults(label):
                async with asyncio.timeout(self._seconds + CONNECT_SECONDS):
                    return await call()
        raise AssertionError("unreachable: the last attempt returns or raises")


class Reader:
    """The same for programs without an event loop: commands, boards, migrations.

    Tries nothing again (a command says so and ends) but a read whose kept connection turns out dead.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def rows(
        self, statement: str, parameters: Mapping[str, Any] | None = None, *, binary: Sequence[str] = ()
    ) -> list[tuple[Any, ...]]:
        """As :meth:`Warehouse.rows`."""
        result = self._query(statement, parameters, binary, column_oriented=False)
        return [tuple(row) for row in result.result_rows]

    def columns(
        self, statement: str, parameters: Mapping[str, Any] | None = None, *, binary: Sequence[str] = ()
    ) -> list[Sequence[Any]]:
        """As :meth:`Warehouse.columns`."""
        result = self._query(statement, parameters, binary, column_oriented=True)
        return list(result.result_columns)

    def command(self, statement: str, parameters: Mapping[str, Any] | None = None) -> None:
        """As :meth:`Warehouse.command`."""
        text = _bound(statement, parameters)
        with faults(label_of(statement)):
            self._client.command(text)

    def clock(self) -> ServerClock:
        """The server's clock, read now; see :class:`~weftline.runtime.clock.ServerClock` for how it goes on."""
        clock = ServerClock()
        asked = clock.asking()
        ((_, milliseconds),) = self.rows(SERVER_TIME)
        clock.read(milliseconds, asked)
        return clock

    def export(self, statement: str) -> Iterator[bytes]:
        """The result of a query in ClickHouse's Native format, piece by piece: rows without end in little memory.

        What fails when the answer has begun stands in its body, between marks that a header has announced, and is raised at the end: who
        writes the pieces down must throw them away then.
        """
        label = label_of(statement)
        with faults(label):
            answer = self._client.raw_stream(statement, fmt="Native")
            tag = answer.headers.get("X-ClickHouse-Exception-Tag", "").encode()
            end = b""
            try:
                for piece in answer.stream(PIECE_BYTES):
                    end = (end + piece)[-LONGEST_EXCEPTION:]
                    yield piece
            except HTTPError as error:
                raise DependencyDown(NAME, f"{label}: the answer broke off: {error}") from error
            finally:
                answer.close()
        if tag and end.rstrip().endswith(tag + b"\r\n__exception__"):
            problem = end[end.find(b"__exception__") :].decode("utf-8", "replace")
            raise WarehouseError(label, " ".join(problem.replace("__exception__", "").split())[:1000])

    def load(self, table: str, body: BinaryIO) -> int:
        """Insert what :meth:`export` gave, compressed with zstd, by the names of its columns; the number of rows.

        Columns that the table lacks are left out; those that the body lacks get their default. Over any number of partitions and in many
        blocks, so not as a whole or not at all: for rows that may be sent again.
        """
        with faults(f"insert into {table}"):
            done = self._client.raw_insert(identifier(table), insert_block=body, settings=_LOAD, fmt="Native", compression="zstd")
        return int(done.written_rows)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _query(self, statement: str, parameters: Mapping[str, Any] | None, binary: Sequence[str], *, column_oriented: bool) -> Any:
        arguments = _reading(_bound(statement, parameters), binary, column_oriented)
        with faults(label_of(statement)):
            return self._client.query(**arguments)


def reader(settings: Settings, *, seconds: float = REQUEST_SECONDS, database: str | None = None) -> Reader:
    """A :class:`Reader` on the settings' database, or on another. Raises as :meth:`Warehouse.connect`."""
    arguments = _arguments(settings, database or settings.clickhouse_database, seconds)
    with faults(f"connecting to {settings.clickhouse}", starting=True):
        return Reader(clickhouse_connect.get_client(**arguments))


def _may_pass(error: Exception) -> bool:
    return isinstance(error, DependencyDown) and not isinstance(error, NotReady)


def _arguments(settings: Settings, database: str, seconds: float) -> dict[str, Any]:
    """What both of clickhouse-connect's clients are opened with."""
    try:
        address = urlsplit(settings.clickhouse)
        host, port = address.hostname, address.port
    except ValueError:
        address, host, port = urlsplit(""), None, None
    if address.scheme not in ("http", "https") or not host or address.username or address.query:
        raise UserError(
            f"WEFTLINE_CLICKHOUSE: {settings.clickhouse} is no address of ClickHouse's HTTP interface such as http://127.0.0.1:8123"
            " (user and password have variables of their own)"
        )
    if settings.clickhouse_ca is not None:
        if address.scheme != "https":
            raise UserError(
                f"WEFTLINE_CLICKHOUSE_CA is set, so WEFTLINE_CLICKHOUSE must begin with https://, not {settings.clickhouse}"
            )
        trusting(settings.clickhouse_ca)  # clickhouse-connect says less of a file that it cannot read
    server: dict[str, Any] = {
        "max_query_size": STATEMENT_BYTES,
        "max_execution_time": int(seconds),
        # INSERT … SELECT in one stream: in several, each makes a part of its own, and parts are what limits us.
        "max_insert_threads": 1,
    }
    if settings.clickhouse_cluster is not None:
        # A fold must see every record stored before it, whichever replica answers.
        server |= {
            "insert_quorum": "auto",
            "insert_quorum_parallel": 0,
            "insert_quorum_timeout": int(seconds * 1000),
            "select_sequential_consistency": 1,
        }
    return {
        "interface": address.scheme,
        "host": host,
        "port": port or (8443 if address.scheme == "https" else 8123),
        "proxy_path": address.path,
        **({} if settings.clickhouse_ca is None else {"ca_cert": str(settings.clickhouse_ca)}),
        "username": settings.clickhouse_username,
        "password": settings.clickhouse_password.get_secret_value(),
        "database": database,
        "settings": server,
        "compress": not _is_loopback(host),
        "connect_timeout": CONNECT_SECONDS,
        "send_receive_timeout": seconds + CONNECT_SECONDS,
        "autogenerate_session_id": False,
        "client_name": "weftline",
    }


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _native(table: str, columns: Sequence[Sequence[Any]], names: Sequence[str], types: Sequence[str]) -> bytes:
    """The INSERT with its one block.

    Made here and not by the client's ``insert``, which cuts at about 2 MB, writes in another thread while it sends, and sends
    rubbish on purpose when a value does not fit its column. This is as quick (150 ms for 100,000 rows, the other 150-300), and
    bytes can be sent again when a kept connection turns out dead.
    """
    kinds = [get_from_name(name) for name in types]
    context = InsertContext(identifier(table), names, kinds, data=columns, column_oriented=True, block_size=len(columns[0]))

    def refuse(error: Exception) -> NoReturn:
        raise WarehouseError(f"insert into {table}", f"column {context.column_name}: {error}") from error

    return b"".join(NativeTransform.build_insert(context, refuse))


def _reading(text: str, binary: Sequence[str], column_oriented: bool) -> dict[str, Any]:
    return {
        "query": text,
        "query_formats": {"DateTime*": "int"},
        "column_formats": dict.fromkeys(binary, "bytes"),
        "column_oriented": column_oriented,
    }


def _bound(statement: str, parameters: Mapping[str, Any] | None) -> str:
    return statement if parameters is None else bind(statement, parameters)


def label_of(statement: str) -> str:
    """How a statement is called in an error: its beginning, on one line, without values."""
    return " ".join(statement.split())[:120]

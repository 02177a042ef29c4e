"""The ClickHouse engine in this process: :class:`Engine` owns a data folder, a :class:`Session` runs statements.

**What is promised.** An acknowledged insert survives the death of this process however it comes (the part's files are written
and renamed before the answer), a power cut (they are synced before the answer, see :func:`configuration`) and a full disk
(:mod:`.engine_losses`).

**Connections.** One chDB connection runs one query at a time, two run in parallel, and each has a session of its own
(database, settings, temporary tables). A fresh one costs 0.1 ms, so every request gets one and nothing leaks from one request into
the next; only requests with a ``session_id`` share one.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, NamedTuple
from xml.sax.saxutils import escape

from weftline.embedded.engine_admission import Unsupported
from weftline.embedded.engine_losses import COUNTED, Losses
from weftline.embedded.engine_sql import error_code, quote, quote_bytes, quote_identifier
from weftline.embedded.engine_users import users_file
from weftline.embedded.locks import FileLock, Held
from weftline.embedded.ports import HOST
from weftline.errors import UserError, WeftlineError

#: What the engine says of a statement that it can parse and not put into JSON.
BAD_ARGUMENTS = 36

NOTHING: Mapping[str, str] = MappingProxyType({})


class EngineError(WeftlineError):
    """The engine refused a statement; the text is ClickHouse's own, ``Code: 60. DB::Exception: …``."""

    def __init__(self, error: Exception) -> None:
        text = str(error)
        # chDB says before it at which of its own calls it happened.
        super().__init__(text[max(0, text.find("Code: ")) :])


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """``memory_mb`` bounds all queries together; a query that would go beyond it fails with MEMORY_LIMIT_EXCEEDED.

    ``database`` is what readers may read. ``passwords``: the folder that holds the folder of passwords; None: ``folder`` itself.
    ``shown``: certificate and key, by which it is served; None: without TLS.
    """

    folder: Path
    port: int
    memory_mb: int
    database: str = "weftline"
    passwords: Path | None = None
    shown: tuple[Path, Path] | None = None

    @property
    def url(self) -> str:
        return f"http{'' if self.shown is None else 's'}://{HOST}:{self.port}"


class Result(NamedTuple):
    """What a statement gave: the body in the format asked for, and ClickHouse's counters."""

    body: bytes
    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0


def default_memory_mb() -> int:
    """Half of the machine's memory, 4 GiB at most: the broker, the processors and the user's own programs live here too."""
    return int(min(4096, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2 >> 20))


def configuration(config: EngineConfig, users: Path) -> str:
    """The engine's configuration file; ``users``: where ``users.xml`` stands (:mod:`.engine_users`).

    The caches are bounded since ClickHouse's defaults (5 GB here, 5 GB there) are meant for a machine of its own.
    """
    caches = {
        "mark_cache_size": 256,
        "primary_index_cache_size": 256,
        "index_mark_cache_size": 64,
        "vector_similarity_index_cache_size": 16,
        "text_index_tokens_cache_size": 16,
        "text_index_header_cache_size": 16,
        "text_index_postings_cache_size": 16,
        "parquet_metadata_cache_size": 16,
    }
    sizes = "".join(f"<{name}>{mb << 20}</{name}>" for name, mb in caches.items())
    return (
        f"<clickhouse><timezone>UTC</timezone><max_server_memory_usage>{config.memory_mb << 20}</max_server_memory_usage>{sizes}"
        f"<user_directories><users_xml><path>{escape(str(users))}</path></users_xml></user_directories>"
        "<merge_tree><fsync_after_insert>1</fsync_after_insert><fsync_part_directory>1</fsync_part_directory></merge_tree>"
        "</clickhouse>\n"
    )


class Upload:
    """The data of an insert, as a file that the engine reads.

    chDB has a way to hand data over in pieces (``send_insert``), but that one reports success for a block which the engine refused
    to store (too many partitions, a violated constraint), so it is not used. A file costs the same: a block of 1,000 rows takes 5.8
    ms against 5.1, one of 100,000 rows 216 ms against 342.
    """

    def __init__(self, folder: Path, *, in_memory: bool) -> None:
        """``in_memory``: for data that is small enough, and where the kernel can do it; else a file without a name in ``folder``."""
        if in_memory and hasattr(os, "memfd_create"):
            self._file: IO[bytes] = os.fdopen(os.memfd_create("insert"), "w+b", buffering=0)
            self.path = f"/proc/{os.getpid()}/fd/{self._file.fileno()}"
        else:
            self._file = tempfile.NamedTemporaryFile(dir=folder, prefix="insert-", buffering=0)  # noqa: SIM115 - closed by close()
            self.path = self._file.name

    def append(self, data: bytes) -> None:
        """Take a piece of the data."""
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) :]

    def close(self) -> None:
        """Give the space back."""
        self._file.close()


class Session:
    """One chDB connection. Its methods block; call them in a thread, one at a time."""

    def __init__(self, path: str) -> None:
        from chdb.state.sqlitelike import Connection

        self._connection: Any = Connection(path)

    def run(self, sql: str | bytes, output_format: str, bound: Mapping[str, str] = NOTHING) -> Result:
        """Run one statement; the whole result at once. ``bound``: the values of its parameters, escaped as in an address."""
        try:
            answer = self._connection.query(sql, output_format, params=dict(bound))
        except RuntimeError as error:
            raise EngineError(error) from None
        return Result(
            answer.bytes(),
            read_rows=answer.storage_rows_read(),
            read_bytes=answer.storage_bytes_read(),
            written_rows=answer.rows_written(),
            written_bytes=answer.bytes_written(),
            result_rows=answer.rows_read(),
        )

    def ask(self, function: str, text: bytes) -> bytes:
        """What a function of the engine's parser says of a text, which is handed to it as a literal and never run."""
        try:
            return self.run(b"SELECT %s(%s)" % (function.encode(), quote_bytes(text)), "TSVRaw").body.removesuffix(b"\n")
        except EngineError as error:
            if function == "parseQueryToJSON" and error_code(str(error)) == BAD_ARGUMENTS:
                raise Unsupported(str(error)) from None
            raise

    def stream(self, sql: bytes, output_format: str, bound: Mapping[str, str]) -> Any:
        """Begin a query whose blocks are fetched one by one with :meth:`next_block`."""
        try:
            return self._connection.send_query(sql, output_format, params=dict(bound))
        except RuntimeError as error:
            raise EngineError(error) from None

    def next_block(self, stream: Any) -> bytes | None:
        """The next piece of a result, or ``None`` after the last."""
        try:
            piece = stream.fetch()
        except RuntimeError as error:
            raise EngineError(error) from None
        return None if piece is None else piece.bytes()

    @staticmethod
    def cancel(unfinished: Any) -> None:
        """Break off what :meth:`stream` began; does nothing if that has come to its end, or never began."""
        if unfinished is not None:
            with contextlib.suppress(RuntimeError):
                unfinished.cancel()

    def close(self) -> None:
        self._connection.close()


class Engine:
    """The engine on one folder: gives sessions, cancels statements."""

    def __init__(self, config: EngineConfig) -> None:
        """Lock and open the folder, or raise :class:`UserError` if another engine has it."""
        config.folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(config.folder / "engine.lock")
        try:
            self._lock.acquire()
        except Held as held:
            raise UserError(
                f"the ClickHouse folder {config.folder} is in use by process {held.owner}; stop that one or choose another folder"
            ) from None
        settings, users = config.folder / "engine.xml", config.folder / "users.xml"
        users.write_text(users_file(config.database), "utf-8")
        settings.write_text(configuration(config, users.absolute()), "utf-8")
        self._folder = config.folder.absolute()
        #: Bytes that all statements together may take.
        self.memory = config.memory_mb << 20
        for leftover in self._folder.glob("insert-*"):  # of an engine that was killed
            leftover.unlink()
        self._path = str(self._folder / "data")
        # The first connection starts the engine and the last one to go stops it: this one stays.
        self._keeper = Session(f"{self._path}?config-file={settings.absolute()}")
        self._begin = f"USE {quote_identifier(config.database)}"
        self._keeper.run(f"CREATE DATABASE IF NOT EXISTS {quote_identifier(config.database)}", "Null")
        self.version = self._keeper.run("SELECT version()", "TabSeparatedRaw").body.decode().strip()
        self.timezone = self._keeper.run("SELECT timezone()", "TabSeparatedRaw").body.decode().strip()
        self.losses = Losses(self._folder, self._lost_writes)

    def session(self) -> Session:
        """A fresh session, in the database of our tables: in ``default``, chDB takes names that it does not know for files."""
        session = Session(self._path)
        try:
            session.run(self._begin, "Null")
        except EngineError:
            # Somebody dropped the database: what wants it is told so, and what makes it anew (`weftline migrate`) must get through.
            session.run("USE system", "Null")
        return session

    def upload(self, *, in_memory: bool) -> Upload:
        """A place for the data of an insert."""
        return Upload(self._folder, in_memory=in_memory)

    def _lost_writes(self) -> int:
        session = Session(self._path)
        try:
            return int(session.run(COUNTED, "TabSeparatedRaw").body)
        finally:
            session.close()

    def kill(self, mark: str) -> None:
        """Cancel the statement that runs with ``log_comment`` = ``mark``, if it still does."""
        with contextlib.suppress(EngineError):
            session = self.session()
            try:
                session.run(f"KILL QUERY WHERE Settings['log_comment'] = {quote(mark)} ASYNC", "Null")
            finally:
                session.close()

    def close(self) -> None:
        self._keeper.close()
        self._lock.release()

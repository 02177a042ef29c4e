"""ClickHouse's HTTP protocol in front of :class:`~weftline.embedded.engine_chdb.Engine`.

Reads and writes have threads of their own, so that slow readers never keep the processors' inserts waiting. A statement whose
client went away is cancelled.

Not there: external tables, ClickHouse's own block compression, compressed answers (the line is the loopback), users and roles, the
caller's ``query_id`` in ``system.processes``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web

from weftline.embedded import engine_sql as sql
from weftline.embedded.engine_chdb import Engine, EngineError, Result, Session
from weftline.embedded.engine_codec import CannotDecode
from weftline.embedded.engine_request import HELD_BODY, Refused, Request, check_origin, check_password, read
from weftline.embedded.ports import HOST

T = TypeVar("T")

# Each statement may itself use all cores; more of them at once only shares the same cores and multiplies memory.
READERS = 6
WRITERS = 6
# Bound parameters travel in the address: thousands of windows of a rollup are some hundred kilobytes. ClickHouse's own limit.
LONGEST_ADDRESS = 1 << 20
# A result up to this size (as ClickHouse counts blocks, uncompressed) is sent whole, a greater one streamed if its format allows.
WHOLE_RESULT = 64 << 20
# Pooled connections of clients stay open: closing an idle one at the moment its client sends an insert looks like a lost insert.
KEEP_ALIVE_SECONDS = 3600.0
SESSION_SECONDS = 60.0
LONGEST_SESSION_SECONDS = 3600.0

CANCEL_SECONDS = 0.5

TOO_MANY_ROWS_OR_BYTES = 396


@dataclass(slots=True)
class Held:
    """A session that a client keeps by its ``session_id``; ``settings`` are the SET statements that it has sent."""

    session: Session
    expires: float = 0.0
    busy: bool = False
    settings: list[bytes] = field(default_factory=list)


class Server:
    """The HTTP server; ``start`` and ``stop`` once."""

    def __init__(self, engine: Engine, password: str = "") -> None:
        self._engine = engine
        self._password = password
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="read")
        self._writers = ThreadPoolExecutor(WRITERS, thread_name_prefix="write")
        # For what takes a moment and must not stand in line behind statements: opening sessions, cancelling.
        self._aside = ThreadPoolExecutor(2, thread_name_prefix="aside")
        self._held: dict[str, Held] = {}
        # Statements that run, by their mark, and whether they only read.
        self._running: dict[str, bool] = {}
        self._runner: web.AppRunner | None = None
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self, port: int, stop_seconds: float) -> None:
        """Listen on ``port`` of the loopback address; writes get ``stop_seconds`` to end when it stops."""
        app = web.Application()
        app.router.add_get("/ping", self._ping)
        app.router.add_get("/", self._handle)
        app.router.add_post("/", self._handle)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handler_cancellation=True,
            auto_decompress=False,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            max_line_size=LONGEST_ADDRESS,
            max_field_size=LONGEST_ADDRESS,
            shutdown_timeout=stop_seconds,
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, port).start()
        self._sweeper = asyncio.create_task(self._sweep())

    async def stop(self) -> None:
        """Take nothing new, cancel reads at once, let writes end."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        await self._cancel([mark for mark, reads in self._running.items() if reads])
        if self._runner is not None:
            await self._runner.cleanup()
        while self._running:
            await self._cancel(list(self._running))
            await asyncio.sleep(CANCEL_SECONDS)
        for pool in (self._readers, self._writers, self._aside):
            pool.shutdown()
        for held in self._held.values():
            held.session.close()

    async def _cancel(self, marks: Sequence[str]) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(self._aside, self._engine.kill, mark) for mark in marks))

    async def _ping(self, _http: web.Request) -> web.Response:
        return web.Response(text="Ok.\n")

    async def _handle(self, http: web.Request) -> web.StreamResponse:
        headers = {"X-ClickHouse-Server-Display-Name": "weftline-embedded", "X-ClickHouse-Timezone": self._engine.timezone}
        try:
            check_origin(http)
            request = await read(http)
            headers["X-ClickHouse-Query-Id"] = request.query_id
            check_password(http, request.parameters, self._password)
            return await self._answer(http, request, headers)
        except CannotDecode as error:
            return self._failure(f"Code: 432. DB::Exception: {error}. (UNKNOWN_CODEC)", headers)
        except (EngineError, Refused) as error:
            return self._failure(str(error), headers)

    def _failure(self, text: str, headers: dict[str, str]) -> web.Response:
        code = sql.error_code(text)
        headers["X-ClickHouse-Exception-Code"] = str(code)
        return web.Response(status=sql.http_status(code), text=f"{self._versioned(text)}\n", headers=headers)

    def _versioned(self, text: str) -> str:
        return text if "(version " in text else f"{text} (version {self._engine.version})"

    async def _answer(self, http: web.Request, request: Request, headers: dict[str, str]) -> web.StreamResponse:
        statement = sql.parse(request.text)
        if not request.text.strip():
            if request.method == "GET" and "query" not in request.parameters:
                return web.Response(text="Ok.\n", headers=headers)
            raise Refused(62, "SYNTAX_ERROR", "Empty query")
        if statement.kind is not sql.Kind.READ and request.method == "GET":
            raise Refused(
                164, "READONLY", "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly"
            )
        async with self._hold(request, statement) as held, self._counted(request, statement):
            if statement.kind is sql.Kind.INSERT_DATA:
                result = await self._insert(request, statement, held)
                return web.Response(body=b"", headers=headers | _summary(result, request.began))
            if len(request.text) > HELD_BODY:
                raise Refused(307, "TOO_MANY_BYTES", f"A statement of more than {HELD_BODY >> 20} MiB is refused")
            if statement.kind is sql.Kind.WRITE:
                result = await self._call(self._writers, request, self._run, request, held, sql.DEFAULT_FORMAT)
                return web.Response(body=result.body, headers=headers | _summary(result, request.began))
            return await self._select(http, request, statement, held, headers)

    async def _insert(self, request: Request, statement: sql.Statement, held: Held | None) -> Result:
        """An insert is stored when all of its data is here: a client that breaks off has inserted nothing."""
        data = request.text[statement.data_at :]
        whole = len(request.text) <= HELD_BODY
        request.text = b""
        upload = self._engine.upload(in_memory=whole)
        try:
            await self._call(self._writers, request, upload.append, data)
            if not whole:
                async for piece in request.rest:
                    await self._call(self._writers, request, upload.append, piece)
            return await self._call(self._writers, request, self._insert_file, request, held, statement.from_file(upload.path))
        finally:
            upload.close()

    def _insert_file(self, request: Request, held: Held | None, statement: bytes) -> Result:
        with self._session(request, held) as session:
            return session.run(statement, "Null", request.bound)

    async def _select(
        self, http: web.Request, request: Request, statement: sql.Statement, held: Held | None, headers: dict[str, str]
    ) -> web.StreamResponse:
        output = statement.format or request.parameters.get("default_format") or sql.DEFAULT_FORMAT
        headers["X-ClickHouse-Format"] = output
        headers["Content-Type"] = sql.CONTENT_TYPES.get(output, "text/plain; charset=UTF-8")
        streamable = (
            output in sql.STREAMABLE and statement.word in ("SELECT", "WITH") and "max_result_bytes" not in request.parameters
        )
        limit = {"max_result_bytes": str(WHOLE_RESULT)} if streamable else {}
        try:
            result = await self._call(self._readers, request, self._run, request, held, output, limit)
        except EngineError as error:
            if not streamable or sql.error_code(str(error)) != TOO_MANY_ROWS_OR_BYTES:
                raise
            return await self._stream(http, request, held, output, headers)
        return web.Response(body=result.body, headers=headers | _summary(result, request.began))

    async def _stream(
        self, http: web.Request, request: Request, held: Held | None, output: str, headers: dict[str, str]
    ) -> web.StreamResponse:
        """Send a large result block by block.

        By the time that an error comes the status is sent, so it stands in the body, between marks that a header has announced.
        """
        tag = secrets.token_hex(8)
        stack = contextlib.ExitStack()
        stream: Any = None
        try:
            session = await self._call(self._readers, request, stack.enter_context, self._session(request, held))
            stream = await self._call(self._readers, request, session.stream, request.text, output, request.bound)
            block = await self._call(self._readers, request, session.next_block, stream)
            response = web.StreamResponse(headers=headers | {"X-ClickHouse-Exception-Tag": tag})
            await response.prepare(http)
            try:
                while block is not None:
                    await response.write(block)
                    block = await self._call(self._readers, request, session.next_block, stream)
            except EngineError as error:
                text = f"{self._versioned(str(error))}\n"
                length = len(text.encode())
                await response.write(f"__exception__\r\n{tag}\r\n{text}{length} {tag}\r\n__exception__\r\n".encode())
            await response.write_eof()
            return response
        finally:
            await self._leave(stack, stream)

    def _run(self, request: Request, held: Held | None, output: str, settings: Mapping[str, str] | None = None) -> Result:
        with self._session(request, held, settings or {}) as session:
            return session.run(request.text, output, request.bound)

    async def _call(self, pool: ThreadPoolExecutor, request: Request, run: Callable[..., T], *arguments: Any) -> T:
        """Run in a thread. If the client goes away, cancel the statement, and wait: the thread still uses the session."""
        future = pool.submit(run, *arguments)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            while not (future.cancel() or future.done()):
                if request.mark is not None:
                    self._aside.submit(self._engine.kill, request.mark)
                # Again and again: the statement may not have begun when it was cancelled first.
                await asyncio.to_thread(wait, [future], CANCEL_SECONDS)
            raise

    async def _leave(self, stack: contextlib.ExitStack, unfinished: Any) -> None:
        """End a statement that went piece by piece, whether or not it came to its end."""

        def leave() -> None:
            Session.cancel(unfinished)
            stack.close()

        await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._aside, leave))

    @contextlib.contextmanager
    def _session(self, request: Request, held: Held | None, more: Mapping[str, str] | None = None) -> Iterator[Session]:
        """A session with the request's database, settings and parameters; enter and leave it in a thread.

        A fresh one, or the one that the client holds, which gets back its own settings afterwards.
        """
        settings = request.settings | dict(more or {})
        before = [f"USE {sql.quote_identifier(database)}"] if (database := request.parameters.get("database")) else []
        if settings:
            before.append(sql.set_statement(settings))
        session = self._engine.session() if held is None else held.session
        try:
            for statement in before:
                session.run(statement, "Null")
            yield session
        finally:
            if held is None:
                session.close()
            else:
                resets: list[str | bytes] = [sql.reset_statement([name]) for name in settings]
                for again in [*resets, *held.settings]:
                    with contextlib.suppress(EngineError):  # a setting that does not exist: its request has failed by that
                        session.run(again, "Null")

    @contextlib.asynccontextmanager
    async def _counted(self, request: Request, statement: sql.Statement) -> AsyncIterator[None]:
        """Known to :meth:`stop` while it runs."""
        if request.mark is None:
            yield
            return
        self._running[request.mark] = statement.kind is sql.Kind.READ
        try:
            yield
        finally:
            del self._running[request.mark]

    @contextlib.asynccontextmanager
    async def _hold(self, request: Request, statement: sql.Statement) -> AsyncIterator[Held | None]:
        """The session that the client has named, kept from all other requests meanwhile; ``None`` if it has named none."""
        name = request.parameters.get("session_id")
        if not name:
            yield None
            return
        loop = asyncio.get_running_loop()
        held = self._held.get(name)
        if held is None:
            if request.parameters.get("session_check") == "1":
                raise Refused(372, "SESSION_NOT_FOUND", f"Session {name} not found")
            session = await loop.run_in_executor(self._aside, self._engine.session)
            held = self._held.setdefault(name, Held(session))
            if held.session is not session:  # somebody was quicker
                session.close()
        if held.busy:
            raise Refused(373, "SESSION_IS_LOCKED", f"Session {name} is locked by a concurrent client")
        wanted = request.parameters.get("session_timeout", "")
        held.busy = True
        try:
            yield held
            if statement.word == "SET":
                held.settings.append(statement.head)
        finally:
            held.busy = False
            held.expires = time.monotonic() + (min(float(wanted), LONGEST_SESSION_SECONDS) if wanted.isdigit() else SESSION_SECONDS)
            if request.parameters.get("close_session") == "1":
                held.expires = 0.0

    async def _sweep(self) -> None:
        """Close sessions that nobody has used for their time."""
        while True:
            await asyncio.sleep(5)
            now = time.monotonic()
            for name in [name for name, held in self._held.items() if not held.busy and held.expires < now]:
                held = self._held.pop(name)
                await asyncio.get_running_loop().run_in_executor(self._aside, held.session.close)


def _summary(result: Result, began: float) -> dict[str, str]:
    values = {
        "read_rows": result.read_rows,
        "read_bytes": result.read_bytes,
        "written_rows": result.written_rows,
        "written_bytes": result.written_bytes,
        "total_rows_to_read": 0,
        "result_rows": result.result_rows or result.written_rows,
        "result_bytes": len(result.body) or result.written_bytes,
        "elapsed_ns": int((time.monotonic() - began) * 1e9),
    }
    return {"X-ClickHouse-Summary": json.dumps({name: str(value) for name, value in values.items()}, separators=(",", ":"))}

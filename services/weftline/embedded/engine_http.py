"""ClickHouse's HTTP protocol in front of :class:`~weftline.embedded.engine_chdb.Engine`.

Each user has threads of its own, and so have reads and writes: whatever readers ask for, and however slow the board's panels are,
processors, audits and the status are not kept waiting. A statement whose client went away is cancelled.

Not there: external tables, ClickHouse's own block compression, compressed answers (the line is the loopback), users and roles by SQL
(:mod:`.engine_users` has those that there are), the caller's ``query_id`` in ``system.processes``, sessions of readers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, TypeVar

from aiohttp import web

from weftline.embedded import engine_admission as admission
from weftline.embedded import engine_sql as sql
from weftline.embedded.engine_chdb import NOTHING, Engine, EngineError, Result, Session
from weftline.embedded.engine_codec import CannotDecode
from weftline.embedded.engine_request import HELD_BODY, Request, authenticate, read
from weftline.embedded.engine_sessions import Held, Kept, NamedSessions, Sessions
from weftline.embedded.engine_sql import Refused
from weftline.embedded.engine_turns import Turns
from weftline.embedded.engine_users import User, reader_settings
from weftline.embedded.ports import HOST
from weftline.runtime.guard_aiohttp import guarded

T = TypeVar("T")
#: A session of its own for the request, or None.
Place = Held | Kept | None

WRITERS = 6
# Bound parameters travel in the address: thousands of windows of a rollup are some hundred kilobytes. ClickHouse's own limit.
LONGEST_ADDRESS = 1 << 20
# A result up to this size (as ClickHouse counts blocks, uncompressed) is sent whole, a greater one streamed if its format allows.
WHOLE_RESULT = 64 << 20
# Pooled connections of clients stay open: closing an idle one at the moment its client sends an insert looks like a lost insert.
KEEP_ALIVE_SECONDS = 3600.0

CANCEL_SECONDS = 0.5
# A reader's statement ends after a minute at most; the rest is for the line to him.
READER_SECONDS = 120.0

TOO_MANY_ROWS_OR_BYTES = 396


class Server:
    """The HTTP server; ``start`` and ``stop`` once."""

    def __init__(self, engine: Engine, users: Mapping[str, User]) -> None:
        self._engine = engine
        self._users = users
        each = {user.name: user for user in users.values()}.values()
        self._readers = {user.name: ThreadPoolExecutor(user.at_once, thread_name_prefix=user.name) for user in each}
        self._turns = {user.name: Turns(user) for user in each if not user.trusted}
        self._writers = ThreadPoolExecutor(WRITERS, thread_name_prefix="write")
        # For what takes a moment and must not stand in line behind statements: opening sessions, cancelling.
        self._aside = ThreadPoolExecutor(2, thread_name_prefix="aside")
        self._named = NamedSessions(engine.session, self._aside)
        self._sessions = Sessions(self._aside)
        # Statements that run, by their mark, and whether they only read.
        self._running: dict[str, bool] = {}
        self._runner: web.AppRunner | None = None
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self, port: int, stop_seconds: float, tls: ssl.SSLContext | None = None) -> None:
        """Listen on ``port`` of the loopback address; writes get ``stop_seconds`` to end when it stops."""
        app = guarded()
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
        await web.TCPSite(self._runner, HOST, port, ssl_context=tls).start()
        self._sweeper = asyncio.create_task(self._named.sweep())

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
        for pool in (*self._readers.values(), self._writers, self._aside):
            pool.shutdown()
        self._named.close()
        self._sessions.close()

    async def _cancel(self, marks: Sequence[str]) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(self._aside, self._engine.kill, mark) for mark in marks))

    async def _ping(self, _http: web.Request) -> web.Response:
        return web.Response(text="Ok.\n")

    async def _handle(self, http: web.Request) -> web.StreamResponse:
        headers = {"X-ClickHouse-Server-Display-Name": "weftline-embedded", "X-ClickHouse-Timezone": self._engine.timezone}
        try:
            user = authenticate(http, self._users)
            request = await read(http, user)
            headers["X-ClickHouse-Query-Id"] = request.query_id
            if user.trusted:
                return await self._answer(http, request, headers)
            async with asyncio.timeout(READER_SECONDS), self._turns[user.name]:
                return await self._answer(http, request, headers)
        except TimeoutError:
            return self._failure("Code: 159. DB::Exception: The answer was not fetched in time. (TIMEOUT_EXCEEDED)", headers)
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
        if statement.kind is not sql.Kind.READ and not request.user.trusted:
            raise admission.denied(admission.READERS_READ)
        if statement.kind is not sql.Kind.READ and request.method != "POST":
            raise Refused(
                164, "READONLY", "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly"
            )
        lent = self._sessions.lend(request, statement, _limit(request, statement))
        async with self._named.hold(request, statement) as held, lent as kept, self._counted(request, statement):
            place = held or kept
            if statement.kind is sql.Kind.INSERT_DATA:
                result = await self._insert(request, statement, place)
                return web.Response(body=b"", headers=headers | _summary(result, request.began))
            if len(request.text) > HELD_BODY:
                raise Refused(307, "TOO_MANY_BYTES", f"A statement of more than {HELD_BODY >> 20} MiB is refused")
            if statement.kind is sql.Kind.WRITE:
                self._engine.losses.require_room(statement)
                result = await self._call(self._writers, request, self._write_checked, request, place)
                return web.Response(body=result.body, headers=headers | _summary(result, request.began))
            return await self._select(http, request, statement, place, headers)

    async def _insert(self, request: Request, statement: sql.Statement, place: Place) -> Result:
        """An insert is stored when all of its data is here: a client that breaks off has inserted nothing."""
        data = request.text[statement.data_at :]
        whole = len(request.text) <= HELD_BODY
        if statement.format == "Values" and admission.goes_on(data):
            raise admission.several()
        request.text = b""
        upload = self._engine.upload(in_memory=whole)
        try:
            await self._call(self._writers, request, upload.append, data)
            if not whole:
                async for piece in request.rest:
                    await self._call(self._writers, request, upload.append, piece)
            files = statement.from_file(upload.path), statement.without_data()
            return await self._call(self._writers, request, self._insert_file, request, place, *files)
        finally:
            upload.close()

    def _insert_file(self, request: Request, place: Place, statement: bytes, checked: bytes) -> Result:
        self._check(request, checked)
        with self._session(request, place) as session:
            result = session.run(statement, "Null", request.bound)
        self._engine.losses.confirm()
        return result

    async def _select(
        self, http: web.Request, request: Request, statement: sql.Statement, place: Place, headers: dict[str, str]
    ) -> web.StreamResponse:
        readers = self._readers[request.user.name]
        output = _format(request, statement)
        headers["X-ClickHouse-Format"] = output
        headers["Content-Type"] = sql.CONTENT_TYPES.get(output, "text/plain; charset=UTF-8")
        try:
            result = await self._call(readers, request, self._run_checked, request, place, output, _limit(request, statement))
        except EngineError as error:
            if not _limit(request, statement) or sql.error_code(str(error)) != TOO_MANY_ROWS_OR_BYTES:
                raise
            return await self._stream(http, request, place, output, headers)
        return web.Response(body=result.body, headers=headers | _summary(result, request.began))

    async def _stream(
        self, http: web.Request, request: Request, place: Place, output: str, headers: dict[str, str]
    ) -> web.StreamResponse:
        """Send a large result block by block.

        By the time that an error comes the status is sent, so it stands in the body, between marks that a header has announced.
        """
        tag, readers = secrets.token_hex(8), self._readers[request.user.name]
        stack = contextlib.ExitStack()
        stream: Any = None
        if isinstance(place, Kept):
            place = None  # that session has the limit beyond which the result goes
        try:
            session = await self._call(readers, request, stack.enter_context, self._session(request, place))
            stream = await self._call(readers, request, session.stream, request.text, output, request.bound)
            block = await self._call(readers, request, session.next_block, stream)
            response = web.StreamResponse(headers=headers | {"X-ClickHouse-Exception-Tag": tag})
            await response.prepare(http)
            try:
                while block is not None:
                    await response.write(block)
                    block = await self._call(readers, request, session.next_block, stream)
            except EngineError as error:
                text = f"{self._versioned(str(error))}\n"
                length = len(text.encode())
                await response.write(f"__exception__\r\n{tag}\r\n{text}{length} {tag}\r\n__exception__\r\n".encode())
            await response.write_eof()
            return response
        finally:
            await self._leave(stack, stream)

    def _check(self, request: Request, text: bytes) -> None:
        """Raise :class:`Refused` for a statement that is not to run; of a reader, put what was checked in the place of what came."""
        if request.user.trusted and request.method == "POST" and admission.is_plain(text):
            return
        session = self._engine.session()
        try:
            if not request.user.trusted:
                request.text = admission.admit(text, request.bound, session.ask)
            elif request.method == "POST":
                admission.check_trusted(text, session.ask)
            else:
                admission.check_reads(text, session.ask)
        finally:
            session.close()

    def _run_checked(self, request: Request, place: Place, output: str, limit: Mapping[str, str] = NOTHING) -> Result:
        self._check(request, request.text)
        with self._session(request, place, limit) as session:
            return session.run(request.text, output, request.bound)

    def _write_checked(self, request: Request, place: Place) -> Result:
        result = self._run_checked(request, place, sql.DEFAULT_FORMAT)
        self._engine.losses.confirm()
        return result

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
    def _session(self, request: Request, place: Place, more: Mapping[str, str] = NOTHING) -> Iterator[Session]:
        """A session with the request's database, settings and parameters; enter and leave it in a thread.

        The one that the client holds, which gets back its own settings afterwards; one that a statement with the same settings has left;
        or a fresh one.
        """
        settings = request.settings | dict(more)
        database = request.parameters.get("database")
        before = [f"USE {sql.quote_identifier(database)}"] if database else []
        if request.user.role != "owner":
            before.insert(0, f"SET ROLE {request.user.role}")
        if not request.user.trusted:
            if (database or "default").lower() == "system":
                raise admission.denied("readers see the tables and views of Weftline, not the database system")
            settings = self._readers_settings(request)
        elif request.method != "POST" and place is None:
            settings |= {"readonly": "2"}
        if settings:
            before.append(sql.set_statement(settings))
        if not request.user.trusted:
            before.append("SET readonly = 1")
        left = None if place is None else place.session
        session = left or self._engine.session()
        try:
            if left is None or isinstance(place, Held):
                for statement in before:
                    session.run(statement, "Null")
            yield session
            if isinstance(place, Kept):
                place.session = session
        except BaseException:
            # A statement that fails leaves what it had written so far to the next one's result (chDB 4.4.0): there must be none.
            if isinstance(place, Kept):
                place.session = None
            raise
        finally:
            if isinstance(place, Held):
                resets: list[str | bytes] = [sql.reset_statement([name]) for name in settings]
                for again in [*resets, *place.settings]:
                    with contextlib.suppress(EngineError):  # a setting that does not exist: its request has failed by that
                        session.run(again, "Null")
            elif place is None or place.session is None:
                session.close()

    def _readers_settings(self, request: Request) -> dict[str, str]:
        settings, refused = reader_settings(sql.settings_of(request.parameters), self._engine.memory // 4)
        if refused:
            raise Refused(164, "READONLY", f"Cannot modify '{refused[0]}' setting in readonly mode: readers have their limits")
        return settings | {"log_comment": str(request.mark)}

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


def _format(request: Request, statement: sql.Statement) -> str:
    return statement.format or request.parameters.get("default_format") or sql.DEFAULT_FORMAT


def _limit(request: Request, statement: sql.Statement) -> Mapping[str, str]:
    """The bound of a result that is sent whole; none where it could not be streamed instead."""
    if (
        statement.kind is sql.Kind.READ
        and request.user.trusted
        and statement.word in ("SELECT", "WITH")
        and _format(request, statement) in sql.STREAMABLE
        and "max_result_bytes" not in request.parameters
    ):
        return {"max_result_bytes": str(WHOLE_RESULT)}
    return NOTHING


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

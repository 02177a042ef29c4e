"""A connection whose request does not come is given up; one that is served, or has become a websocket, is not."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from weftline.gateway.patience import Patient

REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Hasty(Patient):
    """Gives up at the first chance of the loop."""

    head_seconds = 0.0


@asynccontextmanager
async def served(protocol: type[Patient], go_on: asyncio.Event) -> AsyncIterator[tuple[str, int]]:
    async def app(scope: dict[str, Any], _: Any, send: Any) -> None:
        if scope["type"] == "http":
            await go_on.wait()
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body"})

    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, http=protocol, lifespan="off", log_config=None, timeout_keep_alive=3600))  # type: ignore[arg-type]
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield listening.getsockname()
    finally:
        server.should_exit = True
        await task


async def _asked(protocol: type[Patient], *parts: bytes) -> bytes:
    go_on = asyncio.Event()
    async with served(protocol, go_on) as (host, port):
        reader, writer = await asyncio.open_connection(host, port)
        for part in parts:
            writer.write(part)
            await writer.drain()
        go_on.set()
        try:
            return await asyncio.wait_for(reader.read() if protocol is Hasty else reader.readuntil(b"\r\n\r\n"), 60)
        finally:
            writer.close()


def test_half_a_head_is_given_up() -> None:
    assert asyncio.run(_asked(Hasty, REQUEST[:20])) == b""
    assert asyncio.run(_asked(Hasty)) == b""


def test_a_whole_one_is_answered_however_long_it_takes() -> None:
    assert asyncio.run(_asked(Patient, REQUEST)).startswith(b"HTTP/1.1 200")


def test_the_limit_ends_with_the_head_and_begins_again_with_the_next() -> None:
    went: asyncio.Queue[bool] = asyncio.Queue()

    class Watched(Patient):
        """Tells after each piece of data whether it waits for more."""

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            went.put_nowait(self._until is not None)

    async def run() -> list[bool]:
        go_on, waits = asyncio.Event(), []
        go_on.set()
        async with served(Watched, go_on) as (host, port):
            reader, writer = await asyncio.open_connection(host, port)
            for part in (REQUEST[:20], REQUEST[20:], REQUEST[:20]):
                writer.write(part)
                waits.append(await went.get())
                if part == REQUEST[20:]:
                    await reader.readuntil(b"\r\n\r\n")
            writer.close()
        return waits

    assert asyncio.run(run()) == [True, False, True]

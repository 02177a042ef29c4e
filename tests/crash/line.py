"""The line between the processors and ClickHouse, which can be made to break: :class:`Line`."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from random import Random
from types import TracebackType
from typing import Self

from weftline.embedded.ports import HOST, free_ports

PIECE = 1 << 16


class Line:
    """Passes bytes on. While :attr:`share` is above 0, that share of the requests fails, in one of two ways:

    * the request breaks off in its middle, as when a processor's host loses its network;
    * the answer is lost: the server has done what it was asked for, and the client does not know.

    Runs in a thread of its own between entering and leaving.
    """

    def __init__(self, upstream_port: int, seed: int) -> None:
        (self.port,) = free_ports(1)
        self.share = 0.0
        self.broken: Counter[str] = Counter()
        self._upstream = upstream_port
        self._random = Random(seed)
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), name="line")

    def __enter__(self) -> Self:
        self._thread.start()
        self._listening.wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connected, HOST, self.port)
        self._listening.set()
        await self._stop.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    async def _connected(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        to_server: asyncio.StreamWriter | None = None
        with contextlib.suppress(OSError, asyncio.CancelledError):
            server, to_server = await asyncio.open_connection(HOST, self._upstream)
            asking = asyncio.create_task(self._pass(client, to_server, "request broken off"))
            answering = asyncio.create_task(self._pass(server, to_client, "answer lost"))
            # Whichever ends first takes the other with it: both directions are gone.
            await asyncio.wait([asking, answering], return_when=asyncio.FIRST_COMPLETED)
            asking.cancel()
            answering.cancel()
        for writer in (to_client, to_server):
            if writer is not None:
                writer.transport.abort()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, fault: str) -> None:
        with contextlib.suppress(OSError):
            while piece := await source.read(PIECE):
                if self._random.random() < self.share:
                    self.broken[fault] += 1
                    if fault == "request broken off":
                        sink.write(piece[: len(piece) // 2])
                        await sink.drain()
                    return
                sink.write(piece)
                await sink.drain()

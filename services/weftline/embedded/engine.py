"""The process of the embedded ClickHouse engine, which alone owns its data folder.

``python -m weftline.embedded.engine --folder F --port P`` serves ClickHouse's HTTP protocol (:mod:`.engine_http`) on the loopback
address until SIGTERM or SIGINT. Nobody is let in without a password (:mod:`.passwords`): that of its owner is taken from
WEFTLINE_CLICKHOUSE_PASSWORD where that is set, the others are made once. What it writes only its own user can read.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from weftline.embedded.engine_chdb import Engine, EngineConfig, default_memory_mb
from weftline.embedded.engine_http import Server
from weftline.embedded.engine_users import users_of
from weftline.embedded.passwords import ensure_passwords
from weftline.errors import UserError
from weftline.runtime.tls import server_context

PASSWORD_VARIABLE = "WEFTLINE_CLICKHOUSE_PASSWORD"
# Writes that run may take so long when the process is asked to stop; reads are cancelled at once.
STOP_SECONDS = 8.0


async def serve(config: EngineConfig) -> None:
    """Serve until SIGTERM or SIGINT; dies at once, as of SIGKILL, of a write that was lost."""
    passwords = ensure_passwords(config.passwords or config.folder, os.environ.get(PASSWORD_VARIABLE, ""))
    engine = Engine(config)
    server = Server(engine, users_of(passwords))
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        await server.start(config.port, STOP_SECONDS, None if config.shown is None else server_context(*config.shown))
        print(f"ClickHouse {engine.version} on {config.url}, data in {config.folder}", file=sys.stderr, flush=True)  # noqa: T201
        await _until(stopping, engine)
    finally:
        await server.stop()
        engine.close()


async def _until(stopping: asyncio.Event, engine: Engine) -> None:
    stop, loss = asyncio.create_task(stopping.wait()), asyncio.create_task(engine.losses.seen())
    await asyncio.wait((stop, loss), return_when=asyncio.FIRST_COMPLETED)
    if not stop.done():
        why = f"{loss.result()} writes failed, the disk is full; what was not written whole is found at the next start"
        print(f"weftline engine: {why}", file=sys.stderr, flush=True)  # noqa: T201
        # Nothing more is to be built on parts that are spoiled.
        os._exit(1)
    loss.cancel()


def main(arguments: list[str] | None = None) -> int:
    """Entry of the process."""
    parser = argparse.ArgumentParser(prog="python -m weftline.embedded.engine", description="ClickHouse engine over HTTP")
    parser.add_argument("--folder", type=Path, required=True, help="data folder, owned by this process alone")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    parser.add_argument("--passwords", type=Path, help="folder in which the folder of passwords lies; default: the data folder")
    parser.add_argument("--database", default="weftline", help="what readers may read")
    parser.add_argument("--memory-mb", type=int, default=0, help="for all queries; default: half of the machine's, 4096 at most")
    parser.add_argument("--certificate", type=Path, help="PEM file; with it and --key everything is served by TLS")
    parser.add_argument("--key", type=Path, help="PEM file of its private key")
    given = parser.parse_args(arguments)
    shown = (given.certificate, given.key) if given.certificate and given.key else None
    memory_mb = given.memory_mb or default_memory_mb()
    config = EngineConfig(given.folder, given.port, memory_mb, given.database, given.passwords, shown)
    os.umask(0o077)
    try:
        asyncio.run(serve(config))
    except (UserError, OSError) as error:
        print(f"weftline engine: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

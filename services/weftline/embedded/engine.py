"""The process of the embedded ClickHouse engine, which alone owns its data folder.

``python -m weftline.embedded.engine --folder F --port P`` serves ClickHouse's HTTP protocol (:mod:`.engine_http`) on the loopback
address until SIGTERM or SIGINT. A password for it is taken from WEFTLINE_CLICKHOUSE_PASSWORD; without one, none is asked for.
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
from weftline.errors import UserError

PASSWORD_VARIABLE = "WEFTLINE_CLICKHOUSE_PASSWORD"
# Writes that run may take so long when the process is asked to stop; reads are cancelled at once.
STOP_SECONDS = 8.0


async def serve(config: EngineConfig) -> None:
    """Serve until SIGTERM or SIGINT."""
    engine = Engine(config)
    server = Server(engine, config.password)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        await server.start(config.port, STOP_SECONDS)
        print(f"ClickHouse {engine.version} on {config.url}, data in {config.folder}", file=sys.stderr, flush=True)  # noqa: T201
        await stopping.wait()
    finally:
        await server.stop()
        engine.close()


def main(arguments: list[str] | None = None) -> int:
    """Entry of the process."""
    parser = argparse.ArgumentParser(prog="python -m weftline.embedded.engine", description="ClickHouse engine over HTTP")
    parser.add_argument("--folder", type=Path, required=True, help="data folder, owned by this process alone")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    parser.add_argument("--memory-mb", type=int, default=0, help="for all queries; default: half of the machine's, 4096 at most")
    given = parser.parse_args(arguments)
    memory = given.memory_mb or default_memory_mb()
    try:
        asyncio.run(serve(EngineConfig(given.folder, given.port, memory, os.environ.get(PASSWORD_VARIABLE, ""))))
    except (UserError, OSError) as error:
        print(f"weftline engine: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

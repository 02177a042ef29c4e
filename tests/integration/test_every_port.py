"""Every HTTP port of ours refuses what a web page of somebody else's could send: another name in Host, another page in Origin.

The list is held against the source: whoever opens a port has to stand in it, and is then asked.
"""

from __future__ import annotations

import ast
import asyncio
import http.client
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from prometheus_client import CollectorRegistry
from tests.support.port import opened

import weftline
from weftline.embedded.children import Child, Running, says_ok
from weftline.embedded.ports import HOST, free_ports
from weftline.runtime.exporter import serving
from weftline.runtime.health import Pages
from weftline.runtime.settings import load

SOURCE = Path(weftline.__file__).parent
#: Calls by which a port is opened, with the libraries that we have.
OPENS = frozenset(
    (
        *("TCPSite", "UnixSite", "SockSite", "run_app", "uvicorn.Server", "start_http_server", "start_server", "make_server"),
        *("HTTPServer", "ThreadingHTTPServer", "TCPServer", "create_server", "listen", "serve_forever"),
    )
)


@contextmanager
def engine(folder: Path) -> Iterator[list[str]]:
    with opened(folder) as port:
        yield [f"{port.url}/ping"]


@contextmanager
def program(folder: Path, command: str, ports: dict[str, int]) -> Iterator[list[str]]:
    """One of our programs, while nothing of what it needs is there."""
    away = f"{HOST}:{free_ports(1)[0]}"
    variables = {name: str(port) for name, port in ports.items()}
    environment = {"WEFTLINE_KAFKA": away, "WEFTLINE_CLICKHOUSE": f"http://{away}", "WEFTLINE_DATA": str(folder), **variables}
    urls = [f"http://{HOST}:{port}/healthz" for port in ports.values()]
    child = Child(command, (sys.executable, "-m", "weftline", command), lambda: all(map(says_ok, urls)), environment=environment)
    running = Running(child, folder / "log")
    try:
        running.wait_ready()
        yield urls
    finally:
        running.kill()


@contextmanager
def board(folder: Path) -> Iterator[list[str]]:
    with program(folder, "board", {"WEFTLINE_HTTP_PORT": free_ports(1)[0]}) as urls:
        yield urls


@contextmanager
def gateway(folder: Path) -> Iterator[list[str]]:
    partners, pages = free_ports(2)
    with program(folder, "gateway", {"WEFTLINE_GATEWAY_PORT": partners, "WEFTLINE_HTTP_PORT": pages}) as urls:
        yield urls


@contextmanager
def exporter(_: Path) -> Iterator[list[str]]:
    with serving(load(http_port=0), CollectorRegistry()) as port:
        yield [f"http://{HOST}:{port}/metrics"]


@contextmanager
def health(_: Path) -> Iterator[list[str]]:
    """The pages of processors and of the dispatcher, in a loop of their own."""
    listening, over = threading.Event(), asyncio.Event()
    pages = Pages(load(http_port=0), lambda: b"", lambda: ({}, True))
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with pages:
            listening.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert listening.wait(30)
        yield [f"http://{HOST}:{pages.port}/{page}" for page in ("healthz", "readyz", "metrics")]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


#: File in which a port is opened → what opens it.
LISTENING: dict[str, Callable[[Path], object]] = {
    "boards/web/program.py": board,
    "embedded/engine_http.py": engine,
    "gateway/program.py": gateway,
    "runtime/exporter.py": exporter,
    "runtime/health.py": health,
}


def _opens(source: str) -> bool:
    called = [ast.unparse(node.func) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return any(name in OPENS or name.rpartition(".")[2] in OPENS for name in called)


def test_whoever_opens_a_port_stands_in_the_list() -> None:
    found = {str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py") if _opens(path.read_text("utf-8"))}
    assert found == set(LISTENING)


def ask(url: str, **headers: str) -> tuple[int, dict[str, str]]:
    at = urlsplit(url)
    connection = http.client.HTTPConnection(at.netloc, timeout=60)
    try:
        connection.putrequest("GET", at.path, skip_host=True)
        for name, value in {"Host": at.netloc, **headers}.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        answer.read()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}
    finally:
        connection.close()


@pytest.mark.parametrize("file", list(LISTENING))
def test_pages_of_others_are_refused_at_every_port(file: str, tmp_path: Path) -> None:
    with LISTENING[file](tmp_path) as urls:  # type: ignore[attr-defined]
        for url in urls:
            assert ask(url)[0] == 200
            own = f"http://{urlsplit(url).netloc}"
            assert ask(url, Origin=own)[0] == 200
            for foreign in (
                {"Host": "rebound.example"},
                {"Host": f"rebound.example:{urlsplit(url).port}"},
                {"Host": ""},
                {"Origin": "https://evil.example"},
                {"Origin": f"http://{HOST}:1"},
                {"Origin": "null"},
                {"Sec_Fetch_Site": "cross-site"},
                {"Sec_Fetch_Site": "same-site"},
            ):
                status, headers = ask(url, **foreign)
                assert status == 403, (url, foreign)
                assert headers["x-content-type-options"] == "nosniff"

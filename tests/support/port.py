"""The embedded ClickHouse's port for tests: all its users, a file that nobody may read, an address that nobody may ask."""

from __future__ import annotations

import http.client
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from weftline.embedded.children import Running, engine_child
from weftline.embedded.engine_chdb import EngineConfig
from weftline.embedded.passwords import read_passwords
from weftline.embedded.ports import free_ports

SECRET = "the-secret-of-a-file"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


@dataclass(frozen=True)
class Port:
    """The port, with the passwords of its users, a file that nobody may read, and an address that nobody may ask."""

    url: str
    passwords: dict[str, str]
    folder: Path
    asked: list[str]
    elsewhere: str

    def ask(self, user: str, statement: str | bytes, method: str = "POST", seconds: float = 120, **more: str) -> Answer:
        headers = {"X-ClickHouse-User": user, "X-ClickHouse-Key": self.passwords[user]}
        path, body = f"/?{urlencode(more)}", statement.encode() if isinstance(statement, str) else statement
        if method == "GET":
            path, body = f"/?{urlencode({'query': body, **more})}", b""
        return self.send(method, path, body, headers, seconds)

    def send(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None, seconds: float = 120
    ) -> Answer:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=seconds)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def column(self, statement: str) -> list[str]:
        return self.ask("weftline", f"{statement} FORMAT TSVRaw").text.splitlines()


@contextmanager
def opened(folder: Path) -> Iterator[Port]:
    """An engine with a table and a view of ours, and a table that is not."""
    (folder / "secret.tsv").write_text(SECRET + "\n", "utf-8")
    asked: list[str] = []

    class Elsewhere(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_POST = do_PUT = do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            """Nothing."""

    elsewhere = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=elsewhere.serve_forever, daemon=True).start()
    config = EngineConfig(folder / "clickhouse", free_ports(1)[0], 1024)
    running = Running(engine_child(config), folder / "engine.log")
    try:
        running.wait_ready()
        passwords = read_passwords(config.folder)
        assert passwords is not None
        known = {name: getattr(passwords, name) for name in ("weftline", "board", "reader")}
        there = Port(config.url, known, folder, asked, f"127.0.0.1:{elsewhere.server_port}")
        for statement in (
            "CREATE TABLE goods (a UInt64, name String) ENGINE = MergeTree ORDER BY a",
            "INSERT INTO goods SELECT number, 'x' FROM numbers(1000)",
            "CREATE VIEW good AS SELECT a, name FROM goods",
            "CREATE TABLE partner_tokens (hash String) ENGINE = MergeTree ORDER BY hash",
            "CREATE DATABASE own",
            "CREATE TABLE own.private (a UInt64) ENGINE = MergeTree ORDER BY a",
        ):
            assert there.ask("weftline", statement).status == 200
        yield there
    finally:
        running.kill()
        elsewhere.shutdown()
        elsewhere.server_close()

"""A receiver of the tests: a real HTTP server that records what it is sent, and plays webhooks and the three bots, refusals included.

The bots' checks (key word, signature, rate, token) are written from the platforms' documentation and share no code with ours.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Reply = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class Got:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.time)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def query(self) -> dict[str, str]:
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))


class Endpoint:
    """``reply`` decides; what is recorded can be waited for."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.reply: Callable[[Got], Reply] = lambda got: (200, {}, b"")
        self.released = threading.Event()  # those that hang go on
        self._changed = threading.Condition()
        self.url = ""

    def take(self, got: Got) -> Reply:
        answer = self.reply(got)
        with self._changed:
            self.got.append(got)
            self._changed.notify_all()
        return answer

    def hang(self, got: Got) -> Reply:
        """For ``reply``: no answer until the test is over."""
        with self._changed:
            self.got.append(got)
            self._changed.notify_all()
        self.released.wait(120)
        raise ConnectionAbortedError

    def wait_for(self, enough: Callable[[list[Got]], bool], seconds: float = 60.0) -> list[Got]:
        with self._changed:
            assert self._changed.wait_for(lambda: enough(self.got), seconds), f"got only {[got.body[:200] for got in self.got]}"
            return list(self.got)


@contextmanager
def receiving(ssl_files: tuple[Path, Path] | None = None) -> Iterator[Endpoint]:
    """An endpoint on 127.0.0.1; with TLS by a (certificate, key)."""
    endpoint = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if len(body) < int(self.headers.get("Content-Length", 0)):
                self.close_connection = True  # whoever sent it was killed in the middle
                return
            try:
                status, headers, answer = endpoint.take(
                    Got(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                )
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False  # a keep-alive connection would hold up the end of a test

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Whoever is killed in the middle of a request leaves a broken connection; that is what is tested."""

        request_queue_size = 512

    server = Server(("127.0.0.1", 0), Handler)
    if ssl_files:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*ssl_files)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    endpoint.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield endpoint
    finally:
        endpoint.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def said(code: dict[str, Any]) -> Reply:
    """An answer as all three give it: HTTP 200, whatever it says."""
    return 200, {"Content-Type": "application/json"}, json.dumps(code).encode()


@dataclass
class Bots:
    """The three APIs on one endpoint, told apart by their path. ``most``: messages a minute."""

    token: str
    secret: str = ""
    keyword: str = ""
    most: int = 1_000
    taken: list[str] = field(default_factory=list)

    def reply(self, got: Got) -> Reply:
        path = urllib.parse.urlsplit(got.path).path
        if path.endswith("/cgi-bin/webhook/send"):
            return said(self._wecom(got))
        if path.endswith("/robot/send"):
            return said(self._dingtalk(got))
        return said(self._feishu(got, path.rpartition("/")[2]))

    def _wecom(self, got: Got) -> dict[str, Any]:
        if got.query.get("key") != self.token:
            return {"errcode": 93000, "errmsg": "invalid webhook url"}
        if got.json.get("msgtype") != "markdown" or len(got.json["markdown"]["content"].encode()) > 4096:
            return {"errcode": 40058, "errmsg": "markdown.content exceed max length 4096"}
        if len(self.taken) >= self.most:
            return {"errcode": 45009, "errmsg": "api freq out of limit"}
        self.taken.append(got.json["markdown"]["content"])
        return {"errcode": 0, "errmsg": "ok"}

    def _dingtalk(self, got: Got) -> dict[str, Any]:
        if got.query.get("access_token") != self.token:
            return {"errcode": 300001, "errmsg": "token is not exist"}
        text = got.json["markdown"]["text"]
        if self.keyword and self.keyword not in text + got.json["markdown"]["title"]:
            return {"errcode": 310000, "errmsg": "keywords not in content"}
        if self.secret:
            at = got.query.get("timestamp", "0")
            digest = hmac.new(self.secret.encode(), f"{at}\n{self.secret}".encode(), hashlib.sha256).digest()
            if abs(time.time() * 1000 - int(at)) > 3_600_000 or got.query.get("sign") != base64.b64encode(digest).decode():
                return {"errcode": 310000, "errmsg": "sign not match"}
        if len(self.taken) >= self.most:
            return {"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"}
        self.taken.append(text)
        return {"errcode": 0, "errmsg": "ok"}

    def _feishu(self, got: Got, token: str) -> dict[str, Any]:
        if token != self.token:
            return {"code": 19001, "msg": "param invalid: incoming webhook access token invalid", "data": {}}
        if self.secret:
            at = got.json.get("timestamp", "0")
            key = f"{at}\n{self.secret}"
            digest = hmac.new(key.encode(), digestmod=hashlib.sha256).digest()
            if abs(time.time() - int(at)) > 3_600 or got.json.get("sign") != base64.b64encode(digest).decode():
                return {"code": 19021, "msg": "sign match fail or timestamp is not within one hour from current time", "data": {}}
        text = json.dumps(got.json["content"], ensure_ascii=False)
        if self.keyword and self.keyword not in text:
            return {"code": 19024, "msg": "Key Words Not Found", "data": {}}
        if len(self.taken) >= self.most:
            return {"code": 11232, "msg": "frequency limited", "data": {}}
        self.taken.append(text)
        return {"code": 0, "msg": "success", "data": {}, "StatusCode": 0, "StatusMessage": "success"}

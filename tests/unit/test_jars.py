"""Kafka's jars from a Maven repository that errs: a small one over HTTP, on this machine."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from weftline.embedded import jars
from weftline.embedded.jars import Jar, JarsUnavailable, prepare_kafka

GOOD = b"a jar"
JAR = Jar(hashlib.sha256(GOOD).hexdigest(), "org.example", "thing", "1.0")


class Repository(ThreadingHTTPServer):
    """Answers each request for the jar with the next of ``answers``, the last one again and again."""

    answers: list[bytes]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Repository

    def do_GET(self) -> None:
        known = self.path == "/org/example/thing/1.0/thing-1.0.jar"
        self.send_response(200 if known else 404)
        self.end_headers()
        if known:
            answers = self.server.answers
            self.wfile.write(answers.pop(0) if len(answers) > 1 else answers[0])

    def log_message(self, *_: object) -> None:
        """Quietly."""


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    with Repository(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setattr("jgo.constants.MAVEN_CENTRAL_URL", server.address)
        monkeypatch.setattr(jars, "read_list", lambda: (JAR,))
        yield server
        server.shutdown()
        thread.join()


def test_a_wrong_jar_is_fetched_again(repository: Repository, tmp_path: Path) -> None:
    repository.answers = [b"cut sho", GOOD]
    assert Path(prepare_kafka(tmp_path, [])).read_bytes() == GOOD
    # What lies in the cache is checked too.
    JAR.path(tmp_path / "maven").write_bytes(b"bitrot")
    assert Path(prepare_kafka(tmp_path, [])).read_bytes() == GOOD


def test_a_jar_that_stays_wrong_is_refused_and_not_kept(repository: Repository, tmp_path: Path) -> None:
    repository.answers = [b"something else"]
    with pytest.raises(JarsUnavailable, match=r"org\.example:thing:1\.0.*wrong SHA-256.*WEFTLINE_MAVEN_REPOSITORIES"):
        prepare_kafka(tmp_path, [])
    assert not JAR.path(tmp_path / "maven").exists()


def test_a_mirror_that_does_not_answer_is_passed_over(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.answers = [GOOD]
    monkeypatch.setenv("WEFTLINE_MAVEN_REPOSITORIES", "http://127.0.0.1:1/maven, http://127.0.0.1:1/other")
    assert Path(prepare_kafka(tmp_path)).read_bytes() == GOOD


def test_the_list_names_every_jar_once_with_its_hash() -> None:
    listed = jars.read_list()
    assert len({jar.coordinate for jar in listed}) == len(listed) > 50
    assert all(len(bytes.fromhex(jar.sha256)) == 32 for jar in listed)
    assert set(jars.COORDINATES) <= {jar.coordinate for jar in listed}

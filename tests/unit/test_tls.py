"""TLS: a certificate for trying is taken by whoever trusts its authority and by nobody else, and a wrong file is told by name."""

from __future__ import annotations

import asyncio
import ssl
import stat
from pathlib import Path

import httpx
import pytest
import uvicorn
from tests.support.gateway import World

from weftline.errors import UserError
from weftline.runtime.certificates import Files, make
from weftline.runtime.credentials import sasl
from weftline.runtime.settings import load
from weftline.runtime.tls import SYSTEM, serving, trusting
from weftline.warehouse.client import _arguments


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return make(tmp_path_factory.mktemp("tls"), ["board.example"], 30)


async def _asked(files: Files, trusted: ssl.SSLContext | None, host: str = "127.0.0.1") -> httpx.Response:
    """The answer of a gateway that is served by TLS."""
    config = uvicorn.Config(
        World().app, host="127.0.0.1", port=0, lifespan="off", log_config=None, **serving(files.certificate, files.key)
    )
    server = uvicorn.Server(config)
    serve = asyncio.create_task(server.serve())
    try:
        while not server.started:
            await asyncio.sleep(0.01)
            assert not serve.done()
        port = server.servers[0].sockets[0].getsockname()[1]
        scheme = "http" if trusted is None else "https"
        async with httpx.AsyncClient(verify=trusted or True, trust_env=False) as client:
            return await client.get(f"{scheme}://{host}:{port}/healthz")
    finally:
        server.should_exit = True
        await serve


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_whoever_trusts_the_authority_is_served(files: Files, host: str) -> None:
    assert asyncio.run(_asked(files, trusting(files.authority), host)).text == "ok\n"


def test_nobody_else_is(files: Files, tmp_path: Path) -> None:
    other = make(tmp_path, [], 30)
    for trusted in (trusting(SYSTEM), trusting(other.authority), None):
        with pytest.raises(httpx.TransportError):
            asyncio.run(_asked(files, trusted))


def test_the_key_is_ours_alone_and_nothing_is_written_over(files: Files) -> None:
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    assert sorted(path.name for path in files.key.parent.iterdir()) == ["ca.pem", "server.key", "server.pem"]
    with pytest.raises(UserError, match="there is one already"):
        make(files.key.parent, [], 30)


@pytest.mark.parametrize("name", ["https://board.example", "board.example:443", "盘.example", ""])
def test_what_is_no_name_is_refused_before_anything_is_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no name of a server"):
        make(tmp_path, [name], 30)
    assert list(tmp_path.iterdir()) == []


def test_files_that_do_not_belong_together_are_told(files: Files, tmp_path: Path) -> None:
    other = make(tmp_path, [], 30)
    assert serving(None, None) == {}
    for certificate, key, words in (
        (files.certificate, None, "WEFTLINE_TLS_KEY"),
        (None, files.key, "WEFTLINE_TLS_CERTIFICATE"),
        (files.certificate, tmp_path / "nothing", "nothing"),
        (files.certificate, other.key, "no certificate and its key"),
        (files.key, files.certificate, "no certificate and its key"),
    ):
        with pytest.raises(UserError, match=words):
            serving(certificate, key)


def test_authorities_that_cannot_be_read_are_told(files: Files, tmp_path: Path) -> None:
    (tmp_path / "words").write_text("no certificate", "utf-8")
    for path, words in ((tmp_path / "nothing", "No such file"), (tmp_path / "words", "no PEM file")):
        with pytest.raises(UserError, match=words):
            trusting(path)
        with pytest.raises(UserError, match=words):
            sasl("u", "p", path)
        with pytest.raises(UserError, match=words):
            _arguments(load(clickhouse="https://127.0.0.1:8443", clickhouse_ca=path), "weftline", 1)
    with pytest.raises(UserError, match="must begin with https"):
        _arguments(load(clickhouse="http://127.0.0.1:8123", clickhouse_ca=files.authority), "weftline", 1)
    assert _arguments(load(clickhouse="https://c:1", clickhouse_ca=files.authority), "weftline", 1)["ca_cert"] == str(
        files.authority
    )


def test_kafka_is_told_what_it_is_to_be(files: Files) -> None:
    assert sasl(None, None) == {}
    assert sasl("u", "p")["security_protocol"] == "SASL_PLAINTEXT"
    assert sasl("u", "p", files.authority)["security_protocol"] == "SASL_SSL"
    assert sasl(None, None, files.authority)["security_protocol"] == "SSL"
    assert sasl("u", "p", files.authority)["ssl_context"].verify_mode is ssl.CERT_REQUIRED
    assert sasl("u", "p", files.authority)["ssl_context"].check_hostname

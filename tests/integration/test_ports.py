"""What whoever reaches the embedded ClickHouse's port can do: nothing without a password, and with a reader's only read our tables."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote, urlsplit

import pytest
from clickhouse_connect import get_client
from tests.support.port import Port, opened

from weftline.embedded.engine_users import READER_LIMITS


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Port]:
    with opened(tmp_path_factory.mktemp("port")) as there:
        yield there


def test_without_a_password_nothing_is_said(port: Port) -> None:
    for headers in (
        {},
        {"X-ClickHouse-User": "reader", "X-ClickHouse-Key": port.passwords["weftline"]},
        {"X-ClickHouse-User": "nobody", "X-ClickHouse-Key": port.passwords["weftline"]},
        {"X-ClickHouse-User": "weftline", "X-ClickHouse-Key": ""},
        {"Authorization": "Basic bm8="},
    ):
        answer = port.send("POST", "/", b"SELECT 1", headers)
        assert (answer.status, answer.headers.get("WWW-Authenticate")) == (401, None), headers
        assert "1\n" not in answer.text
    assert len(set(port.passwords.values())) == 3
    assert all((port.folder / "clickhouse" / "passwords" / name).stat().st_mode & 0o777 == 0o600 for name in port.passwords)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 403),
        ({"Host": "rebound.example"}, 403),
        ({"Host": "127.0.0.1.rebound.example:8123"}, 403),
        ({"Host": "localhost.rebound.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "http://localhost"}, 403),
        ({"Origin": "https://page.example"}, 403),
    ],
)
def test_a_browser_is_served_only_what_its_user_asked_for(port: Port, headers: dict[str, str], status: int) -> None:
    known = {"X-ClickHouse-User": "weftline", "X-ClickHouse-Key": port.passwords["weftline"]}
    for method, path, body in (("GET", "/?query=SELECT+1", b""), ("POST", "/", b"SELECT 1"), ("GET", "/ping", b"")):
        answer = port.send(method, path, body, {**known, **headers})
        assert answer.status == status, (method, path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_a_reader_reads_our_tables_as_before(port: Port) -> None:
    for statement, found in (
        ("SELECT count() FROM goods", "1000"),
        ("SELECT sum(a) FROM good WHERE name = 'x;--'", "0"),
        ("WITH 1 AS x SELECT x FROM goods LIMIT 1 FORMAT JSONCompactEachRow", "[1]"),
        ("SELECT a FROM goods /* a comment; */ ORDER BY a LIMIT 1 -- more", "0"),
        ("SELECT count() FROM weftline.goods g JOIN good v USING (a) WHERE g.a IN (SELECT number FROM numbers(10))", "10"),
        ("EXISTS TABLE goods", "1"),
        ("DESCRIBE TABLE good", "a\tUInt64"),
        ("DESCRIBE (SELECT a AS b FROM goods)", "b\tUInt64"),
        ("SHOW TABLES", "good\ngoods"),
        ("SHOW CREATE TABLE goods", "CREATE TABLE weftline.goods"),
        ("EXPLAIN SYNTAX SELECT a FROM goods", "SELECT"),
        ("SELECT name FROM system.tables WHERE database = 'weftline' ORDER BY name", "good\ngoods"),
        ("SELECT count() > 0 FROM information_schema.tables", "1"),
        ("SELECT format('{}', toString(a)) FROM goods LIMIT 1", "0"),
    ):
        for method in ("POST", "GET"):
            answer = port.ask("reader", statement, method)
            assert answer.status == 200, (statement, answer.text)
            assert answer.text.startswith(found), statement
    host = urlsplit(port.url)
    client = get_client(
        host=host.hostname or "", port=host.port or 0, username="reader", password=port.passwords["reader"], database="weftline"
    )
    with client:
        rows = client.query("SELECT a FROM goods WHERE a IN {several:Array(UInt64)} ORDER BY a", parameters={"several": [3, 5]})
        assert rows.result_rows == [(3,), (5,)]


@pytest.mark.parametrize(
    "statement",
    [
        *(
            "INSERT INTO goods (a) VALUES (1)",
            "INSERT INTO goods SELECT 1, 'x'",
            "INSERT INTO goods FORMAT TSV\n1\tx\n",
            "DROP TABLE goods",
        ),
        *("TRUNCATE TABLE goods", "ALTER TABLE goods DELETE WHERE 1", "DELETE FROM goods WHERE 1", "OPTIMIZE TABLE goods FINAL"),
        *(
            "CREATE TABLE own.t (a Int8) ENGINE = Memory",
            "CREATE TEMPORARY TABLE t (a Int8)",
            "RENAME TABLE goods TO bads",
            "SET max_threads = 1",
        ),
        *(
            "SET ROLE owner",
            "SET ROLE ALL",
            "SET readonly = 0",
            "USE system",
            "KILL QUERY WHERE 1",
            "CREATE VIEW v AS SELECT 1",
            "BEGIN TRANSACTION",
        ),
        *(
            "SELECT * FROM partner_tokens",
            "SELECT 'x' IN partner_tokens",
            "DESCRIBE TABLE partner_tokens",
            "SHOW CREATE TABLE partner_tokens",
        ),
        *("SELECT * FROM own.private", "SELECT 1 IN own.private", "SELECT * FROM system.processes", "SELECT 1 IN system.processes"),
        *(
            "SELECT * FROM system.parts",
            "SELECT * FROM system.server_settings",
            "SELECT getServerSetting('path')",
            "SELECT hostName()",
        ),
        *("SELECT * FROM loop(own.private)", "SELECT joinGet('own.private', 'a', 1)", "SELECT dictGet('own.private', 'a', 1)"),
        *("SELECT 1 SETTINGS readonly = 0", "SELECT 1 SETTINGS max_execution_time = 900", "SELECT 1 SETTINGS max_memory_usage = 0"),
        *(
            "SELECT * FROM {table:Identifier}",
            "SELECT * FROM {base:Identifier}.processes",
            "CHECK TABLE goods",
            "DETACH TABLE goods",
        ),
    ],
)
def test_a_reader_changes_nothing_and_sees_nothing_else(port: Port, statement: str) -> None:
    for method in ("POST", "GET"):
        answer = port.ask("reader", statement, method, param_table="system.processes", param_base="system", database="weftline")
        assert answer.status in (400, 403), (statement, answer.text)
        assert answer.headers["X-ClickHouse-Exception-Code"] in ("164", "497", "452", "36", "43"), answer.text
    assert port.column("SELECT count() FROM goods") == ["1000"]


def test_a_reader_has_limits_and_cannot_leave_them(port: Port) -> None:
    def setting(name: str, **more: str) -> str:
        return port.ask("reader", f"SELECT getSetting('{name}')", **more).text.strip()

    for name, limit in READER_LIMITS.items():
        if name != "max_memory_usage":  # less where the engine has less
            assert setting(name) == str(limit)
            for wanted in ("100000000000", "0"):
                found = setting(name, **{name: wanted})
                assert f"Cannot modify '{name}'" in found or 0 < int(found) <= max(limit, 60)
    assert setting("readonly") == "1"
    for refused in ("allow_ddl", "max_memory_usage", "format_schema", "profile", "dialect", "additional_table_filters"):
        answer = port.ask("reader", "SELECT 1", **{refused: "1"})
        assert (answer.status, f"'{refused}'" in answer.text) == (403, True), answer.text
    # A session is not shared with our programs, and role and limits do not outlive a statement.
    port.ask("weftline", "CREATE TEMPORARY TABLE mine (a Int8)", session_id="s")
    assert port.ask("reader", "SELECT * FROM mine", session_id="s").status == 404
    assert port.ask("weftline", "SELECT getSetting('readonly'), currentRoles()").text == "0\t['board','owner','reader']\n"
    endless = port.ask(
        "reader", "SELECT count() FROM numbers(999000000) WHERE sipHash64(number, number, number) = 3", max_execution_time="1"
    )
    assert endless.headers["X-ClickHouse-Exception-Code"] in ("159", "307"), endless.text
    many = port.ask("reader", "SELECT number FROM numbers(2000000)")
    assert many.headers["X-ClickHouse-Exception-Code"] == "396", many.text[:200]
    assert port.ask("reader", "SELECT 1" + " " * (2 << 20)).status == 413


def test_get_only_reads(port: Port) -> None:
    for statement in (
        "INSERT INTO goods SELECT 1, 'x'",
        "WITH 1 AS x INSERT INTO goods SELECT x, 'x'",
        "SELECT 1; DROP TABLE goods",
        "DROP TABLE goods",
    ):
        for more in ({}, {"session_id": "g"}):
            assert port.ask("weftline", statement, "GET", **more).status in (400, 403), statement
    for statement in ("SELECT 1", "SHOW TABLES", "DESCRIBE goods", "EXISTS goods", "WITH 1 AS x SELECT x", "(SELECT 1)"):
        for more in ({}, {"session_id": "g"}):
            assert port.ask("weftline", statement, "GET", **more).status == 200, statement
    assert port.send("PUT", "/?query=SELECT+1", b"", {"X-ClickHouse-Key": port.passwords["weftline"]}).status == 405
    assert port.column("SELECT count() FROM goods") == ["1000"]


def test_a_second_statement_in_an_insert_is_refused_or_data(port: Port) -> None:
    port.ask("weftline", "CREATE TABLE own.rows (a UInt64, b String) ENGINE = MergeTree ORDER BY a")
    for statement, stored in (
        ("INSERT INTO own.rows VALUES (1, 'a;b'), (2, '''; DROP TABLE goods')", 2),
        ("INSERT INTO own.rows VALUES (1, 'x');", 1),
        ("INSERT INTO own.rows VALUES (1, 'x'); DROP TABLE goods", 0),
        ("INSERT INTO own.rows SELECT 1, 'x'; DROP TABLE goods", 0),
        ("INSERT INTO own.rows; DROP TABLE goods; INSERT INTO own.rows VALUES (1, 'x')", 0),
        ("INSERT INTO own.rows FORMAT TSV\n1\tx; DROP TABLE goods\n", 1),
        ("INSERT INTO own.rows /* ' */ FORMAT TSV\n1\tx\n", 1),
    ):
        port.ask("weftline", "TRUNCATE TABLE own.rows")
        answer = port.ask("weftline", statement)
        assert (answer.status == 200) == bool(stored), (statement, answer.text)
        assert port.column("SELECT count() FROM own.rows") == [str(stored)], statement
    assert port.column("SELECT count() FROM goods") == ["1000"]


def test_slow_readers_starve_nobody(port: Port) -> None:
    """Eight that sleep as long as they can, and more in the line: whoever else asks is answered as if they were not there."""
    slow = "SELECT sleep(2.9), sleep(2.8), sleep(2.7)"
    with ThreadPoolExecutor(24) as several:
        waiting = [several.submit(port.ask, "reader", slow) for _ in range(20)]
        answers = [
            port.ask("weftline", statement, seconds=20)
            for statement in ("SELECT count() FROM goods", "INSERT INTO own.private VALUES (1)") * 4
        ]
        answers += [port.ask("board", "SELECT count() FROM goods", seconds=20)]
        assert {answer.status for answer in answers} == {200}
        found = [future.result() for future in waiting]
    assert {answer.headers.get("X-ClickHouse-Exception-Code") for answer in found} <= {None, "159", "202"}
    refused = [answer for answer in found if answer.status == 503]
    assert refused
    assert all("try again later" in answer.text for answer in refused)
    assert port.ask("reader", "SELECT 1").status == 200


HEAD = (
    "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nX-ClickHouse-User: weftline\r\nX-ClickHouse-Key: {key}\r\n"
)


@pytest.mark.parametrize(
    ("path", "headers", "body"),
    [
        ("/?query=SELECT%201&query_id=a%0d%0aX-Injected:%20y", "", b""),
        ("/?query=SELECT%201&default_format=TSV%0d%0aX-Injected:%20y", "", b""),
        ("/?query=SELECT%201&database=a%00b", "", b""),
        ("/?query=SELECT%201&a%0ab=1", "", b""),
        ("/", "Content-Type: multipart/form-data\r\nContent-Length: 2\r\n", b"xx"),
        ("/", "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 2\r\n", b"xx"),
        (
            "/",
            "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 54\r\n",
            b'--b\r\nContent-Disposition: form-data; name="query"\r\n\r\nSELECT',
        ),
        ("/", "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 22\r\n", b"--b\r\nno header\r\n\r\n--b--"),
        ("/", "Transfer-Encoding: chunked\r\n", b"zz\r\nSELECT 1\r\n0\r\n\r\n"),
        ("/", "Content-Length: nine\r\n", b"SELECT 1"),
        ("/", "Content-Encoding: gzip\r\nContent-Length: 8\r\n", b"SELECT 1"),
        ("/", "X-Bad\x01Header: 1\r\nContent-Length: 8\r\n", b"SELECT 1"),
    ],
)
def test_what_is_no_request_is_told_so(port: Port, path: str, headers: str, body: bytes) -> None:
    """A 400 with a sentence, never a connection that just ends."""
    address = urlsplit(port.url)
    with socket.create_connection((address.hostname, address.port), 30) as line:
        method = "GET" if "query=" in path else "POST"
        line.sendall((HEAD.format(method=method, path=path, key=port.passwords["weftline"]) + headers + "\r\n").encode() + body)
        answer = b""
        while piece := line.recv(65536):
            answer += piece
    assert re.match(rb"HTTP/1\.[01] 400 ", answer), answer
    assert b"X-Injected" not in answer.partition(b"\r\n\r\n")[0]
    assert port.ask("weftline", f"SELECT {quote('1')}").status == 200

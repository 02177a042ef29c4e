"""Nobody leaves the tables through the embedded ClickHouse's port: every table function, every function, every setting, every way to
name a file or an address is tried on the real engine, with every password there is."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.support.port import SECRET, Answer, Port, opened

from weftline.embedded.engine_users import FIXED


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Port]:
    before = {*Path.cwd().iterdir()}
    with opened(tmp_path_factory.mktemp("port")) as there:
        yield there
    # Where the engine runs: some functions make the file that they are to read.
    assert {*Path.cwd().iterdir()} - before == set()


STATEMENTS = (
    *(
        "SELECT 1; SELECT 2",
        "SELECT 1 INTO OUTFILE '{out}'",
        "SELECT 1 /*'*/ INTO OUTFILE '{out}' --'",
        "SHOW TABLES INTO OUTFILE '{out}'",
    ),
    *(
        "DESCRIBE TABLE goods INTO OUTFILE '{out}'",
        "EXPLAIN SELECT 1 INTO OUTFILE '{out}'",
        "EXISTS TABLE goods INTO OUTFILE '{out}'",
    ),
    *("INSERT INTO goods FROM INFILE '{secret}' FORMAT TSV", "INSERT INTO goods (name) FROM INFILE '{secret}' FORMAT LineAsString"),
    *("SELECT file('{secret}')", "SELECT `f\\x69le`('{secret}')", "SELECT \"file\"('{secret}')", "SELECT `file`('{secret}')"),
    *("SELECT ‘a’, file(‘{secret}’)", "SELECT 1 # '\n, file('{secret}') # '", "SELECT /* /* */ ' */ 1, file('{secret}') -- '"),
    *("SELECT $x$'$x$, file('{secret}'), $x$'$x$", "SELECT 1 WHERE file('{secret}') != ''", "SELECT * FROM `{secret}`"),
    *("SELECT * FROM default.`{secret}`", "SELECT * FROM '{secret}'", "SELECT 1 PARALLEL WITH SELECT file('{secret}')"),
    *(
        "EXECUTE AS default SELECT 1",
        "SYSTEM SHUTDOWN",
        "SYSTEM KILL",
        "SYSTEM RELOAD CONFIG",
        "CREATE USER x",
        "GRANT ALL ON *.* TO default",
    ),
    *(
        "BACKUP TABLE goods TO File('{out}')",
        "BACKUP TABLE goods TO Disk('default', 'x')",
        "RESTORE TABLE goods FROM File('{secret}')",
    ),
    *(
        "CREATE FUNCTION f AS x -> x",
        "CREATE NAMED COLLECTION c AS a = 1",
        "ATTACH TABLE t FROM '{secret}' (a Int8) ENGINE = MergeTree ORDER BY a",
    ),
    "CREATE TABLE w (a Int8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = web, endpoint = 'http://{elsewhere}/')",
    "CREATE TABLE w (a Int8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = local, path = '{out}')",
    "CREATE DATABASE f ENGINE = Filesystem('{folder}')",
    *(
        "CREATE TABLE f (a String) ENGINE = File(TSV, '{secret}')",
        "CREATE TABLE f (a String) ENGINE = URL('http://{elsewhere}/', TSV)",
    ),
    "SELECT 'x' AS a FORMAT Template SETTINGS format_template_resultset = '{secret}'",
    "SELECT * FROM format(TSV, 'a String', 'x') SETTINGS input_format_record_errors_file_path = '{out}', input_format_allow_errors_num = 9",
)
SOURCES = (
    *(
        "FILE(path '{secret}' format 'LineAsString')",
        "HTTP(url 'http://{elsewhere}/' format 'TSV')",
        "EXECUTABLE(command 'cat' format 'TSV')",
    ),
    *("CLICKHOUSE(host '127.0.0.1' port 1 table 'x' db 'y')", "MYSQL(host '127.0.0.1' port 1 table 'x' db 'y')", "NULL()"),
    *("POSTGRESQL(host '127.0.0.1' port 1 table 'x' db 'y')", "MONGODB(host '127.0.0.1' port 1 db 'x' collection 'y')"),
    *(
        "REDIS(host '127.0.0.1' port 1)",
        "ODBC(table 'x')",
        "CASSANDRA(host '127.0.0.1' port 1)",
        "EXECUTABLE_POOL(command 'cat' format 'TSV')",
    ),
)
ARGUMENTS = (
    *(
        "'{secret}', 'LineAsString'",
        "'{secret}'",
        "'http://{elsewhere}/x', 'TSV', 'a String'",
        "'http://{elsewhere}/x'",
        "'{elsewhere}', 'a', 'b'",
    ),
    *(
        "'{elsewhere}', 'a', 'b', 'c', 'd'",
        "'cat', 'TSV', 'a String', '{secret}'",
        "'SELECT file(\\'{secret}\\')'",
        "'system', '.*'",
        "'{folder}'",
    ),
    *("system.processes", "weftline, goods", "own.private", "'default', 'system.one'"),
)
ENDLESS = ("generateRandom", "primes", "zeros", "zeros_mt", "loop")


def written_out(port: Port, text: str) -> str:
    """With the places of this run."""
    places = {
        "secret": port.folder / "secret.tsv",
        "out": port.folder / "out.tsv",
        "folder": port.folder,
        "elsewhere": port.elsewhere,
    }
    for name, place in places.items():
        text = text.replace("{" + name + "}", str(place))
    return text


def unharmed(port: Port, what: str, answer: Answer) -> None:
    assert SECRET not in answer.text, what
    assert not (port.folder / "out.tsv").exists(), what
    assert port.asked == [], what


@pytest.mark.parametrize("user", ["reader", "board", "weftline"])
def test_nobody_leaves_the_tables(port: Port, user: str) -> None:
    """Files, addresses, other servers, programs, and the engine itself; several statements are none."""
    for text in STATEMENTS:
        for method in ("POST", "GET"):
            statement = written_out(port, text)
            answer = port.ask(user, statement, method)
            unharmed(port, statement, answer)
            assert answer.status in (400, 401, 403, 404, 500, 501), (statement, answer.text)
            assert answer.headers.get("X-ClickHouse-Exception-Code"), statement
    for source in SOURCES:
        made = (
            f"CREATE DICTIONARY d (k UInt64, a String) PRIMARY KEY k SOURCE({written_out(port, source)}) LAYOUT(FLAT()) LIFETIME(1)"
        )
        assert port.ask(user, made).status == 403, source
    assert port.column("SELECT count() FROM goods") == ["1000"]


@pytest.mark.parametrize("user", ["reader", "weftline"])
def test_no_table_function_reaches_what_lies_elsewhere(port: Port, user: str) -> None:
    functions = port.column("SELECT name FROM system.table_functions")
    assert {"file", "url", "s3", "executable", "remote", "mysql", "python", "eval"} <= set(functions)
    forms = (
        "SELECT * FROM {}",
        "DESCRIBE TABLE {}",
        "INSERT INTO FUNCTION {} SELECT 'x'",
        "CREATE TABLE own.made AS {}",
        "EXPLAIN SELECT * FROM {}",
    )
    tried = [
        written_out(port, form.format(f"{name}({arguments})" if form[0] != "E" else f"{name}({arguments}) LIMIT 1"))
        for name in functions
        for arguments in ARGUMENTS
        for form in (forms if arguments in ARGUMENTS[:4] else forms[:1])
    ]
    # Some give rows without end: those are bounded, and of no interest here.
    tried = [statement for statement in tried if not any(f" {name}(" in statement for name in ENDLESS)]
    with ThreadPoolExecutor(3) as several:
        for statement, answer in zip(
            tried, several.map(lambda text: port.ask(user, text, max_execution_time="5"), tried), strict=True
        ):
            unharmed(port, statement, answer)
            if user == "reader" and answer.status == 200:
                assert "own" not in answer.text, statement
    port.ask("weftline", "DROP TABLE IF EXISTS own.made")


def test_no_function_of_the_engine_reads_a_file(port: Port) -> None:
    names = port.column("SELECT name FROM system.functions WHERE NOT is_aggregate AND origin = 'System' AND name NOT LIKE 'sleep%'")
    assert len(names) > 1000
    tried = [
        written_out(port, f"SELECT {name}({arguments})") for name in names for arguments in ("'{secret}'", "'{secret}', '{secret}'")
    ]
    with ThreadPoolExecutor(6) as several:
        for user in ("weftline", "reader"):
            some = tried if user == "weftline" else [statement for statement in tried if "file" in statement.split("(")[0].lower()]
            for statement, answer in zip(some, several.map(lambda text, user=user: port.ask(user, text), some), strict=True):  # type: ignore[misc]
                unharmed(port, statement, answer)


def test_no_setting_of_the_engine_names_a_file(port: Port) -> None:
    names = port.column("SELECT name FROM system.settings WHERE type = 'String' AND name NOT IN ('database')")
    assert len(names) > 50
    formats = ("Template", "Protobuf", "CapnProto", "CustomSeparated", "TSV", "JSONEachRow")
    path = str(port.folder / "secret.tsv")
    tried = [(name, f"SELECT 1 AS a FORMAT {kind} SETTINGS {name} = {path!r}") for name in names for kind in formats]
    with ThreadPoolExecutor(6) as several:
        for (name, statement), answer in zip(tried, several.map(lambda one: port.ask("weftline", one[1]), tried), strict=True):
            # What only comes back as it was given has read nothing.
            assert SECRET not in answer.text, statement
            if name in FIXED:
                assert answer.status in (400, 403, 404), (statement, answer.text)

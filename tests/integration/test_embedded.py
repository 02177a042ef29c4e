"""The embedded servers as their users meet them: real Kafka and ClickHouse engine, killed and started again, alone and as a stack."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import clickhouse_connect
import psutil
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from weftline.embedded.broker import BrokerConfig
from weftline.embedded.children import Child, DidNotStart, Running, broker_child, memory_broker_child
from weftline.embedded.jars import prepare_kafka
from weftline.embedded.memory_broker import MemoryBrokerConfig
from weftline.embedded.ports import free_ports
from weftline.embedded.stack_folder import find_running
from weftline.embedded.supervisor import Addresses, GaveUp, Stack, StackConfig, board, board_missing
from weftline.errors import UserError
from weftline.runtime.degraded import degraded
from weftline.runtime.settings import load
from weftline.warehouse.status import read_status

if TYPE_CHECKING:
    from tests.conftest import Server

PASSWORD = os.environ["WEFTLINE_CLICKHOUSE_PASSWORD"]


@contextmanager
def connected(url: str, **options: Any) -> Iterator[Any]:
    address = urlsplit(url)
    options = {"password": PASSWORD, **options}
    client = clickhouse_connect.get_client(host=address.hostname, port=address.port, **options)
    try:
        yield client
    finally:
        client.close()


def request(
    url: str, method: str, parameters: dict[str, str], body: bytes = b"", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """One bare HTTP request, as curl sends it."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        named = {"X-ClickHouse-Key": PASSWORD, **{name.replace("_", "-"): value for name, value in headers.items()}}
        connection.request(method, f"/?{urlencode(parameters)}", body, named)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def make_topic(bootstrap: str, name: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics({name: {"num_partitions": 1, "replication_factor": 1}})
    admin.close()


def publish(bootstrap: str, topic: str, values: range) -> None:
    # A producer of its own each time: kafka-python leaves the sockets of refused connections to the garbage collector, which warns.
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    for future in [producer.send(topic, str(value).encode()) for value in values]:
        future.get(timeout=30)
    producer.close()


def consume(bootstrap: str, topic: str, count: int) -> list[int]:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap)
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    read: list[int] = []
    while len(read) < count:
        batch = consumer.poll(timeout_ms=30_000)
        assert batch, f"only {len(read)} of {count} records came back"
        read += [int(record.value) for record in batch[partition]]
    consumer.close()
    return read


def test_kafka_keeps_what_it_acknowledged_through_sigkill(start_kafka: Callable[[], Server]) -> None:
    server = start_kafka()
    make_topic(server.address, "letters")
    publish(server.address, "letters", range(500))

    server.kill()
    server.start()

    publish(server.address, "letters", range(500, 501))
    assert consume(server.address, "letters", 501) == list(range(501))


def test_clickhouse_keeps_what_it_acknowledged_through_sigkill(start_clickhouse: Callable[[], Server]) -> None:
    server = start_clickhouse()
    acknowledged = []

    def insert() -> None:
        # However the kill shows itself; how far it came is what counts.
        with connected(server.address, autogenerate_session_id=False) as client, suppress(DatabaseError):
            for number in range(100_000):
                client.insert("t", [[number]], column_names=["a"], column_type_names=["UInt64"])
                acknowledged.append(number)

    with connected(server.address) as client:
        client.command("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
    writer = threading.Thread(target=insert)
    writer.start()
    until(lambda: len(acknowledged) >= 50)
    server.kill()
    writer.join()
    server.start()

    with connected(server.address) as client:
        stored = client.query("SELECT groupArray(a) FROM (SELECT a FROM t ORDER BY a)").result_rows[0][0]
    # The one that was on its way may have arrived or not.
    assert stored[: len(acknowledged)] == acknowledged
    assert len(stored) <= len(acknowledged) + 1


def test_clickhouse_serves_its_own_client(clickhouse: str) -> None:
    with connected(clickhouse) as client:
        client.command("CREATE DATABASE client")
        client.command(
            "CREATE TABLE client.t (a UInt64, b LowCardinality(String), n Nullable(Float64)) ENGINE = MergeTree ORDER BY a"
        )
        columns = [list(range(100_000)), [f"x{a % 10}" for a in range(100_000)], [None if a % 3 else a / 2 for a in range(100_000)]]
        for compress in ("lz4", "zstd", "gzip", None):
            with connected(clickhouse, compress=compress or False, database="client") as other:
                written = other.insert(
                    "t", columns, column_names=["a", "b", "n"], column_oriented=True, settings={"async_insert": 0}
                )
                assert written.written_rows == 100_000
        found = client.query(
            "SELECT count(), uniqExact(a) FROM client.t WHERE b = {b:String} AND a IN {several:Array(UInt64)}",
            parameters={"b": "x7", "several": [7, 17, 18]},
        )
        assert found.result_rows == [(8, 2)]
        odd = "a'b\\\t\n\N{CJK UNIFIED IDEOGRAPH-7EBA}"
        assert client.query("SELECT {odd:String}", parameters={"odd": odd}).result_rows == [(odd,)]
        # Parameters of hundreds of kilobytes: the windows that a step has touched.
        windows = list(range(50_000))
        assert client.query("SELECT length({w:Array(UInt32)})", parameters={"w": windows}).result_rows == [(50_000,)]
        assert client.query("SELECT a FROM client.t WHERE a > 100000").result_rows == []
        for statement, code in (("SELECT nope", 47), ("SELECT * FROM nope", 60), ("SELECT (1", 62)):
            with pytest.raises(DatabaseError) as caught:
                client.query(statement)
            assert caught.value.code == code


def test_clickhouse_serves_the_asynchronous_client(clickhouse: str) -> None:
    async def both() -> list[Any]:
        address = urlsplit(clickhouse)
        client = await clickhouse_connect.get_async_client(host=address.hostname, port=address.port, password=PASSWORD)
        try:
            await client.command("CREATE TABLE a (a UInt64) ENGINE = MergeTree ORDER BY a")
            inserts = (client.insert("a", [[n] for n in range(1000)], column_names=["a"]) for _ in range(8))
            await asyncio.gather(*inserts, *(client.query("SELECT sleep(0.2)") for _ in range(4)))
            return list((await client.query("SELECT count(), uniqExact(a) FROM a")).result_rows)
        finally:
            await client.close()

    assert asyncio.run(both()) == [(8000, 1000)]


def test_settings_of_one_request_do_not_reach_the_next(clickhouse: str) -> None:
    ask = "SELECT getSetting('max_threads'), currentDatabase()"
    status, _, before = request(clickhouse, "GET", {"query": ask})
    assert status == 200
    changed = {"query": ask, "max_threads": "7", "database": "system", "session_id": "s"}
    assert request(clickhouse, "GET", changed)[2] == b"7\tsystem\n"
    assert request(clickhouse, "GET", {"query": ask})[2] == before
    # A session keeps what it SET and its temporary tables, not what came in an address.
    for statement in ("SET max_threads = 5", "CREATE TEMPORARY TABLE mine (a Int8)"):
        assert request(clickhouse, "POST", {"session_id": "s"}, statement.encode())[0] == 200
    request(clickhouse, "GET", changed)
    of_the_session = request(clickhouse, "GET", {"query": "SELECT getSetting('max_threads'), count() FROM mine", "session_id": "s"})
    assert of_the_session[2] == b"5\t0\n"
    assert request(clickhouse, "GET", {"query": "SELECT 1", "no_such_setting": "1"})[1]["X-ClickHouse-Exception-Code"] == "115"


def test_clickhouse_speaks_to_curl(clickhouse: str) -> None:
    assert request(clickhouse, "POST", {}, b"CREATE TABLE curl (a Int8, b String) ENGINE = MergeTree ORDER BY a")[0] == 200
    insert = {"query": "INSERT INTO curl FORMAT JSONEachRow"}
    status, headers, _ = request(clickhouse, "POST", insert, b'{"a":1,"b":"x"}\n{"a":2,"b":"y"}\n')
    assert (status, json.loads(headers["X-ClickHouse-Summary"])["written_rows"]) == (200, "2")
    status, headers, body = request(clickhouse, "POST", {}, b"SELECT * FROM curl ORDER BY a", X_ClickHouse_Format="JSONCompact")
    assert (headers["X-ClickHouse-Format"], json.loads(body)["data"]) == ("JSONCompact", [[1, "x"], [2, "y"]])
    status, headers, body = request(clickhouse, "POST", insert, b'{"a":"no number"}\n')
    assert (status, headers["X-ClickHouse-Exception-Code"], body.startswith(b"Code: 27.")) == (400, "27", True)
    assert request(clickhouse, "GET", {"query": "DROP TABLE curl"})[1]["X-ClickHouse-Exception-Code"] == "164"
    assert request(clickhouse, "POST", {"query": "DROP TABLE curl"}, Origin="https://elsewhere.example")[0] == 403
    assert request(clickhouse, "POST", {"query": "DROP TABLE curl"}, Host="elsewhere.example")[0] == 403
    assert request(clickhouse, "GET", {"query": "SELECT count() FROM curl"})[2] == b"2\n"


def test_a_large_result_is_streamed_and_breaks_off_with_its_error(clickhouse: str) -> None:
    with connected(clickhouse) as client:
        with client.query_row_block_stream("SELECT number, toString(number) FROM numbers(5000000)") as blocks:
            assert sum(len(block) for block in blocks) == 5_000_000
        with (
            pytest.raises(StreamFailureError, match="throwIf"),
            client.query_row_block_stream(
                "SELECT number, throwIf(number = 9000000) FROM numbers(9500000) SETTINGS max_threads = 1"
            ) as blocks,
        ):
            for _ in blocks:
                pass


def test_slow_readers_do_not_hold_up_an_insert_and_end_with_their_clients(clickhouse: str) -> None:
    endless = b"SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 3 SETTINGS max_threads = 1"
    running = {
        "query": "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64(number)%' AND query NOT LIKE '%processes%'"
    }
    connections = [http.client.HTTPConnection(urlsplit(clickhouse).netloc) for _ in range(5)]
    for connection in connections:
        connection.request("POST", "/", endless, {"X-ClickHouse-Key": PASSWORD})
    until(lambda: request(clickhouse, "GET", running)[2] == b"5\n")

    assert request(clickhouse, "POST", {}, b"CREATE TABLE busy (a Int8) ENGINE = MergeTree ORDER BY a")[0] == 200
    assert request(clickhouse, "POST", {}, b"INSERT INTO busy FORMAT TSV\n1\n")[0] == 200

    for connection in connections:
        connection.close()
    until(lambda: request(clickhouse, "GET", running)[2] == b"0\n")


UP = """
import sys
from pathlib import Path
from weftline.embedded.supervisor import StackConfig
from weftline.embedded.up import up
from weftline.errors import UserError
try:
    sys.exit(up(StackConfig(Path(sys.argv[1]), usual={}, heap_mb=256, memory_mb=1024), say=lambda line: print(line, flush=True)))
except UserError as error:
    sys.exit(f"error: {error}")
"""


def up(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", UP, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def descendants(folder: Path) -> set[int]:
    state = json.loads((folder / "stack.json").read_text())
    return {child["pid"] for child in state["children"].values()}


def is_alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_a_stack_survives_every_kill_and_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    stack = up(folder)
    try:
        until(lambda: find_running(folder) is not None or stack.poll() is not None, 60)
        addresses = find_running(folder)
        assert addresses is not None
        make_topic(addresses.kafka, "letters")
        publish(addresses.kafka, "letters", range(100))
        with connected(addresses.clickhouse) as client:
            client.command("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
            client.insert("t", [[1], [2]], column_names=["a"])

        # A second start on the folder.
        second = up(folder)
        said, _ = second.communicate(timeout=60)
        assert second.returncode == 1
        assert f"already runs on {folder}" in said
        assert f"process {stack.pid}" in said

        # A child dies: it comes back where it was.
        engine = json.loads((folder / "stack.json").read_text())["children"]["clickhouse"]["pid"]
        os.kill(engine, signal.SIGKILL)
        until(lambda: engine not in descendants(folder))
        until(lambda: _pings(addresses.clickhouse))
        with connected(addresses.clickhouse) as client:
            assert client.query("SELECT sum(a) FROM t").result_rows == [(3,)]

        # The supervisor dies: so does everything, at once.
        children = descendants(folder)
        assert len(children) == 2
        stack.kill()
        stack.communicate()
        until(lambda: not any(map(is_alive, children)))
        assert find_running(folder) is None

        # It goes on from its data, at the same addresses.
        stack = up(folder)
        until(lambda: find_running(folder) is not None or stack.poll() is not None, 60)
        assert stack.poll() is None, stack.communicate()
        assert find_running(folder) == addresses
        assert consume(addresses.kafka, "letters", 100) == list(range(100))
        with connected(addresses.clickhouse) as client:
            assert client.query("SELECT sum(a) FROM t").result_rows == [(3,)]

        # Ctrl-C.
        children = descendants(folder)
        stack.send_signal(signal.SIGINT)
        said, _ = stack.communicate(timeout=60)
        assert (stack.returncode, said.splitlines()[-1]) == (0, "stopped")
        assert not any(map(is_alive, children))
    finally:
        stack.kill()
        stack.communicate()


def _pings(url: str) -> bool:
    try:
        return request(url, "GET", {})[0] == 200
    except OSError:
        return False


def test_a_stack_on_the_memory_broker_works_says_what_it_is_and_keeps_to_its_folder(tmp_path: Path) -> None:
    said: list[str] = []
    prepared: list[Addresses] = []
    config = StackConfig(tmp_path, broker="memory", usual={}, memory_mb=1024)
    with Stack(config, prepare=prepared.append, say=said.append) as stack:
        assert stack.addresses is not None
        assert prepared == [stack.addresses]
        make_topic(stack.addresses.kafka, "letters")
        publish(stack.addresses.kafka, "letters", range(100))
        assert consume(stack.addresses.kafka, "letters", 100) == list(range(100))
    assert "lives in memory" in said[0]
    with pytest.raises(UserError, match="came through the memory broker, so Apache Kafka cannot use it"):
        Stack(StackConfig(tmp_path, usual={})).start()


def test_who_came_first_to_a_port_is_not_taken_for_ones_own_broker(tmp_path: Path) -> None:
    port, controller = free_ports(2)
    first = Running(memory_broker_child(MemoryBrokerConfig(port)), tmp_path / "first.log")
    try:
        first.wait_ready()
        second = Running(broker_child(BrokerConfig(tmp_path / "kafka", port, controller, 256), prepare_kafka()), tmp_path / "log")
        with pytest.raises(DidNotStart, match="ended with status 1 while it was starting"):
            second.wait_ready()
    finally:
        first.kill()


def test_a_stack_comes_down_when_what_it_needs_dies_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weftline.embedded.supervisor.PAUSES", (0.0,) * 5)
    dying = Child("dying", (sys.executable, "-c", "import sys; sys.exit('no such luck')"))
    said: list[str] = []
    config = StackConfig(tmp_path, broker="memory", usual={}, memory_mb=1024)
    stack = Stack(config, workers=lambda _addresses, _port: [dying], say=said.append)
    stack.start()
    engine = stack.pid("clickhouse")
    with pytest.raises(GaveUp, match=r"dying ended with status 1 5 times in a row.*no such luck"):
        stack.wait(60)
    stack.stop()
    assert sum("starting it again" in line for line in said) == 4
    assert not is_alive(engine)


def test_a_stack_goes_on_without_whoever_keeps_dying_and_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so where everybody looks, tries it again from time to time, and takes the word back when it runs."""
    monkeypatch.setattr("weftline.embedded.supervisor.PAUSES", (0.0,))
    monkeypatch.setattr("weftline.embedded.supervisor.LATER_SECONDS", 2.0)
    mended = tmp_path / "mended"
    code = f"import os, sys, time\nif not os.path.exists({str(mended)!r}): sys.exit('no such luck')\ntime.sleep(600)"
    dying = Child("dying", (sys.executable, "-c", code), ready=lambda: False, needed=False, ready_seconds=60)
    steady = Child("steady", (sys.executable, "-c", "import time; time.sleep(600)"), needed=False)
    said: list[str] = []
    config = StackConfig(tmp_path / "data", broker="memory", usual={}, memory_mb=1024, steady_seconds=1.0)
    with Stack(config, workers=lambda _addresses, _port: [dying, steady], say=said.append) as stack:
        assert stack.addresses is not None
        kafka = stack.addresses.kafka
        assert stack.degraded == ["dying"], "not ready at the start"
        engine, other = stack.pid("clickhouse"), stack.pid("steady")
        until(lambda: any(line.startswith("degraded: dying ended with status 1 9 times in a row") for line in said), 60)
        until(lambda: list(degraded(config.folder, kafka)) == ["dying"])
        assert "no such luck" in degraded(config.folder, kafka)["dying"]
        assert degraded(config.folder, "another:9092") == {}
        asked = load(kafka=kafka, clickhouse=stack.addresses.clickhouse, data=config.folder)
        found = read_status(asked)
        assert not found.healthy
        assert "no such luck" in found.as_json()["degraded"]["dying"]
        with connected(stack.addresses.clickhouse) as client:
            assert client.query("SELECT 1").result_rows == [(1,)]

        mended.touch()
        until(lambda: "dying runs again" in said, 60)
        assert degraded(config.folder, kafka) == {}
        assert stack.degraded == []
        assert (stack.pid("clickhouse"), stack.pid("steady")) == (engine, other), "nobody else was touched"
        assert not stack.wait(0)
    assert degraded(config.folder, kafka) == {}


def test_no_nicegui_no_board(monkeypatch: pytest.MonkeyPatch) -> None:
    at = Addresses("127.0.0.1:1", "http://127.0.0.1:1")
    assert (board_missing(), [child.name for child in board(at, lambda _name: 8080)]) == ("", ["board"])
    monkeypatch.setitem(sys.modules, "nicegui", None)
    assert "pip install '.[boards]'" in board_missing()
    assert board(at, lambda _name: 8080) == ()


def test_a_worker_that_does_not_start_is_reported_with_its_last_words(tmp_path: Path) -> None:
    broken = Child("broken", (sys.executable, "-c", "import sys; sys.exit('WEFTLINE_KAFKA is wrong')"), ready=lambda: False)
    stack = Stack(StackConfig(tmp_path, broker="memory", usual={}, memory_mb=1024), workers=lambda _addresses, _port: [broken])
    with pytest.raises(UserError, match=r"broken ended with status 1 while it was starting: WEFTLINE_KAFKA is wrong \(see "):
        stack.start()
    assert find_running(tmp_path) is None

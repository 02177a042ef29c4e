"""The embedded ClickHouse lends one session to statement after statement: nobody finds in it what another one has left."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from tests.support.port import Port, opened

from weftline.embedded.engine_http import WHOLE_RESULT

#: What a session may carry over: database, settings, role, temporary tables, its mark.
ASKED = (
    "SELECT currentDatabase(), getSetting('max_block_size'), getSetting('max_result_rows'), has(currentRoles(), 'owner'), "
    "startsWith(getSetting('log_comment'), 'weftline-') FORMAT TSVRaw"
)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Port]:
    with opened(tmp_path_factory.mktemp("engine")) as port:
        yield port


def test_in_any_order_a_statement_has_its_own_settings_and_no_others(port: Port) -> None:
    base = port.ask("weftline", ASKED).text.split("\t")

    def one(number: int) -> None:
        random = Random(number)
        for _ in range(40):
            user, given, expected = random.choice(("weftline", "weftline", "board")), {}, list(base)
            if user == "board":
                expected[3] = "0"
            if random.random() < 0.5:
                given["database"] = expected[0] = random.choice(("weftline", "default")) if user == "weftline" else "weftline"
            for at, name in ((1, "max_block_size"), (2, "max_result_rows")):
                if random.random() < 0.5:
                    given[name] = expected[at] = str(random.randint(1000, 1010))
            match random.randrange(8):
                case 0:
                    assert port.ask(user, "SELECT throwIf(1)", **given).status == 500
                case 1:
                    assert port.ask("weftline", "SET max_block_size = 999, max_result_rows = 998", **given).status == 200
                case 2:
                    assert port.ask("weftline", "CREATE TEMPORARY TABLE one (a UInt8)", **given).status == 200
                case 3:
                    assert port.ask(user, "SELECT * FROM one", **given).status in (403, 404)
                case 4:
                    assert port.ask(user, "SELECT {a:UInt8} FORMAT TSV", param_a="7", **given).text == "7\n"
                case 5:
                    assert port.ask(user, "SELECT {a:UInt8} FORMAT TSV", **given).status == 400
                case _:
                    pass
            assert port.ask(user, ASKED, **given).text.strip().split("\t") == [part.strip() for part in expected], given

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(one, range(6)))


def test_whoever_gives_up_takes_nobody_else_along(port: Port) -> None:
    """Statements that are cancelled, one after the other, beside many that must all be answered."""
    stop, done, wrong = threading.Event(), [0], []

    def others() -> None:
        while not stop.is_set():
            answer = port.ask("weftline", "SELECT sum(number) FROM numbers(1000) FORMAT TSV")
            done[0] += 1
            if answer.text != "499500\n":
                wrong.append(answer.text)

    threads = [threading.Thread(target=others) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(8):
            with pytest.raises(TimeoutError):
                port.ask("weftline", "SELECT sum(sleepEachRow(0.2)) FROM numbers(100) SETTINGS max_block_size = 1", seconds=0.3)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert (wrong, done[0] > 8) == ([], True)


def test_a_result_beyond_the_limit_of_a_whole_one_is_streamed_and_spoils_nothing(port: Port) -> None:
    for _ in range(2):
        large = port.ask("weftline", "SELECT number FROM numbers(10000000) FORMAT RowBinary")
        assert "X-ClickHouse-Exception-Tag" in large.headers, "what is sent whole has no such mark"
        assert len(large.body) == 80_000_000 > WHOLE_RESULT
        assert port.ask("weftline", "SELECT 1 FORMAT TSV").text == "1\n"

"""The table of faults: every line names something that exists, is raised where it belongs, and has the consequence that it says."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Awaitable
from typing import Any

import aiokafka.errors
import pytest
from aiokafka.structs import TopicPartition
from clickhouse_connect.driver.exceptions import DatabaseError
from tests.support.examples import CODEC, ORDER
from tests.support.raw_batches import Sent, batch

from weftline.contracts.topics import load_topics
from weftline.domain.fold import NOT_JUDGED, Record
from weftline.errors import ContractError, DependencyDown, UserError
from weftline.processors.memory import Memory
from weftline.processors.messenger import SHORTER_BYTES, DeadLetter, Messenger
from weftline.processors.orders import ORDERS
from weftline.runtime import blame, unpacking
from weftline.runtime.blame import CODES, TABLE, Fault, Whose
from weftline.runtime.chunks import RawRecord
from weftline.runtime.unpacking import PartitionRecords, Records
from weftline.warehouse.faults import NotReady, WarehouseError, faults

LINES = [(part, name, fault) for part, lines in TABLE.items() for name, fault in lines.items()]
LETTER = DeadLetter.of(RawRecord("sample.orders.v1", 0, 1, 2, b"k", bytes(100_000), ()), "undecodable", "value", "is none")


def lines_of(part: str) -> Any:
    return pytest.mark.parametrize(("name", "fault"), [(name, fault) for of, name, fault in LINES if of == part])


def kind_of(name: str) -> type[BaseException]:
    module, _, attribute = name.rpartition(".")
    found = getattr(importlib.import_module(module), attribute)
    assert f"{found.__module__}.{found.__qualname__}" == name, "the name under which it is looked up"
    assert issubclass(found, BaseException)
    return found  # type: ignore[no-any-return]


def error_of(name: str) -> BaseException:
    """One of these, as its own constructor makes it."""
    kind = kind_of(name)
    for arguments in ((), ("x",), ("x", "y"), ("x", "y", 1), ("utf-8", b"x", 0, 1, "why")):
        try:
            return kind(*arguments)
        except TypeError:
            continue
    raise AssertionError(f"{name} cannot be made")


@pytest.mark.parametrize(("part", "name", "fault"), LINES)
def test_every_line_names_what_exists_and_is_found_by_it(part: str, name: str, fault: Fault) -> None:
    assert blame.fault(part, error_of(name)) == fault
    assert fault.why


def test_the_nearest_base_counts_and_the_unforeseen_is_the_records() -> None:
    class Odd(aiokafka.errors.MessageSizeTooLargeError):
        pass

    assert blame.of_record("producer", Odd())
    assert not blame.of_record("producer", aiokafka.errors.RequestTimedOutError())
    assert all(blame.of_record(part, KeyError("x")) for part in TABLE)


# --- each of them raised in its part -----------------------------------------------------------------------------------------------


@lines_of("consumer")
def test_unpacking(name: str, fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record's: unreadable, one letter per offset, and what follows is read. Any other ends the fetch."""
    error = error_of(name)

    def fail(*_: object) -> Any:
        raise error

    monkeypatch.setattr(unpacking._Batch, "_open", fail)
    log = batch([Sent(), Sent()], codec=1) + batch([Sent(value=b"good")], base=2)
    reading = PartitionRecords(TopicPartition("t", 0), Records(log), None, 0, None, None, True, 0)
    if fault.whose is not Whose.RECORD:
        with pytest.raises(type(error)):
            list(reading)
        return
    found = list(reading)
    assert [(one.offset, one.checksum is None) for one in found] == [(0, False), (1, False), (2, True)]


@lines_of("inserter")
def test_the_inserter(name: str, fault: Fault) -> None:
    """What comes of it is what the loop waits for, or takes for the record's."""
    error = error_of(name)
    wanted: dict[Whose, type[BaseException]] = {
        Whose.DEPENDENCY: DependencyDown,
        Whose.RECORD: WarehouseError,
        Whose.PROGRAM: type(error),
    }
    with pytest.raises(wanted[fault.whose]) as caught, faults("insert into t"):
        raise error
    if fault.whose is Whose.DEPENDENCY and type(error) is not DependencyDown:
        assert caught.value.suspect == fault.suspect  # type: ignore[attr-defined]


@pytest.mark.parametrize(("code", "fault"), CODES.items())
@pytest.mark.parametrize("starting", [False, True])
def test_clickhouses_numbers(code: int, fault: Fault, starting: bool) -> None:
    error = DatabaseError(f"Received ClickHouse exception, code: {code}, server response: why", code=code)
    with pytest.raises((DependencyDown, UserError)) as caught, faults("insert into t", starting=starting):
        raise error
    expected = (UserError if starting else NotReady) if fault.setup else DependencyDown
    assert type(caught.value) is expected
    assert getattr(caught.value, "suspect", False) == (fault.suspect and not fault.setup)


@pytest.mark.parametrize(
    ("code", "text"),
    [(252, "Too many partitions for single INSERT block"), (241, "Query memory limit exceeded"), (62, "Syntax error"), (49, "x")],
)
def test_numbers_of_this_very_statement(code: int, text: str) -> None:
    with pytest.raises(WarehouseError), faults("insert into t"):
        raise DatabaseError(text, code=code)


class Producer:
    """Refuses as it is told: what is larger than ``most``, at the call or when the broker answers; or everything, with ``error``."""

    def __init__(self, *, most: int | None = None, error: BaseException | None = None, at_once: bool = False) -> None:
        self.most, self.error, self.at_once = most, error, at_once
        self.sent: list[tuple[bytes | None, dict[str, bytes]]] = []

    async def send(self, _: str, *, value: bytes | None, headers: Any, **__: Any) -> Awaitable[None]:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        error = self.error
        if self.most is not None and len(value or b"") > self.most:
            error = aiokafka.errors.MessageSizeTooLargeError()
        if error is None:
            self.sent.append((value, dict(headers)))
            answer.set_result(None)
        elif self.at_once:
            raise error
        else:
            answer.set_exception(error)
        return answer


def bury(producer: Producer) -> None:
    messenger = Messenger.__new__(Messenger)
    messenger._codec, messenger._producer = CODEC, producer
    messenger._topics = load_topics()
    asyncio.run(messenger.dead_letters([LETTER]))


@lines_of("producer")
@pytest.mark.parametrize("at_once", [False, True])
def test_the_producer(name: str, fault: Fault, at_once: bool) -> None:
    """A fault of the letter's costs its place in the topic; the table has it. No fault of its own looks like Kafka being down."""
    error = error_of(name)
    producer = Producer(error=error, at_once=at_once)
    match fault.whose:
        case Whose.RECORD:
            bury(producer)
        case Whose.DEPENDENCY:
            with pytest.raises(DependencyDown):
                bury(producer)
        case Whose.PROGRAM:
            with pytest.raises(type(error)):
                bury(producer)
    assert producer.sent == []


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("most", [0, 70_000, 100_000])
def test_a_letter_too_large_for_its_topic_is_cut_and_says_so(most: int, at_once: bool) -> None:
    producer = Producer(most=most, at_once=at_once)
    bury(producer)
    ((value, headers),) = producer.sent
    kept = next(size for size in (100_000, *SHORTER_BYTES) if size <= most)
    assert len(value or b"") == kept
    assert (headers.get("weftline_size") == b"100000") == (kept < 100_000)
    assert headers["weftline_offset"] == b"1"


@lines_of("decoder")
def test_the_decoder(name: str, fault: Fault) -> None:
    if fault.whose is Whose.RECORD:
        with pytest.raises(ContractError) as caught:
            CODEC.decode("sample.orders.v1", b"\0\0\0\0\1A")
        assert blame.fault("decoder", caught.value).whose is Whose.RECORD
    else:
        assert not blame.of_record("decoder", error_of(name))


def folded(error: BaseException) -> Any:
    def fail(*_: object) -> Any:
        raise error

    fresh = Memory(ORDERS, 10).fresh("o")
    fresh._rules.apply = fail
    return fresh.add([Record(ORDER, 1)], 0)


@lines_of("fold")
def test_the_fold(name: str, fault: Fault) -> None:
    """A rule that raises gives a judgement; a machine that lacks memory must not decide about one."""
    error = error_of(name)
    if isinstance(error, MemoryError):
        with pytest.raises(MemoryError):
            folded(error)
    else:
        assert fault.whose is not Whose.RECORD


def test_the_fold_judges_what_a_rule_raises_at() -> None:
    outcome = folded(ZeroDivisionError())
    (fact,) = outcome.facts
    assert NOT_JUDGED in repr(fact)
    assert [type(failure.error) for failure in outcome.failures] == [ZeroDivisionError]

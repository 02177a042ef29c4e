"""``weftline dlq``: records that could not be read or judged, and what is to be done about them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weftline.commands.common import ClickHouseOption, JsonOption, KafkaOption, fail, located, print_json

if TYPE_CHECKING:
    from weftline.runtime.settings import Settings
    from weftline.warehouse.dead_letters import DeadLetters, Letter, Selection

app = typer.Typer()
dlq = typer.Typer(epilog="Example: `weftline dlq list`")
app.add_typer(dlq, name="dlq")

#: Of a long value, so much is dumped; --full prints all of it.
DUMP_BYTES = 512
_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]


class Reason(StrEnum):
    """Why a record is a dead letter."""

    UNDECODABLE = "undecodable"
    CONTRACT = "contract"
    NOT_ALLOWED = "not_allowed"
    NOT_JUDGED = "not_judged"
    PROCESSING_FAILED = "processing_failed"


ReasonOption = Annotated[Reason | None, typer.Option(help="Only these.")]
TopicOption = Annotated[str | None, typer.Option(help="Only of this topic.")]
SinceOption = Annotated[datetime | None, typer.Option(formats=_FORMATS, help="Received by Kafka then or later (UTC).")]
UntilOption = Annotated[datetime | None, typer.Option(formats=_FORMATS, help="Received by Kafka before (UTC).")]
RecordArgument = Annotated[str | None, typer.Argument(metavar="[TOPIC/PARTITION/OFFSET]", help="One record.")]
AllOption = Annotated[bool, typer.Option("--all", help="All that are open; for those who give no other condition.")]


@dlq.callback(invoke_without_command=True)
def _dlq(ctx: typer.Context) -> None:
    """Dead letters: list, show, replay after a fix, or drop with a reason. Nothing is ever deleted."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@dlq.command("list", epilog="Examples: `weftline dlq list`, `weftline dlq list --reason contract --since 2026-03-01 --records 20`")
def list_(
    reason: ReasonOption = None,
    topic: TopicOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    handled: Annotated[bool, typer.Option("--handled", help="Also those that were replayed or dropped.")] = False,
    records: Annotated[int, typer.Option(min=0, max=100_000, help="Also the newest N one by one.")] = 0,
    clickhouse: ClickHouseOption = None,
    as_json: JsonOption = False,
) -> None:
    """What is wrong, why, and how often: by topic, reason and field."""
    chosen = _selection(None, reason, topic, since, until, open_only=not handled)
    with _opened(located(clickhouse=clickhouse)) as letters:
        groups = letters.groups(chosen)
        newest = letters.letters(chosen, records) if records else []
    if as_json:
        print_json({"groups": [group._asdict() for group in groups], "records": [_as_json(letter) for letter in newest]})
        return
    if not groups:
        typer.echo("no dead letters" if handled else "no open dead letters")
    for group in groups:
        what = f"{group.topic}, {group.reason}{f', {group.field}' if group.field else ''}"
        status = "" if group.status == "open" else f" [{group.status}]"
        typer.echo(f"{group.records:>9,}  {what}{status}")
        typer.echo(f"{'':>11}{_time(group.first)} to {_time(group.last)}; last {group.address}: {_short(group.example)}")
    for letter in newest:
        typer.echo(f"{letter.address}  {_time(letter.received_at)}  {letter.status}  {letter.reason}  {_short(_problem(letter))}")


@dlq.command(epilog="Example: `weftline dlq show inspection.results.v1/3/1042`")
def show(
    record: Annotated[str, typer.Argument(metavar="TOPIC/PARTITION/OFFSET", help="As `weftline dlq list --records` gives it.")],
    full: Annotated[bool, typer.Option("--full", help="Dump the whole value.")] = False,
    kafka: KafkaOption = None,
    clickhouse: ClickHouseOption = None,
    as_json: JsonOption = False,
) -> None:
    """One dead letter: why, headers, what can be read of it, and its bytes."""
    from weftline.contracts.codec import Codec
    from weftline.contracts.registry import open_registry
    from weftline.warehouse.replay import still_wrong, whole

    settings = located(kafka, clickhouse)
    chosen = _selection(record, None, None, None, None, open_only=False)
    assert chosen.address is not None
    with _opened(settings) as letters:
        found = letters.letters(chosen, len(Reason))
        if not found:
            fail(f"there is no dead letter {record}; `weftline dlq list --records 20` gives the newest")
        actions = letters.actions(chosen.address)
        grants = letters.grants() if settings.publishers == "bound" else None
        signature = letters.signatures([chosen.address]).get(chosen.address)
    registry = open_registry(settings.schema_registry)
    letter, original, missing = whole(settings, found[0])
    problem = missing or still_wrong(Codec(registry), letter, grants, signature)
    headers = original and original.headers
    decoded = _decoded(registry, letter)
    if as_json:
        print_json(
            {
                **_as_json(letter),
                "reasons": [{"reason": one.reason, "field": one.field, "detail": one.detail} for one in found],
                "actions": [{"action": action, "note": note, "at": at} for action, note, at in actions],
                "headers": headers and [[name, value and value.decode("utf-8", "backslashreplace")] for name, value in headers],
                "would_fail_again": problem,
                "read": decoded,
                "value": None if letter.value is None else letter.value.hex(),
            }
        )
        return
    typer.echo(f"{letter.address}, {letter.status}, received {_time(letter.received_at)}")
    for one in found:
        typer.echo(f"reason   {one.reason}: {_problem(one)}")
    for action, note, at in actions:
        typer.echo(f"{action:<9}{_time(at)}{f': {note}' if note else ''}")
    typer.echo(f"now      {'a processor can read it; `weftline dlq replay` sends it again' if problem is None else problem}")
    typer.echo(f"key      {_text(letter.key)}")
    typer.echo(f"schema   {'none' if letter.schema_id is None else letter.schema_id}")
    if headers is None:
        typer.echo("headers  unknown: Kafka no longer keeps the record, or does not answer")
    for name, value in headers or ():
        typer.echo(f"header   {name}: {_text(value)}")
    for name, content in decoded["fields"].items():
        typer.echo(f"field    {name}: {content!r}"[:400])
    if decoded["stopped_at"] is not None:
        typer.echo(f"         {decoded['stopped_at']} cannot be read; it begins at byte {decoded['byte']:#x}")
    for line in _about_cut(found[0], letter):
        typer.echo(line)
    typer.echo(f"value    {'none' if letter.value is None else f'{len(letter.value):,} bytes'}")
    for line in hex_dump(letter.value or b"", None if full else DUMP_BYTES):
        typer.echo(f"  {line}")


@dlq.command(
    epilog="Examples: `weftline dlq replay inspection.results.v1/3/1042`, `weftline dlq replay --reason not_judged --since 2026-03-01`"
)
def replay(
    record: RecordArgument = None,
    reason: ReasonOption = None,
    topic: TopicOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    everything: AllOption = False,
    kafka: KafkaOption = None,
    clickhouse: ClickHouseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send open dead letters to their topics again, byte for byte, if they can be read now; the others stay open.

    Replaying twice counts nothing twice. Ends with status 1 if some of the chosen would fail again.
    """
    from weftline.contracts.codec import Codec
    from weftline.contracts.registry import open_registry
    from weftline.warehouse.replay import replay as run

    chosen = _selection(record, reason, topic, since, until, everything=everything)
    settings = located(kafka, clickhouse)
    with _opened(settings) as letters:
        done = run(letters, chosen, settings, Codec(open_registry(settings.schema_registry)))
    if as_json:
        print_json({"published": done.published, "left": done.left, "examples": done.examples})
    else:
        typer.echo(f"{done.published:,} records sent again, {done.left:,} left open because they would fail again")
        for address, problem in done.examples:
            typer.echo(f"  {address}: {_short(problem)}")
    sys.exit(1 if done.left else 0)


@dlq.command(epilog="Example: `weftline dlq drop --reason undecodable --until 2026-03-01 --because 'test data of the new line'`")
def drop(
    because: Annotated[str, typer.Option(help="Why; it is kept with the letters.")],
    record: RecordArgument = None,
    reason: ReasonOption = None,
    topic: TopicOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    everything: AllOption = False,
    clickhouse: ClickHouseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Mark open dead letters as done with. Their bytes stay; `weftline dlq list --handled` shows them."""
    from weftline.warehouse.replay import drop as run

    if not because.strip():
        fail("--because must say why", 2)
    chosen = _selection(record, reason, topic, since, until, everything=everything)
    with _opened(located(clickhouse=clickhouse)) as letters:
        dropped = run(letters, chosen, because.strip())
    if as_json:
        print_json({"dropped": dropped})
    else:
        typer.echo(f"{dropped:,} records marked as dropped")


def hex_dump(value: bytes, most: int | None) -> Iterator[str]:
    """Lines of offset, sixteen bytes in hexadecimal, and what is printable of them."""
    shown = value if most is None else value[:most]
    for start in range(0, len(shown), 16):
        line = shown[start : start + 16]
        printable = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in line)
        yield f"{start:06x}  {line[:8].hex(' '):<23}  {line[8:].hex(' '):<23}  {printable}"
    if len(shown) < len(value):
        yield f"and {len(value) - len(shown):,} bytes more (--full)"


@contextmanager
def _opened(settings: Settings) -> Iterator[DeadLetters]:
    from weftline.warehouse.client import reader
    from weftline.warehouse.dead_letters import DeadLetters

    with reader(settings) as server:
        yield DeadLetters(server)


def _selection(
    record: str | None,
    reason: Reason | None,
    topic: str | None,
    since: datetime | None,
    until: datetime | None,
    *,
    open_only: bool = True,
    everything: bool | None = None,
) -> Selection:
    """``everything`` None: no condition is needed."""
    from weftline.warehouse.dead_letters import Address, Selection

    if everything is False and all(given is None for given in (record, reason, topic, since, until)):
        fail("say which: a record, --reason, --topic, --since, --until, or --all", 2)
    return Selection(
        address=None if record is None else Address.parse(record),
        topic=topic,
        reason=None if reason is None else reason.value,
        since=_milliseconds(since),
        until=_milliseconds(until),
        open_only=open_only,
    )


def _decoded(registry: Any, letter: Letter) -> dict[str, Any]:
    """As far as possible: the fields, the first that cannot be read, and where it begins."""
    from weftline.contracts.salvage import salvage

    found = salvage(registry, letter.value)
    return {"fields": {}, "stopped_at": None, "byte": 0} if found is None else found._asdict()


def _about_cut(kept: Letter, shown: Letter) -> Iterator[str]:
    """Of a letter that was cut: why, how large the value was, and whether what is shown now is the whole."""
    if not kept.cut:
        return
    size = "nobody knows how many" if kept.size is None else f"{kept.size:,}"
    yield f"cut      {kept.cut}"
    yield f"         {size} bytes came, the letter keeps {len(kept.value or b''):,}"
    if kept.sha256:
        yield f"         SHA-256 of the first {kept.hashed:,}: {kept.sha256}"
    if shown.value is not kept.value:
        yield f"         the original was fetched from {kept.address}"


def _as_json(letter: Letter) -> dict[str, Any]:
    return {
        "record": str(letter.address),
        "status": letter.status,
        "reason": letter.reason,
        "field": letter.field,
        "detail": letter.detail,
        "note": letter.note,
        "schema_id": letter.schema_id,
        "key": None if letter.key is None else letter.key.decode("utf-8", "backslashreplace"),
        "bytes": None if letter.value is None else len(letter.value),
        "cut": letter.cut,
        "size": letter.size,
        "sha256": letter.sha256,
        "hashed": letter.hashed,
        "received_at": letter.received_at,
    }


def _problem(letter: Letter) -> str:
    return f"{letter.field}: {letter.detail}" if letter.field else letter.detail


def _text(value: bytes | None) -> str:
    return "none" if value is None else repr(value.decode("utf-8", "backslashreplace"))


def _short(text: str) -> str:
    return text if len(text) <= 160 else f"{text[:157]}..."


def _milliseconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.replace(tzinfo=UTC).timestamp() * 1000)


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")

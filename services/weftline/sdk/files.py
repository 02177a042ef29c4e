"""Publish a file: JSON Lines of any kind of event, and EPCIS 2.0 JSON-LD documents. Which of the two is told by the content.

In JSON Lines every line is one event (``{"type": "order", …}``, see :func:`weftline.contracts.mapping.from_json`) or one EPCIS
document or event. A file that is one JSON value over several lines is an EPCIS document, one event, or a list of events. What is
good goes on, what is not is reported with its place. ``source``, ``cooperative_id`` and ``center_id`` may be left out: they
are then the publisher's.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from weftline.contracts.epcis import EpcisDefaults, is_epcis, map_document
from weftline.contracts.kinds import BY_CLASS
from weftline.contracts.mapping import from_json
from weftline.domain.alerts import Alert
from weftline.errors import ContractError, UserError
from weftline.sdk.methods import Defaults
from weftline.sdk.publisher import DeliveryError, Publisher
from weftline.sdk.values import AnyEvent, content_id

MAX_DOCUMENT_BYTES = 64 << 20
"""A document, or a line, is held in memory as a whole."""

KEPT_PROBLEMS = 1_000
"""So many problems stand in a summary; all are counted and given to ``on_problem``."""

PROGRESS_EVERY = 500


class Problem(NamedTuple):
    """What was not published, and why.

    ``line`` counts from 1, ``event`` is the place in an EPCIS document or a list, from 0; ``fault`` is False for an EPCIS event
    that is right but says nothing of ours.
    """

    line: int
    event: int | None
    reason: str
    fault: bool

    def __str__(self) -> str:
        place = f"line {self.line}" if self.event is None else f"line {self.line}, event {self.event}"
        return f"{place}: {self.reason}"


class Progress(NamedTuple):
    """How far a file has come; ``total`` bytes are unknown for standard input."""

    read: int
    total: int | None
    published: int
    problems: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of a file.

    ``published``: events that Kafka acknowledged. ``skipped``: EPCIS events that say nothing of ours. ``bad``: lines and events
    that could not be read or break their contract. ``undelivered``: events that were good and did not arrive.
    """

    published: int
    skipped: int
    bad: int
    undelivered: int
    problems: tuple[Problem, ...]
    delivery: DeliveryError | None

    @property
    def exit_status(self) -> int:
        """0 when everything that is ours is in Kafka, 1 otherwise."""
        return 1 if self.bad or self.undelivered else 0


def publish_file(
    path: Path | str,
    publisher: Publisher,
    *,
    epcis: EpcisDefaults | None = None,
    on_problem: Callable[[Problem], None] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Summary:
    """Publish ``path`` (``-`` is standard input) and wait until all of it has arrived; the publisher stays open.

    ``epcis`` says what EPCIS events leave out. Raises :class:`UserError` when the file cannot be read at all.
    """
    if str(path) == "-":
        return _publish(sys.stdin.buffer, None, publisher, epcis, on_problem, progress)
    try:
        with Path(path).open("rb") as stream:
            return _publish(stream, Path(path).stat().st_size, publisher, epcis, on_problem, progress)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None


def _publish(
    stream: BinaryIO,
    total: int | None,
    publisher: Publisher,
    epcis: EpcisDefaults | None,
    on_problem: Callable[[Problem], None] | None,
    progress: Callable[[Progress], None] | None,
) -> Summary:
    problems: list[Problem] = []
    accepted = skipped = bad = 0
    counted = _Counted(stream)
    for steps, (line, found) in enumerate(_values(counted)):
        for item in _events(line, found, publisher.defaults, epcis):
            if not isinstance(item, Problem):
                try:
                    publisher.publish(item)
                    accepted += 1
                    continue
                except ContractError as error:
                    item = Problem(line, None, str(error), True)
            skipped, bad = (skipped, bad + 1) if item.fault else (skipped + 1, bad)
            if len(problems) < KEPT_PROBLEMS:
                problems.append(item)
            if on_problem:
                on_problem(item)
        if progress and steps % PROGRESS_EVERY == 0:
            progress(Progress(counted.read, total, accepted, skipped + bad))
    delivery = None
    undelivered = 0
    try:
        publisher.flush()
    except DeliveryError as error:
        delivery, undelivered = error, len(error.undelivered) + error.unknown
    if progress:
        progress(Progress(counted.read, total, accepted, skipped + bad))
    return Summary(accepted - undelivered, skipped, bad, undelivered, tuple(problems), delivery)


class _Counted:
    """Lines of a stream, and how many bytes of it were read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.read = 0

    def lines(self) -> Iterator[bytes]:
        """Lines; of one that is too long only the beginning, so that it is too long for the reader too."""
        while line := self._stream.readline(MAX_DOCUMENT_BYTES + 1):
            self.read += len(line)
            yield line
            while len(line) > MAX_DOCUMENT_BYTES and not line.endswith(b"\n"):
                line = self._stream.readline(MAX_DOCUMENT_BYTES + 1)
                self.read += len(line)

    def rest(self, limit: int) -> bytes:
        data = self._stream.read(limit)
        self.read += len(data)
        return data


def _values(source: _Counted) -> Iterator[tuple[int, Any]]:
    """(line, JSON value), where a :class:`ContractError` stands for what is none."""
    lines = source.lines()
    number, first = 1, b""
    for number, first in enumerate(lines, 1):  # noqa: B007 (the first line that is not blank)
        if first.strip(b"\xef\xbb\xbf \t\r\n"):
            break
    first = first.removeprefix(b"\xef\xbb\xbf")
    if first.lstrip().startswith(b"<"):
        raise UserError("this is XML; EPCIS is read as JSON-LD (EPCIS 2.0), which EPCIS repositories and converters can give")
    value = _parse(first)
    if isinstance(value, ContractError) and len(first) <= MAX_DOCUMENT_BYTES:
        # Not JSON by itself: the file may be one document over several lines.
        document = first + source.rest(MAX_DOCUMENT_BYTES - len(first)) + next(lines, b"")
        whole = _parse(document)
        if not isinstance(whole, ContractError):
            yield number, whole
            return
        lines = chain(io.BytesIO(document), lines)
        number -= 1
    elif first.strip():
        yield number, value
    for count, line in enumerate(lines, number + 1):
        if line.strip():
            yield count, _parse(line)


def _parse(text: bytes) -> Any:
    if len(text) > MAX_DOCUMENT_BYTES:
        return ContractError("line", f"is longer than {MAX_DOCUMENT_BYTES >> 20} MB")
    try:
        return json.loads(text.decode(), parse_constant=_no_constant)
    except UnicodeDecodeError:
        return ContractError("line", "is not UTF-8")
    except json.JSONDecodeError as error:
        return ContractError("text", f"is no JSON: {error.msg} (column {error.colno})")
    except (ValueError, RecursionError) as error:
        return ContractError("text", f"is no JSON: {error}")


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _events(line: int, value: Any, defaults: Defaults, epcis: EpcisDefaults | None) -> Iterator[AnyEvent | Problem]:
    """The events in one JSON value, and what is none."""
    if isinstance(value, ContractError):
        yield Problem(line, None, str(value), True)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from (
                found._replace(event=place) if isinstance(found, Problem) else found
                for found in _events(line, item if not isinstance(item, list) else None, defaults, epcis)
            )
    elif is_epcis(value):
        if epcis is None:
            raise UserError("this is EPCIS; say which cooperative, center, factory and source its events belong to")
        try:
            mapped = map_document(value, epcis)
        except ContractError as error:
            yield Problem(line, None, str(error), True)
            return
        yield from mapped.events
        for skipped in mapped.skipped:
            name = f"{skipped.event_id}: " if skipped.event_id else ""
            yield Problem(line, skipped.index, name + skipped.reason, skipped.fault)
    else:
        try:
            yield _own(value, defaults)
        except ContractError as error:
            yield Problem(line, None, str(error), True)


def _own(value: Any, defaults: Defaults) -> AnyEvent:
    """One event of ours; what every event of a publisher says alike may be left out, and so may the identity."""
    if not isinstance(value, dict):
        raise ContractError("text", f"is no JSON object but {type(value).__name__}")
    if value.get("type") == BY_CLASS[Alert].name:
        raise ContractError("type", "alerts are made by the processors and cannot be published")
    common = {name: text for name, text in asdict(defaults).items() if text is not None and name != "time_zone_offset"}
    event = from_json({"event_id": "-", **common, **value})
    assert not isinstance(event, Alert)
    return event if "event_id" in value else replace(event, event_id=content_id(event))

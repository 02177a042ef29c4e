"""Publish a file: JSON Lines of any kind of event, and EPCIS 2.0 JSON-LD documents. Which of the two is told by the content.

In JSON Lines every line is one event (``{"type": "order", …}``, see :func:`weftline.contracts.mapping.from_json`) or one EPCIS
document or event. A file that is one JSON value over several lines is an EPCIS document, one event, or a list of events. It may be
packed by gzip, and be UTF-8, UTF-16 or UTF-32. What is good goes on, what is not is reported with its place. ``source``,
``cooperative_id`` and ``center_id`` may be left out: they are then the publisher's.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeAlias

from weftline.contracts.advice import Advice
from weftline.contracts.epcis import EpcisDefaults, is_epcis, map_document
from weftline.contracts.kinds import AnyEvent
from weftline.contracts.text_reading import DamagedError, Lines, json_value, opened
from weftline.errors import ContractError, UserError
from weftline.sdk.advised import AdvisedPublisher
from weftline.sdk.common import Defaults
from weftline.sdk.delivery import DeliveryError
from weftline.sdk.reading import event_of

MAX_DOCUMENT_BYTES = 64 << 20
"""A document, or a line, is held in memory as a whole."""

KEPT_PROBLEMS = 1_000
"""So many problems stand in a summary; all are counted and given to ``on_problem``."""

PROGRESS_EVERY = 500

READ_BYTES = 1 << 18

CHUNK = 2_000
"""Events of which the tables are asked at once."""

Advise: TypeAlias = Callable[[Sequence[AnyEvent]], Sequence[tuple[Advice, ...]]]


class Problem(NamedTuple):
    """What was not published, and why.

    ``line`` counts from 1, ``event`` is the place in an EPCIS document or a list, from 0; ``fault`` is False for an EPCIS event
    that is right but says nothing of ours.
    """

    line: int
    event: int | None
    reason: str
    fault: bool

    @property
    def place(self) -> str:
        """Where it stands, in words."""
        return f"line {self.line}" if self.event is None else f"line {self.line}, event {self.event}"

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


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
    warned: int = 0
    warnings: tuple[Problem, ...] = ()

    @property
    def exit_status(self) -> int:
        """0 when everything that is ours is in Kafka, 1 otherwise."""
        return 1 if self.bad or self.undelivered else 0


def publish_file(
    path: Path | str,
    publisher: AdvisedPublisher,
    *,
    epcis: EpcisDefaults | None = None,
    on_problem: Callable[[Problem], None] | None = None,
    progress: Callable[[Progress], None] | None = None,
    on_warning: Callable[[Problem], None] | None = None,
    stored: Advise | None = None,
    strict: bool = False,
) -> Summary:
    """Publish ``path`` (``-`` is standard input) and wait until all of it has arrived; the publisher stays open.

    ``epcis`` says what EPCIS events leave out. What is odd about an event that keeps its contract is given to ``on_warning``, or with
    ``strict`` is refused; ``stored`` tells what the tables know of events (:class:`weftline.warehouse.advice.Stored`). Raises
    :class:`UserError` when the file cannot be read at all.
    """
    if str(path) == "-":
        return _Publishing(publisher, epcis, on_problem, progress, on_warning, stored, strict).run(sys.stdin.buffer, None)
    try:
        with Path(path).open("rb") as stream:
            publishing = _Publishing(publisher, epcis, on_problem, progress, on_warning, stored, strict)
            return publishing.run(stream, Path(path).stat().st_size)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None


@dataclass(slots=True)
class _Publishing:
    """One file on its way. Events go on in chunks, so that the tables are asked once for many; but before more is read, which may mean to
    wait for whoever writes it, all that is there is on its way."""

    publisher: AdvisedPublisher
    epcis: EpcisDefaults | None
    on_problem: Callable[[Problem], None] | None
    progress: Callable[[Progress], None] | None
    on_warning: Callable[[Problem], None] | None
    stored: Advise | None
    strict: bool
    accepted: int = 0
    skipped: int = 0
    bad: int = 0
    warned: int = 0
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    chunk: list[tuple[int, AnyEvent]] = field(default_factory=list)

    def run(self, stream: BinaryIO, total: int | None) -> Summary:
        counted = _Counted(stream, self._publish)
        for steps, (line, found) in enumerate(_values(opened(io.BufferedReader(counted, READ_BYTES)))):
            for item in _events(line, found, self.publisher.defaults, self.epcis):
                if isinstance(item, Problem):
                    self._refuse(item)
                else:
                    self.chunk.append((line, item))
            if len(self.chunk) >= CHUNK:
                self._publish()
            if self.progress and steps % PROGRESS_EVERY == 0:
                self.progress(Progress(counted.count, total, self.accepted, self.skipped + self.bad))
        self._publish()
        delivery = None
        undelivered = 0
        try:
            self.publisher.flush()
        except DeliveryError as error:
            delivery, undelivered = error, len(error.undelivered) + error.unknown
        if self.progress:
            self.progress(Progress(counted.count, total, self.accepted, self.skipped + self.bad))
        return Summary(
            self.accepted - undelivered,
            self.skipped,
            self.bad,
            undelivered,
            tuple(self.problems),
            delivery,
            self.warned,
            tuple(self.warnings),
        )

    def _publish(self) -> None:
        chunk, self.chunk = self.chunk, []
        events = [event for _, event in chunk]
        known = self.stored(events) if self.stored and events else [()] * len(chunk)
        with self.publisher.together():
            self._hand_over(chunk, known)

    def _hand_over(self, chunk: Sequence[tuple[int, AnyEvent]], stored: Sequence[tuple[Advice, ...]]) -> None:
        for (line, event), known in zip(chunk, stored, strict=True):
            # An event of the same file is not in the tables yet.
            own = self.publisher.published(event)
            advice = (*self.publisher.advise(event), *(() if own else known))
            if advice:
                said = Problem(line, None, "; ".join(map(str, dict.fromkeys(advice))), self.strict)
                if self.strict:
                    self._refuse(said)
                    continue
                self.warned += 1
                _keep(self.warnings, said, self.on_warning)
            try:
                self.publisher.hand_over(event)
                self.accepted += 1
            except ContractError as error:
                self._refuse(Problem(line, None, str(error), True))

    def _refuse(self, problem: Problem) -> None:
        if problem.fault:
            self.bad += 1
        else:
            self.skipped += 1
        _keep(self.problems, problem, self.on_problem)


def _keep(kept: list[Problem], problem: Problem, tell: Callable[[Problem], None] | None) -> None:
    if len(kept) < KEPT_PROBLEMS:
        kept.append(problem)
    if tell:
        tell(problem)


class _Counted(io.RawIOBase):
    """A stream that tells how many bytes of it were read: those of the file, not those that it unpacks to."""

    def __init__(self, stream: BinaryIO, before_waiting: Callable[[], None]) -> None:
        self._stream = stream
        self._before_waiting = before_waiting
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        self._before_waiting()
        data = self._stream.read1(len(buffer)) if hasattr(self._stream, "read1") else self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self.count += len(data)
        return len(data)


def _lines(stream: Lines) -> Iterator[bytes]:
    """Lines; of one that is too long only the beginning, so that it is too long for the reader too."""
    while line := stream.readline(MAX_DOCUMENT_BYTES + 1):
        yield line
        while len(line) > MAX_DOCUMENT_BYTES and not line.endswith(b"\n"):
            line = stream.readline(MAX_DOCUMENT_BYTES + 1)


def _values(stream: Lines) -> Iterator[tuple[int, Any]]:
    """(line, JSON value), where a :class:`ContractError` stands for what is none."""
    number = 1
    try:
        for number, value in _read(stream):
            yield number, value
    except DamagedError as error:
        yield number + 1, ContractError("file", f"{error}; what stood before was taken")


def _read(stream: Lines) -> Iterator[tuple[int, Any]]:
    lines = _lines(stream)
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
        document = first + stream.read(MAX_DOCUMENT_BYTES - len(first)) + next(lines, b"")
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
        return json_value(text.decode())
    except UnicodeDecodeError:
        return ContractError("line", "is not UTF-8")
    except json.JSONDecodeError as error:
        return ContractError("text", f"is no JSON: {error.msg} (column {error.colno})")
    except (ValueError, RecursionError) as error:
        return ContractError("text", f"is no JSON: {error}")


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
            yield event_of(value, defaults)
        except ContractError as error:
            yield Problem(line, None, str(error), True)

"""What the commands share: options, printing, and how an error ends."""

from __future__ import annotations

import errno
import gc
import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer

from weftline.errors import DependencyDown, UserError, WeftlineError
from weftline.extras import advice, extra_of

if TYPE_CHECKING:
    from weftline.embedded.stack_folder import ClickHouseUser
    from weftline.runtime.settings import Settings

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
KafkaOption = Annotated[
    str | None, typer.Option("--kafka", metavar="HOST:PORT", help="Kafka; else WEFTLINE_KAFKA, else the stack that runs here.")
]
ClickHouseOption = Annotated[
    str | None,
    typer.Option("--clickhouse", metavar="URL", help="ClickHouse; else WEFTLINE_CLICKHOUSE, else the stack that runs here."),
]
DataOption = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Folder of the embedded stack; else WEFTLINE_DATA, else .weftline.")
]


#: Python's own thresholds, and more objects than any command's modules make.
_USUAL: Final = gc.get_threshold()
_LOADED: Final = 400_000


def load_first() -> None:
    """Look for garbage only after a command has loaded what it needs, of which nothing is garbage: 0.45 s of CPU for the publisher's
    modules instead of 0.56. From the first look on it is as usual, for commands that stay."""

    def as_usual(phase: str, _: dict[str, int]) -> None:
        if phase == "stop":
            gc.callbacks.remove(as_usual)
            gc.set_threshold(*_USUAL)

    gc.callbacks.append(as_usual)
    gc.set_threshold(_LOADED)


@contextmanager
def importing() -> Iterator[None]:
    """While a program that stays loads its modules: of the hundreds of thousands of objects that they make none is garbage, and looking
    for it takes a processor 0.27 of 1.36 s of CPU at its start. They are left alone later as well."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(*_USUAL)
        gc.enable()


def fail(message: str, status: int = 1) -> NoReturn:
    """One line on standard error, and the exit status."""
    typer.echo(f"weftline: {message}", err=True)
    sys.exit(status)


def in_one_line(error: BaseException) -> str | None:
    """What a user is told of an error; None for one that is not the user's."""
    if isinstance(error, DependencyDown):
        text = str(error)
        return (
            f"{text}{'' if text.endswith('?') else '.'} `weftline up` starts everything on this machine; WEFTLINE_KAFKA and "
            "WEFTLINE_CLICKHOUSE point elsewhere"
        )
    if isinstance(error, WeftlineError):
        head, *details = str(error).splitlines()
        # Several faults are told at once, each on a line of its own; a single one is one line.
        return f"{head} {details[0].strip()}" if len(details) == 1 else str(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{f'{error.filename}: ' if error.filename else ''}no space is left on the disk; make room, and run it again"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}; check the path and who may write there"
    if isinstance(error, ModuleNotFoundError):
        extra = extra_of(error.name or "")
        return extra and f"this command needs the extra {extra!r}; {advice([extra])}"
    return None


def end_on_signals() -> Callable[[float], None]:
    """SIGTERM and SIGINT end the program with status 0, wherever it is: for programs that hold nothing which must be put away.

    Gives the sleep that such a program shall use: what a signal raises while a destructor runs is lost, and would never be told.
    """
    told = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> NoReturn:
        told.set()
        sys.exit(0)

    def rest(seconds: float) -> None:
        if told.wait(seconds):
            sys.exit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    return rest


def print_json(value: Any) -> None:
    """JSON on standard output."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def milliseconds(option: str, text: str) -> int:
    """A time as an option has it, in ms since the epoch."""
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UserError(f"{option} wants a time with an offset, such as 2026-05-06T08:00:00+08:00, or milliseconds, got {text!r}")
    return int(moment.timestamp() * 1000)


def moment_of(option: str, text: str, utc_offset: str) -> int:
    """A time (ms), or of a date its last moment on the clock of that offset: as of a day is as of its end."""
    try:
        day = date.fromisoformat(text) if len(text) == len("2026-05-06") else None
    except ValueError:
        day = None
    if day is None:
        return milliseconds(option, text)
    return int(datetime.fromisoformat(f"{day + timedelta(days=1)}T00:00:00{utc_offset}").timestamp() * 1000) - 1


def read_text(file: str) -> str:
    """The text of a file, or of standard input for ``-``; UTF-8, UTF-16 or UTF-32, packed by gzip or not."""
    from weftline.contracts.text_reading import decoded

    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    return decoded(data, file)


def located(
    kafka: str | None = None,
    clickhouse: str | None = None,
    data: Path | None = None,
    *,
    user: ClickHouseUser = "weftline",
    kafka_user: str = "operator",
) -> Settings:
    """Settings. Addresses that neither the command nor the environment gives are those of the stack that runs on this machine.

    Its ClickHouse asks for a password, which stands in its folder: as ``user``, unless somebody has named another user or password. So does
    its Kafka where it was started with --secure: as ``kafka_user``.
    """
    from weftline.embedded.stack_folder import find_running
    from weftline.runtime.degraded import DEMO
    from weftline.runtime.settings import load

    given: dict[str, object] = {
        name: value for name, value in (("kafka", kafka), ("clickhouse", clickhouse), ("data", data)) if value is not None
    }
    settings = load(**given)
    missing = {"kafka", "clickhouse"} - settings.model_fields_set
    for running in filter(None, (find_running(settings.data), find_running(settings.data / DEMO))):
        found = {name: getattr(running, name) for name in missing}
        at = found.get("clickhouse", settings.clickhouse)
        if at.rstrip("/") == running.clickhouse and not {"clickhouse_username", "clickhouse_password"} & settings.model_fields_set:
            found |= running.credentials(user)
        trusted = running.trusted()
        if "clickhouse_ca" in trusted and at.rstrip("/") == running.clickhouse:
            found.setdefault("clickhouse_ca", settings.clickhouse_ca or trusted["clickhouse_ca"])
        if "kafka_ca" in trusted and found.get("kafka", settings.kafka) == running.kafka:
            found["kafka_ca"] = settings.kafka_ca or trusted["kafka_ca"]
            if "kafka_password" not in settings.model_fields_set:
                found |= running.kafka_credentials(settings.kafka_username or kafka_user)
        if found:
            return load(**given, **found)
    return settings

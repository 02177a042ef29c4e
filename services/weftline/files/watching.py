"""A folder into which files are dropped: one that rests is published, and moved to ``done`` or ``failed`` with a report beside it.

A file is first published, which may be repeated without harm (a ledger or the events' own identities see to that), then its report is
written, then it is moved. Whoever is killed in between does the same again at the next start. What is not the file's fault, as a Kafka
that is away, leaves the file where it is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from weftline.errors import DependencyDown, KafkaRefuses, UserError, WeftlineError
from weftline.files.ledger import LedgerBusy
from weftline.files.reading import Unreadable

DONE, FAILED, REPORT = "done", "failed", ".report.txt"
#: A file that did not change for so long is taken to be there. By our own clock: a network share has another.
REST_SECONDS: Final = 5.0
#: One that cannot be read, or is empty, may be a copy that stands still: it is given so long.
PATIENCE_SECONDS: Final = 60.0
#: What is not the file's fault is tried again after so long, and then after twice as long each time, up to:
AGAIN_SECONDS, LONGEST_SECONDS = 5.0, 300.0
#: What programs call a file that they are not through with.
_UNFINISHED: Final = re.compile(r"^(\.|~\$)|\.(part|partial|tmp|temp|crdownload|filepart|!ut)$", re.IGNORECASE)


class Later(WeftlineError):
    """It could not be published now, which is not the file's fault."""


class Published(NamedTuple):
    """What became of a file. ``right``: all of it was published; ``lines`` say what happened. ``sent`` is False for a dry run."""

    right: bool
    lines: tuple[str, ...]
    sent: bool = True


class State(NamedTuple):
    """What changes when somebody writes into a file."""

    size: int
    modified: int


#: Publishes a file. :class:`Unreadable` for what may not be there yet, one of :data:`NOT_ITS_FAULT`, or another :class:`UserError` for
#: a file that is wrong.
Publish: TypeAlias = Callable[[Path], Published]
#: OSError: somebody took the file away meanwhile, has it open on a share, or the disk is full.
NOT_ITS_FAULT: Final = (DependencyDown, KafkaRefuses, LedgerBusy, Later, OSError)


class Resting:
    """For how long files have not changed."""

    def __init__(self) -> None:
        self._since: dict[str, tuple[State, float]] = {}

    def look(self, found: Mapping[str, State], now: float) -> dict[str, float]:
        """Seconds since each of the files was last seen to change. ``now``: seconds of a monotonic clock."""
        before = self._since
        self._since = {
            name: before[name] if name in before and before[name][0] == state else (state, now) for name, state in found.items()
        }
        return {name: now - since for name, (_, since) in self._since.items()}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long what is waited for, in seconds."""

    rest: float = REST_SECONDS
    unreadable: float = PATIENCE_SECONDS


class Folder:
    """A watched folder; :meth:`look` again and again. ``say`` is told what becomes of each file."""

    def __init__(self, path: Path, publish: Publish, say: Callable[[str], None], patience: Patience = Patience()) -> None:
        self._path, self._publish, self._say, self._patience = path, publish, say, patience
        self._resting = Resting()
        self._tries: dict[str, tuple[int, float]] = {}  # how often it was put off, and until when
        self.failed = 0
        for name in (DONE, FAILED):
            (path / name).mkdir(exist_ok=True)

    def look(self, now: float) -> int:
        """Publish what rests, the oldest first. How many files are still waited for. ``now``: seconds of a monotonic clock."""
        found = self._found()
        rested = self._resting.look(found, now)
        self._tries = {name: tries for name, tries in self._tries.items() if name in found}
        left = len(found)
        for name in sorted(found, key=lambda name: (found[name].modified, name)):
            enough = self._patience.rest if found[name].size else self._patience.unreadable
            if rested[name] >= enough and self._tries.get(name, (0, now))[1] <= now:
                try:
                    left -= self._take(name, found[name], rested[name])
                except NOT_ITS_FAULT as error:
                    self._put_off(name, error, now)
        return left

    def _found(self) -> dict[str, State]:
        found = {}
        with os.scandir(self._path) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # taken away since
                    if not _UNFINISHED.search(entry.name) and entry.is_file(follow_symlinks=False):
                        status = entry.stat()
                        found[entry.name] = State(status.st_size, status.st_mtime_ns)
        return found

    def _put_off(self, name: str, error: BaseException, now: float) -> None:
        tries = self._tries.get(name, (0, now))[0]
        seconds = min(AGAIN_SECONDS * 2**tries, LONGEST_SECONDS)
        self._tries[name] = tries + 1, now + seconds
        self._say(f"{name}: not now: {error}; tried again in {seconds:.0f} s")

    def _take(self, name: str, state: State, rested: float) -> bool:
        """Publish one and move it; whether it is dealt with."""
        path = self._path / name
        try:
            published = self._publish(path)
        except NOT_ITS_FAULT:
            raise
        except Unreadable as error:
            if rested < self._patience.unreadable:
                return False
            published = Published(False, tuple(str(error).splitlines()))
        except UserError as error:
            published = Published(False, tuple(str(error).splitlines()))
        status = path.stat()
        if State(status.st_size, status.st_mtime_ns) != state:
            self._say(f"{name}: was changed while it was published; it is published again when it rests")
            return False
        target = _free(self._path / (DONE if published.right else FAILED) / name)
        _write(target.with_name(target.name + REPORT), report(name, published, datetime.now().astimezone()))
        path.rename(target)
        self.failed += not published.right
        self._say(f"{name}: {published.lines[0] if published.lines else ''} -> {target.parent.name}/{target.name}")
        return True


def report(name: str, published: Published, when: datetime) -> str:
    """What a clerk finds beside a file."""
    said = (
        "试运行：什么也没有发布。 A dry run: nothing was published."
        if not published.sent
        else "已全部发布。 All of it was published."
        if published.right
        else "未全部发布：请按下列说明修改后重新放入文件夹；已发布的内容不会重复。\n"
        "Not all of it was published: mend what is named below, and drop the file in again; nothing is published twice."
    )
    return "\n".join([f"{name}  {when:%Y-%m-%d %H:%M:%S %z}", "", said, "", *published.lines, ""])


def _free(wanted: Path) -> Path:
    """A name that no file has yet: of two files of one name none is lost. A report that lies there alone was left by a kill."""
    found, number = wanted, 1
    while found.exists():
        number += 1
        found = wanted.with_name(f"{wanted.stem} ({number}){wanted.suffix}")
    return found


def _write(path: Path, text: str) -> None:
    """All of it or nothing."""
    beside = path.with_name(f".{path.name}.tmp")
    # With a mark, for Windows' Notepad on a share takes it for another encoding without.
    beside.write_text(text, "utf-8-sig")
    beside.replace(path)

"""Numbered SQL files, ``schemas/clickhouse/NNNN_name.sql``, each run once, in order, and noted in the table ``schema_migrations``.

**One text for a single node and for a cluster.** Outside of strings and comments, ``{engine:ReplacingMergeTree(rev)}`` becomes the
engine or its replicated form, and ``{on_cluster}`` nothing or ``ON CLUSTER …``. Every other brace stays as it is.

**Two at once, and a crash in the middle.** ClickHouse has no transaction around DDL, and no lock that a single node has too. So a
file is written down after its last statement, whoever comes before that runs it again, and every statement must bear that: CREATE
without IF NOT EXISTS or OR REPLACE, DROP without IF EXISTS and the like are refused before anything is run. Two migrators then do
the same things twice. If their files differ, both checksums are kept and the next run refuses.

**Lost tables.** A table or view that a file makes and that is not there although the file was run was lost. Then all files are run
again, in their order: what is there stays, what is missing is made.

**Changed files.** A file that was run is history: if its checksum is another (line ends do not count), nothing is run.

Looked at first: the package clickhouse-migrations 0.16. It does run on the embedded engine through clickhouse-connect, splits
statements and refuses changed files. Left out because its variables take no argument, so that an engine needs three of them and
differs with and without arguments; because it depends on a second ClickHouse driver, pytz and tzlocal, imported though not used
(7 MB, 0.2 s at every start of the CLI); and because it names neither file nor statement when something fails.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import stamina

from weftline.contracts.paths import schemas_root
from weftline.errors import DependencyDown, UserError
from weftline.runtime.settings import Settings
from weftline.warehouse.client import ATTEMPTS, Reader, label_of, reader
from weftline.warehouse.faults import NotReady, WarehouseError
from weftline.warehouse.sql import SqlError, identifier, pieces, split_statements

# ON CLUSTER waits for all hosts, by ClickHouse's default for 180 s (distributed_ddl_task_timeout).
SECONDS = 200.0
# By name and not by {uuid}: a replica that joins later and migrates then finds the others' tables.
REPLICA = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"

_FILE = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_ENGINE = re.compile(r"\{\s*engine\s*:\s*(\w+)\s*(?:\((.*)\))?\s*\}", re.DOTALL)
_BOOKKEEPING = """
CREATE TABLE IF NOT EXISTS schema_migrations {on_cluster}
(
    name       String COMMENT 'file that was run',
    checksum   String COMMENT 'SHA-256 of its text',
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when it was run'
)
ENGINE = {engine:ReplacingMergeTree()}
ORDER BY (name, checksum)
COMMENT 'Files of schemas/clickhouse that were run on this database.'
"""
# The name of what a statement makes or drops. A statement may begin with comments.
_COMMENTS = r"(?:\s|--[^\n]*\n|/\*.*?\*/)*"
_MADE = re.compile(
    _COMMENTS + r"CREATE\s+(?:OR\s+REPLACE\s+)?(?:MATERIALIZED\s+)?(?:TABLE|VIEW)\s+(?:IF\s+NOT\s+EXISTS\s+)?`?(\w+)", re.I | re.S
)
_DROPPED = re.compile(_COMMENTS + r"DROP\s+(?:TABLE|VIEW)\s+IF\s+EXISTS\s+`?(\w+)", re.I | re.S)
# Statements that fail or act twice when they are run a second time, and what makes them bear it.
_ONCE_ONLY = (
    (re.compile(r"CREATE\b(?!.*?\b(IF\s+NOT\s+EXISTS|OR\s+REPLACE)\b)", re.I | re.S), "IF NOT EXISTS or OR REPLACE"),
    (re.compile(r"(DROP|DETACH|TRUNCATE)\b(?!.*?\bIF\s+EXISTS\b)", re.I | re.S), "IF EXISTS"),
    (re.compile(r"ALTER\b.*?\bADD\s+(COLUMN|INDEX|CONSTRAINT|PROJECTION)\s+(?!IF\s+NOT\s+EXISTS\b)", re.I | re.S), "IF NOT EXISTS"),
    (re.compile(r"ALTER\b.*?\b(DROP|RENAME|CLEAR)\s+(COLUMN|INDEX)\s+(?!IF\s+EXISTS\b)", re.I | re.S), "IF EXISTS"),
    (re.compile(r"(RENAME|EXCHANGE|INSERT|ATTACH|ALTER\b.*?\b(UPDATE|DELETE))\b", re.I | re.S), "a statement that may run twice"),
)


class Migration(NamedTuple):
    """One file: its name, its text and the checksum of that."""

    name: str
    text: str
    checksum: str


def load(folder: Path) -> list[Migration]:
    """The files of a folder in order. Raises :class:`UserError` for a name without number and a number twice."""
    found: dict[str, Migration] = {}
    for path in sorted(folder.glob("*.sql")):
        match = _FILE.fullmatch(path.name)
        if match is None:
            raise UserError(f"{path}: name it NNNN_name.sql, four digits, then lower case letters, digits and _")
        if match[1] in found:
            raise UserError(f"{path}: number {match[1]} is taken by {found[match[1]].name}; take the next one")
        text = path.read_text("utf-8")
        found[match[1]] = Migration(path.name, text, hashlib.sha256(text.encode()).hexdigest())
    return list(found.values())


def statements(migration: Migration, cluster: str | None) -> list[str]:
    """What a file says on a single node (``cluster`` None) or a cluster. Raises :class:`UserError` if it may not be run twice."""
    try:
        rendered = split_statements(render(migration.text, cluster))
        for statement in rendered:
            _check_repeatable(statement)
    except SqlError as error:
        raise UserError(f"{migration.name}: {error}") from None
    return rendered


def render(text: str, cluster: str | None) -> str:
    """The text with its templates filled in."""
    parts: list[str] = []
    at = 0
    for piece in pieces(text):
        if piece.kind != "brace":
            continue
        template = text[piece.start : piece.stop]
        engine = _ENGINE.fullmatch(template)
        if engine is not None:
            new = _engine(engine[1], engine[2] or "", cluster is not None)
        elif re.fullmatch(r"\{\s*on_cluster\s*\}", template):
            new = "" if cluster is None else f"ON CLUSTER {identifier(cluster)}"
        else:
            continue
        parts += text[at : piece.start], new
        at = piece.stop
    return "".join(parts) + text[at:]


def _engine(name: str, arguments: str, replicated: bool) -> str:
    own = arguments.strip()
    if not replicated:
        return f"{name}({own})"
    return f"Replicated{name}({REPLICA}{', ' if own else ''}{own})"


def _check_repeatable(statement: str) -> None:
    """What stands in strings, names and comments is not looked at."""
    parts: list[str] = []
    at = 0
    for piece in pieces(statement):
        parts += statement[at : piece.start], " x " if piece.kind == "quoted" else " "
        at = piece.stop
    code = " ".join(("".join(parts) + statement[at:]).split())
    for pattern, need in _ONCE_ONLY:
        if pattern.match(code):
            raise SqlError(f"a migration may be run twice, so {code[:60]!r}… needs {need}")


def migrate(settings: Settings, folder: Path | None = None) -> list[str]:
    """Bring the database to the state of the files, making it first if need be; returns the names of the files that were run.

    Raises :class:`UserError` for files that cannot be run (and then has run none), :class:`WarehouseError` with file and statement
    for what ClickHouse refuses, :class:`~weftline.errors.DependencyDown` if it does not answer.
    """
    files = load(folder or schemas_root() / "clickhouse")
    cluster = settings.clickhouse_cluster
    scripts = {file.name: statements(file, cluster) for file in files}
    with reader(settings, database="system", seconds=SECONDS) as server:
        server.command(render(f"CREATE DATABASE IF NOT EXISTS {identifier(settings.clickhouse_database)} {{on_cluster}}", cluster))
    with reader(settings, seconds=SECONDS) as server:
        server.command(render(_BOOKKEEPING, cluster))
        applied = _applied(server)
        todo = to_run(files, applied)
        if lost(scripts, applied, {name for (name,) in server.rows("SHOW TABLES")}):
            todo = files
        for file in todo:
            for number, statement in enumerate(scripts[file.name], 1):
                _run(server, statement, f"{file.name}, statement {number}")
            # Not VALUES, which would be an asynchronous insert by default.
            server.command(
                "INSERT INTO schema_migrations (name, checksum) SELECT {name:String}, {checksum:String}",
                {"name": file.name, "checksum": file.checksum},
            )
    return [file.name for file in todo]


def _run(server: Reader, statement: str, where: str) -> None:
    """Run one statement; again, if what stands in its way may be another migrator, for each may be run twice.

    While that one makes a view anew, the former view is "dropped or detached" to us, or, if it came from behind, lacks a column.
    """
    try:
        for attempt in stamina.retry_context(
            on=DependencyDown, attempts=ATTEMPTS, timeout=SECONDS, wait_initial=0.05, wait_max=1.0
        ):
            with attempt:
                server.command(statement)
    except WarehouseError as error:
        raise WarehouseError(f"{where}: {error.statement}", error.problem, error.code) from error
    except NotReady as error:
        # Elsewhere a missing column means that migrations wait to be run; here the statement itself is wrong.
        raise WarehouseError(f"{where}: {label_of(statement)}", error.problem, error.code) from error


def pending(settings: Settings, folder: Path | None = None) -> list[str]:
    """The files that :func:`migrate` would run. Raises :class:`UserError` as it does, and if the database does not exist."""
    files = load(folder or schemas_root() / "clickhouse")
    with reader(settings) as server:
        if server.rows("EXISTS TABLE schema_migrations") != [(1,)]:
            return [file.name for file in files]
        applied = _applied(server)
        scripts = {file.name: statements(file, settings.clickhouse_cluster) for file in files}
        if lost(scripts, applied, {name for (name,) in server.rows("SHOW TABLES")}):
            return [file.name for file in files]
        return [file.name for file in to_run(files, applied)]


def lost(scripts: Mapping[str, Sequence[str]], applied: Mapping[str, set[str]], there: set[str]) -> list[str]:
    """Tables and views that the files already run have made, and no later one has dropped, and that are not there."""
    made: dict[str, None] = {}
    for name in sorted(applied.keys() & scripts.keys()):
        for statement in scripts[name]:
            if match := _MADE.match(statement):
                made[match[1]] = None
            elif match := _DROPPED.match(statement):
                made.pop(match[1], None)
    return [name for name in made if name not in there]


def refuse_newer(applied: Iterable[str], folder: Path | None = None) -> None:
    """Raise :class:`UserError` for tables (by the files that were run on them) that a newer Weftline has made."""
    _refuse_unknown(applied, load(folder or schemas_root() / "clickhouse"))


def _refuse_unknown(applied: Iterable[str], files: Sequence[Migration]) -> None:
    if unknown := sorted(set(applied) - {file.name for file in files}):
        raise UserError(f"the database was migrated with {', '.join(unknown)}, which this Weftline does not have; use a newer one")


def _applied(server: Reader) -> dict[str, set[str]]:
    applied: dict[str, set[str]] = {}
    for name, checksum in server.rows("SELECT DISTINCT name, checksum FROM schema_migrations"):
        applied.setdefault(name, set()).add(checksum)
    return applied


def to_run(files: Sequence[Migration], applied: Mapping[str, set[str]]) -> list[Migration]:
    """The files that are not ``applied`` (checksums by name), or :class:`UserError` if they do not continue what was run."""
    _refuse_unknown(applied, files)
    for file in files:
        if applied.get(file.name, {file.checksum}) != {file.checksum}:
            raise UserError(f"{file.name} was run with another text; leave it as it was and put the change into a new file")
    last = max(applied, default="")
    todo = [file for file in files if file.name not in applied]
    if todo and todo[0].name < last:
        raise UserError(f"{todo[0].name} was never run, but {last} was; give it a number above that")
    return todo

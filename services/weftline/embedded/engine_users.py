"""Who may do what in the embedded ClickHouse: three users, three roles, the engine's own grants.

chDB has one user, ``default``, but it reads ``users.xml`` and knows roles. So that user has no right of its own, only roles, and every
session of a reader begins with ``SET ROLE reader``, one of the board, which asks operators for their tokens, with ``SET ROLE board``. What
a statement touches is then decided by the engine when it runs, view by view and table by table; what the engine does not check
(functions that read files, tables of ``system``, where a result goes) is decided by :mod:`.engine_admission` on the engine's own parse.

No role may use a source outside of the tables: files, addresses, other servers, programs.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from weftline.embedded.passwords import Passwords

Role = Literal["owner", "board", "reader"]

#: What is between partners and the gateway: who they are, hashes of their tokens, what they asked for. No reader reads it.
PARTNERS_OWN: Final = (
    *("partners", "partner_tokens", "partner_uses", "partner_log", "partner_mappings"),
    *("partner_webhooks", "partner_deliveries"),
)

#: A reader may take so many cores: one of four, at least one. Processors and merges have the rest.
READER_THREADS: Final = max(1, (os.cpu_count() or 1) // 4)

#: What bounds a statement of a reader; the same figures as the profile ``boards`` of deploy/clickhouse/users.d.
READER_LIMITS: Final[Mapping[str, int]] = {
    "max_execution_time": 30,
    "max_memory_usage": 1_000_000_000,
    "max_result_rows": 1_000_000,
    "max_rows_to_read": 1_000_000_000,
    "max_threads": READER_THREADS,
    "priority": 10,
}
#: Limits that a reader may choose himself, up to so much.
READER_CHOICES: Final[Mapping[str, int]] = {"max_execution_time": 60, "max_result_rows": 1_000_000, "max_result_bytes": 64 << 20}

#: Settings of the engine by which a statement could reach files, addresses or another language; fixed for everybody.
FIXED: Final = (
    *("format_template_resultset", "format_template_row", "format_schema", "format_schema_source"),
    *("input_format_record_errors_file_path", "rename_files_after_processing"),
    *("dialect", "allow_experimental_prql_dialect", "allow_experimental_kusto_dialect"),
    *("allow_experimental_eval_table_function", "allow_experimental_polyglot_dialect", "polyglot_dialect"),
    *("implicit_table_at_top_level", "url_base", "s3_base"),
    *("merge_tree_disk", "merge_tree_storage_policy"),
)

_OWNER = (
    "CHECK, SHOW, SELECT, INSERT, ALTER TABLE, ALTER VIEW, ALTER DATABASE, CREATE DATABASE, CREATE TABLE, CREATE VIEW, "
    "CREATE TEMPORARY TABLE, DROP DATABASE, DROP TABLE, DROP VIEW, UNDROP TABLE, TRUNCATE, OPTIMIZE, KILL QUERY, SYSTEM FLUSH, "
    "SYSTEM MERGES ON *.*"
)
_READ = "SELECT, SHOW DATABASES, SHOW TABLES, SHOW COLUMNS ON {database}.*"


@dataclass(frozen=True, slots=True)
class User:
    """``trusted``: one of our own programs, whose statements are checked only where they look like more than they should be.

    ``at_once``: statements that run at one time; ``waiting``: how many more may stand in line before one is refused.
    """

    name: str
    role: Role
    trusted: bool
    at_once: int
    waiting: int
    password: str = field(repr=False)


def users_of(passwords: Passwords) -> Mapping[str, User]:
    """All users by the names that they may give. ``default`` is what clients say who were told no name."""
    # The board asks three things at one time. Each statement may itself use all cores; more of them at once only share the same
    # cores and multiply memory.
    weftline = User("weftline", "owner", True, 6, 1000, passwords.weftline)
    board = User("board", "board", True, 3, 1000, passwords.board)
    reader = User("reader", "reader", False, 3, 12, passwords.reader)
    # `watch` is who measures and audits in production; here that is one of our programs like the others.
    return {"weftline": weftline, "watch": weftline, "default": weftline, "board": board, "reader": reader}


def authenticated(users: Mapping[str, User], name: str, password: str) -> User | None:
    """The user of this name and password. An unknown name takes as long as a wrong password."""
    user = users.get(name)
    expected = user.password if user is not None else next(iter(users.values())).password[::-1]
    right = hmac.compare_digest(password.encode("utf-8", "surrogateescape"), expected.encode())
    return user if right and user is not None else None


def users_file(database: str) -> str:
    """``users.xml``; readers see ``database`` (a plain identifier)."""
    read = f"<query>GRANT {_READ.format(database=database)}</query>"
    kept = "".join(f"<query>REVOKE SELECT, SHOW TABLES, SHOW COLUMNS ON {database}.{table}</query>" for table in PARTNERS_OWN)
    fixed = "".join(f"<{name}><const/></{name}>" for name in FIXED)
    return (
        "<clickhouse><roles>"
        f"<owner><grants><query>GRANT {_OWNER}</query></grants></owner>"
        f"<board><grants>{read}</grants></board><reader><grants>{read}{kept}</grants></reader>"
        "</roles><users><default><password></password><networks><ip>::/0</ip></networks>"
        "<profile>default</profile><quota>default</quota>"
        "<grants><query>GRANT owner</query><query>GRANT board</query><query>GRANT reader</query></grants></default></users>"
        f"<profiles><default><constraints>{fixed}</constraints></default></profiles><quotas><default/></quotas></clickhouse>\n"
    )


def reader_settings(given: Mapping[str, str], memory: int) -> tuple[dict[str, str], list[str]]:
    """The settings of a reader's statement, made of those that he gave, and the names of those that he may not give.

    ``memory``: bytes that one statement may take, where that is less than the usual limit.
    """
    settings = {name: str(value) for name, value in READER_LIMITS.items()}
    settings["max_memory_usage"] = str(min(READER_LIMITS["max_memory_usage"], memory))
    settings["max_result_bytes"] = str(READER_CHOICES["max_result_bytes"])
    refused = []
    for name, value in given.items():
        if name in READER_CHOICES:
            if value.isdigit():
                settings[name] = str(min(int(value) or READER_CHOICES[name], READER_CHOICES[name]))
            else:
                refused.append(name)
        elif name in _IGNORED:
            continue
        elif name in _HARMLESS or (name.startswith(("output_format_", "format_csv_", "format_tsv_")) and name not in _FILES):
            settings[name] = value
        else:
            refused.append(name)
    return settings, refused


#: What clients send without being asked, and what would have no effect: a reader's limits are as they are.
_IGNORED = frozenset(
    (
        *("readonly", "max_threads", "max_query_size", "max_block_size", "log_comment", "priority", "insert_deduplicate"),
        *("cancel_http_readonly_queries_on_client_close", "http_write_exception_in_output_format", "async_insert"),
        *("wait_for_async_insert", "insert_quorum", "date_time_input_format"),
    )
)
#: What only changes how an answer looks or how NULLs and joins are taken.
_HARMLESS = frozenset(
    (
        *("date_time_output_format", "session_timezone", "extremes", "final", "limit", "offset", "join_use_nulls"),
        *("transform_null_in", "group_by_use_nulls", "aggregate_functions_null_for_empty", "prefer_column_name_to_alias"),
        *("bool_true_representation", "bool_false_representation", "result_overflow_mode", "use_client_time_zone"),
        *("show_table_uuid_in_table_create_query_if_not_nil", "count_distinct_implementation", "interval_output_format"),
    )
)
_FILES = frozenset({"output_format_schema"})

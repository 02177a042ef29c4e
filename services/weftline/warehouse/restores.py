"""Which backups were restored into these tables, as the table ``restores`` has it."""

from __future__ import annotations

from weftline.warehouse.client import Reader


def unfinished(server: Reader) -> list[str]:
    """Backups (ids) whose restore has begun and has not ended; none in a database that is not migrated yet."""
    if server.rows("EXISTS TABLE restores") != [(1,)]:
        return []
    return [
        id_ for (id_,) in server.rows("SELECT backup FROM restores GROUP BY backup HAVING argMax(ended, at) = 0 ORDER BY backup")
    ]

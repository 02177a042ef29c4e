"""What became of a table, in words and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from weftline.files.publishing import Outcome


def summary(outcome: Outcome) -> str:
    """In one line: what was sent, and what was not and why."""
    left = outcome.left_out
    found = [
        (outcome.resent, "sent again that the last run left unconfirmed"),
        (outcome.edited, "edited: the old event declared erroneous, a new one sent"),
        (outcome.unchanged, "published before and unchanged"),
        (outcome.repeated, "repeated rows"),
        (len(outcome.faults.rows), "rows at fault left out"),
        (left.totals, "rows of totals left out"),
        (left.headers, "repeated headers left out"),
        (outcome.undelivered, f"not delivered ({outcome.delivery}); publish again"),
        (outcome.warned, "with warnings (--strict refuses such)"),
    ]
    verb = "new" if outcome.sent else "new would be sent"
    return ", ".join([f"{outcome.new:,} {verb}", *(f"{count:,} {what}" for count, what in found if count)])


def beside(outcome: Outcome) -> Iterator[str]:
    """What somebody should look at besides: rows left out, hidden ones, columns that nothing uses."""
    if outcome.faults.count:
        yield from str(outcome.faults.told(outcome.name, "these rows are left out:")).splitlines()
    for note in outcome.notes:
        yield f"note: {note}"
    if outcome.unverified:
        yield (
            f"note: {outcome.unverified:,} of {outcome.reports:,} reports are not verified (no verified_at): "
            "they judge nobody and raise no alert until they are"
        )
    if outcome.unused:
        yield f"note: the mapping does not use {', '.join(outcome.unused)}"


def as_json(outcome: Outcome) -> dict[str, Any]:
    """For programs."""
    return {
        "sent": outcome.sent,
        "new": outcome.new,
        "edited": outcome.edited,
        "unchanged": outcome.unchanged,
        "repeated": outcome.repeated,
        "resent": outcome.resent,
        "faulty_rows": len(outcome.faults.rows),
        "faults": [{"cell": str(fault.place), "header": fault.header, "problem": fault.problem} for fault in outcome.faults.kept],
        "left_out": {"blank": outcome.left_out.blank, "totals": outcome.left_out.totals, "headers": outcome.left_out.headers},
        "undelivered": outcome.undelivered,
        "delivery": outcome.delivery and str(outcome.delivery),
        "warned": outcome.warned,
        "warnings": [warned._asdict() for warned in outcome.warnings],
        "reports": outcome.reports,
        "unverified_reports": outcome.unverified,
        "notes": outcome.notes,
        "unused_columns": outcome.unused,
    }

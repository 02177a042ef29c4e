"""The tables held against the simulator's answer file, which nobody computed from the events.

Each part of it is one :class:`Comparison`: the same keys with the same values, or what differs. The tables are read through the
readers' views wherever there is one, so that the views are compared with the truth too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

from weftline.domain.alert_rules import Rests, resting_on
from weftline.warehouse.client import Reader
from weftline.warehouse.status import RECORDS, TOPICS

Values: TypeAlias = Mapping[tuple[Any, ...], tuple[Any, ...]]

#: So many differences of a comparison are spelled out.
SHOWN = 3


class Comparison(NamedTuple):
    """``what`` was compared, of how many keys, how many differ, and some of the differences in words."""

    what: str
    keys: int
    differing: int
    shown: tuple[str, ...]


def _compare(what: str, columns: str, table: Values, answers: Values) -> Comparison:
    """``columns`` names the values, for the words."""
    keys = sorted({*table, *answers}, key=str)
    wrong = [key for key in keys if table.get(key) != answers.get(key)]
    words = tuple(
        f"{' '.join(map(str, key))} ({columns}): tables {_said(table.get(key))}, published {_said(answers.get(key))}"
        for key in wrong[:SHOWN]
    )
    return Comparison(what, len(keys), len(wrong), words)


def _said(values: tuple[Any, ...] | None) -> str:
    return "nothing" if values is None else ", ".join(map(str, values))


def compare(server: Reader, answers: Mapping[str, Any]) -> list[Comparison]:
    """All that can be compared. Deadlines that passed after the end of the simulated span are left out: the answers end there."""
    published, truth = answers["published"], answers["truth"]
    return [
        _compare(
            "records stored, by kind",
            "distinct, identities, identity conflicts, dead letters",
            _stored(server),
            {
                (kind,): (said["records"], said["identities"], said["identity_conflicts"], said["corrupt"])
                for kind, said in published.items()
            },
        ),
        _compare(
            "orders per center and day",
            "requested, confirmed, dispatched, approved",
            _table(
                server,
                "SELECT center_id, toUnixTimestamp(day) * 1000, requested, confirmed, dispatched, approved FROM throughput_per_day "
                "WHERE requested OR confirmed OR dispatched OR approved",
                2,
            ),
            {
                (of["center_id"], of["day"]): (of["requested"], of["confirmed"], of["dispatched"], of["approved"])
                for of in truth["centers"]
            },
        ),
        _compare(
            "work in progress per center",
            "orders",
            _table(server, "SELECT center_id, orders FROM work_in_progress WHERE orders != 0", 1),
            {(center,): (orders,) for center, orders in truth["work_in_progress"].items()},
        ),
        _compare("orders and their rounds", "status, on hold, rounds", _orders(server), _expected_orders(truth)),
        _compare(
            "verified reports",
            "passed, failed, incomplete",
            _table(
                server,
                "SELECT 'all', sum(reports_passed), sum(reports_failed), sum(reports_incomplete) FROM tests_per_day",
                1,
            ),
            {("all",): tuple(truth["reports"].get(verdict, 0) for verdict in ("pass", "fail", "incomplete"))},
        ),
        _compare(
            "quality per factory, product category and indicator",
            "tested, passed, failed, incomplete, not detected",
            _table(
                server,
                "SELECT factory_id, product_category, indicator, tested, passed, failed, incomplete, not_detected FROM quality "
                "WHERE tested != 0 OR incomplete != 0",
                3,
            ),
            {
                (of["factory_id"], of["product_category"], of["indicator"]): (
                    *(of["tested"], of["passed"], of["failed"], of["incomplete"], of["not_detected"]),
                )
                for of in truth["quality"]
            },
        ),
        _compare(
            "lots per factory, product category and class",
            "accepted, not accepted",
            _table(
                server,
                "SELECT factory_id, product_category, class, countIf(accepted != 'no'), countIf(accepted = 'no') "
                "FROM inspection_facts FINAL ARRAY JOIN class_name AS class, class_accepted AS accepted "
                "WHERE counts GROUP BY factory_id, product_category, class",
                3,
            ),
            {
                (of["factory_id"], of["product_category"], of["class"]): (
                    of["accepted"] + of["accepted_resubmitted"],
                    of["not_accepted"] + of["not_accepted_resubmitted"],
                )
                for of in truth["lots"]
            },
        ),
        _compare(
            "shipments",
            "milestone",
            _table(server, "SELECT shipment_id, milestone FROM shipments", 1),
            {(of["shipment_id"],): (of["status"],) for of in truth["shipments"]},
        ),
        _compare(
            "alerts that stand",
            "standing",
            _alerts(server, answers["as_of"]),
            dict.fromkeys(_expected_alerts(truth["alerts"]), ("yes",)),
        ),
        *([_members(server, truth["cooperative"])] if "cooperative" in truth else []),
    ]


#: Of a member, columns of the view and what the answer file calls the same; the last are derived.
_OF_MEMBERS = {
    "membership": "membership",
    "chief_quality_officers": "chief_quality_officers",
    "quality_specialists": "quality_specialists",
    "tests_done": "batches_done",
    "reports": "reports",
    "reports_failed": "reports_failed",
    "credit_score": "score",
    "credit_grade": "grade",
}


def _members(server: Reader, truth: Mapping[str, Any]) -> Comparison:
    """Members of the cooperative, but those who become something else by themselves within an hour."""
    steady = [of for of in truth["members"] if of["steady"]]
    unsteady = [of["factory_id"] for of in truth["members"] if not of["steady"]]
    said = server.rows(
        f"SELECT factory_id, {', '.join(_OF_MEMBERS)}, trademark_eligible, red_listed, black_listed FROM members "
        "WHERE cooperative_id = {cooperative:String} AND factory_id NOT IN {unsteady:Array(String)} AND membership != ''",
        {"cooperative": truth["cooperative_id"], "unsteady": unsteady},
    )
    return _compare(
        "members of the cooperative",
        ", ".join(_OF_MEMBERS.values()) + ", eligible, on the red list, on the black list",
        {(factory,): tuple(values) for factory, *values in said},
        {
            (of["factory_id"],): (
                *(of[name] for name in _OF_MEMBERS.values()),
                *(int(is_so) for is_so in (not of["failing"], "RED" in of["listed"], "BLACK" in of["listed"])),
            )
            for of in steady
        },
    )


def _table(server: Reader, statement: str, keys: int) -> Values:
    """Rows of a statement, the first columns as the key."""
    return {row[:keys]: row[keys:] for row in server.rows(statement)}


def _stored(server: Reader) -> Values:
    conflicts = dict(server.rows("SELECT kind, count() FROM identity_conflicts GROUP BY kind"))
    letters = dict(server.rows("SELECT topic, uniqExact(partition, offset) FROM dead_letters GROUP BY topic"))
    found = {}
    for kind, table in RECORDS.items():
        ((records, identities),) = server.rows(
            f"SELECT uniqExact(owner, event_time, source, event_id, rank), uniqExact(source, event_id) FROM {table}"
        )
        found[kind,] = (records, identities, conflicts.get(kind, 0), letters.get(TOPICS[kind], 0))
    return found


def _orders(server: Reader) -> Values:
    rows = server.rows(
        "SELECT center_id, order_id, status, on_hold, "
        + ", ".join(
            f"arrayMap(t -> if(t IS NULL, 0, toUnixTimestamp64Milli(assumeNotNull(t))), {column})"
            for column in ("round_confirmed_at", "round_promised_at", "round_finished_at")
        )
        + " FROM order_state FINAL WHERE status != ''"
    )
    return {
        (center, order): (status, bool(on_hold), *(times for times in zip(*rounds, strict=True) if any(times)))
        for center, order, status, on_hold, *rounds in rows
    }


def _expected_orders(truth: Mapping[str, Any]) -> Values:
    return {
        (of["center_id"], of["order_id"]): (
            *(of["status"], of["on_hold"]),
            *((r["confirmed_at"] or 0, r["promised_at"] or 0, r["dispatched_at"] or 0) for r in of["rounds"]),
        )
        for of in truth["orders"]
    }


def _alerts(server: Reader, as_of: int) -> Values:
    """(rule, whose, subject); whose: the center of an order, nobody for what is named by itself, else the factory. The simulator writes
    down no truth of what is told of members."""
    of_members = ", ".join(f"'{rule}'" for rule in sorted(resting_on(Rests.A_MEMBER)))
    return _table(
        server,
        "SELECT rule, multiIf(rule = 'ORDER_OVERDUE', center_id, rule IN ('SAFETY_LIMIT_FAILED', 'SHIPMENT_OVERDUE'), '', factory_id), "
        f"subject, 'yes' FROM standing_alerts WHERE toUnixTimestamp64Milli(occurred_at) < {as_of} AND rule NOT IN ({of_members})",
        3,
    )


def _expected_alerts(alerts: Mapping[str, Any]) -> set[tuple[Any, ...]]:
    """The subjects in the words of the tables."""
    return {
        *(
            ("SAFETY_LIMIT_FAILED", "", f"report {laboratory}/{number} {indicator}")
            for laboratory, number, indicator in alerts["SAFETY_LIMIT_FAILED"]
        ),
        *(("LOT_NOT_ACCEPTED", factory, f"lot {lot} {of}") for factory, lot, of in alerts["LOT_NOT_ACCEPTED"]),
        *(
            (rule, factory, f"{category} {of} at lot {lot}")
            for rule in ("SWITCHED_TO_TIGHTENED", "INSPECTION_DISCONTINUED")
            for factory, category, of, lot in alerts[rule]
        ),
        *(
            ("THREE_FAILURES_IN_A_ROW", factory, f"{indicator} from report {laboratory}/{number}")
            for factory, indicator, laboratory, number in alerts["THREE_FAILURES_IN_A_ROW"]
        ),
        *(("ORDER_OVERDUE", center, f"order {order} round {number}") for center, order, number in alerts["ORDER_OVERDUE"]),
        *(("SHIPMENT_OVERDUE", "", f"shipment {shipment}") for (shipment,) in alerts["SHIPMENT_OVERDUE"]),
    }

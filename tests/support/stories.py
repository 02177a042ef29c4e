"""One story per kind of event, told so that no two columns of one type of any table have the same values throughout."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from weftline.contracts.codec import FRAMING, Codec, rank_of
from weftline.contracts.mapping import from_json
from weftline.contracts.registry import FileRegistry
from weftline.domain.cooperative.history import Inspection
from weftline.domain.fold import Drawn, History, Known, Outcome, Record
from weftline.domain.laboratory import VerdictKind
from weftline.domain.rows.inspections import ReportKey
from weftline.processors.kinds import Kind

AS_OF = 1_798_761_600_000  # 2027-01-01, after every deadline in the stories
JSON = dict[str, Any]
_FROM = {
    "source": "https://lims.haimen-center.example/weftline",
    "event_time_zone_offset": "+08:00",
    "cooperative_id": "haimen-home-textiles",
    "center_id": "haimen-1",
    "factory_id": "F-0217",
}


def orders() -> list[JSON]:
    """Three rounds of one order: promised anew and late, promised and left, promised; and orders that end in other ways."""

    def said(time: str, status: str, order: str = "S2026-04417", **more: Any) -> JSON:
        told = {"event_id": f"{order}-{time}", "event_time": f"2026-05-{time}:00+08:00", "order_id": order, "status": status}
        about = {"product_category": "sheet", "sample_type": "PROTO", "quantity": 3, "style_number": "BS-2040"}
        return {"type": "order", **_FROM, **about, **told, **more}

    def promised(day: str) -> str:
        return f"2026-05-{day}T18:00:00+08:00"

    return [
        said("01T09:00", "REQUESTED"),
        said("01T11:00", "QUOTED", promised_at=promised("06")),
        said("02T10:00", "CONFIRMED", promised_at=promised("07")),
        said("03T08:00", "IN_PRODUCTION", location_id="workshop-3"),
        said("04T10:00", "CONFIRMED", promised_at=promised("08")),
        said("09T15:00", "DISPATCHED"),
        said("10T09:30", "RECEIVED"),
        said("11T16:00", "REVISION_REQUESTED"),
        said("12T10:00", "CONFIRMED", promised_at=promised("18")),
        said("13T10:00", "CONFIRMED", round=3, promised_at=promised("20")),
        said("14T10:00", "DRAFTED", round=3),
        said("05T09:00", "APPROVED", order="S2026-05001"),
        said("06T10:00", "REJECTED", order="S2026-05002"),
        said("05T11:00", "REQUESTED", order="S2026-05003", sample_type="STRIKE_OFF"),
        said("05T12:00", "CONFIRMED", order="S2026-05003", sample_type="STRIKE_OFF"),
        said("07T13:00", "CANCELLED", order="S2026-05003", sample_type="STRIKE_OFF"),
        *(
            said(time, status, order=order)
            for order, day in (("S2026-05004", "07"), ("S2026-05005", "08"))
            for time, status in ((f"{day}T08:00", "REQUESTED"), (f"{day}T12:00", "CONFIRMED"), ("09T16:00", "DISPATCHED"))
        ),
    ]


def logistics() -> list[JSON]:
    """A shipment of two legs, damaged on the way and delivered; one whose departure was undone; and one that does not arrive."""

    def said(time: str, step: str, shipment: str = "SF1400221", **more: Any) -> JSON:
        told = {"event_id": f"{shipment}-{time}", "event_time": f"2026-05-{time}:00+08:00", "shipment_id": shipment}
        about = {"business_step": step, "lot_ids": ["L-77120"], "order_ids": ["S2026-04417"], "carrier_id": "carrier-17"}
        about |= {"trade_mode": "MARKET_PROCUREMENT", "read_point_id": "haimen-1-gate-2"}
        return {"type": "logistics", **_FROM, **about, **told, **more}

    return [
        said(
            "16T18:40",
            "DEPARTING",
            expected_arrival_at="2026-05-18T12:00:00+08:00",
            declared_currency="USD",
            declared_value_minor=125,
        ),
        said("17T09:00", "ARRIVING"),
        said("17T20:00", "DEPARTING"),
        said("18T07:30", "ARRIVING"),
        said("19T08:00", "INSPECTING", disposition="DAMAGED"),
        said("20T10:00", "RECEIVING"),
        said("21T10:00", "INSPECTING", disposition="DAMAGED"),
        said("16T19:00", "DEPARTING", shipment="SF1400333"),
        said("16T21:00", "VOID_SHIPPING", shipment="SF1400333"),
        said("17T10:00", "DEPARTING", shipment="SF1400444", expected_arrival_at="2026-05-19T12:00:00+08:00"),
    ]


def replies() -> list[JSON]:
    """Alerts that are accepted, declined and closed; one that goes down two tiers of suppliers; lots under two problems."""

    def said(time: str, reply: str, alert: str | None = "lot-not-accepted:a1", name: str = "", **more: Any) -> JSON:
        told = {"event_id": f"R-{time}{name}", "event_time": f"2026-05-{time}:00+08:00" if "T" in time else f"2026-05-{time}"}
        about = {"reply": reply, "replied_by": "quality officer", **({"alert_id": alert} if alert else {})}
        return {"type": "reply", **_FROM, **told, **about, **more}

    late, overdue = "order-overdue:a2", "shipment-overdue:a3"
    return [
        said("20T09:00", "ACKNOWLEDGE", severity="MAJOR", target_at="2026-05-27T18:00:00+08:00"),
        said("20T11:00", "ACCEPT", replied_by="factory manager", reason="needles were worn"),
        said("20T12:00", "FORWARD", supplier_id="SUP-1", replied_by="buyer"),
        said("20T12:01", "SEND", supplier_id="SUP-1", replied_by="buyer"),
        said("20T15:00", "ACKNOWLEDGE", supplier_id="SUP-1", replied_by="supplier's clerk"),
        said("21T08:00", "FORWARD", supplier_id="SUP-2", forwarded_by="SUP-1"),
        said("21T08:30", "CANCEL", supplier_id="SUP-2", replied_by="supplier's chief"),
        said("21T09:00", "DECLINE", supplier_id="SUP-1", replied_by="supplier's chief", reason="the yarn was in order"),
        said("21T10:00", "ACKNOWLEDGE", supplier_id="SUP-3"),
        said("22T10:00", "CLOSE", overdue, replied_by="forwarder"),
        # Both of one day by date: the order of a notification decides, not the order of their names.
        said("23", "DECLINE", late, "a", reason="the new date was agreed"),
        said("23", "ACKNOWLEDGE", late, "b"),
        said("24T10:00", "ACCEPT", late),
        said("24T11:00", "BLOCK", lot_ids=["L-77120", "L-77121"], problem_id="P-31", severity="MAJOR", reason="formaldehyde"),
        said("24T12:00", "BLOCK", None, lot_ids=["L-77120"], problem_id="P-32", target_at="2026-06-01", reason="shade"),
        said("24T13:00", "FEEDBACK", None, problem_id="P-31", counterpart_problem_id="SUP-1/889"),
        said("24T14:00", "EXTEND", None, lot_ids=["L-77122"], problem_id="P-31"),
        said("25T09:00", "LIFT", None, lot_ids=["L-77121"], problem_id="P-31"),
        said("25T10:00", "LIFT", None, problem_id="P-33"),
        said("25T11:00", "ACKNOWLEDGE", "order-overdue:a4"),
        said("25T12:00", "ACCEPT", "order-overdue:a4"),
    ]


def cooperative() -> list[JSON]:
    """A member: officers, certificates, grades, free tests, cases, lists, a mark; another that leaves; and the cooperative's own."""

    def said(time: str, kind: str, step: str, name: str = "", *, of: str = "F-0217", **body: Any) -> JSON:
        about = {key: body.pop(key) for key in ("center_id", "precision") if key in body}
        told = {
            "event_id": f"{kind}-{name or step}-{time}",
            "event_time": time if len(time) == 10 else f"{time}:00+08:00",
            "factory_id": of,
        }
        return {
            "type": "cooperative",
            **_FROM,
            "center_id": "haimen-station",
            **told,
            **about,
            "kind": kind,
            kind.lower(): {"step": step, **body},
        }

    def test(time: str, step: str, number: str, **more: Any) -> JSON:
        about = {"year": 2026, "request_id": number, "product_category": "sheet", "batches": 2}
        return said(time, "FUND", step, number, **{**about, **more})

    def case(time: str, step: str, number: str = "HM-2026-031", **more: Any) -> JSON:
        return said(time, "ENFORCEMENT", step, number, case_id=number, **more)

    def entry(time: str, step: str, number: str, name: str, **more: Any) -> JSON:
        return said(time, "LISTING", step, number, listing_id=number, list=name, **more)

    def officer(time: str, step: str, person: str, role: str = "QUALITY_SPECIALIST", **more: Any) -> JSON:
        return said(time, "OFFICER", step, person, role=role, person_id=person, **more)

    def certificate(time: str, step: str, scheme: str, **more: Any) -> JSON:
        return said(time, "CERTIFICATE", step, scheme, scheme=scheme, certificate_number="40117", **more)

    paid = {"amount_minor": 118_400, "currency": "CNY", "laboratory_id": "nantong-fibre-lab", "report_number": "R-1"}
    own = "haimen-home-textiles"
    rests_on = {"records": 60, "records_sha256": "0a"}
    return [
        said("2026-01-12T09:00", "MEMBERSHIP", "JOINED", size_class="SMALL", sells_online=True, limited_means=True),
        # Of one day two steps are known by date only: the life cycle says which comes first.
        said("2026-01-20", "MEMBERSHIP", "PLEDGE_SIGNED", "pledge"),
        officer("2026-01-21", "TRAINED", "p-2", course="GB 18401"),
        officer("2026-01-21", "APPOINTED", "p-1", "CHIEF_QUALITY_OFFICER"),
        officer("2026-01-21", "APPOINTED", "p-2"),
        officer("2026-01-22T09:00", "APPOINTED", "p-3"),
        officer("2026-02-22T09:00", "TRAINED", "p-3", course="GB/T 29862"),
        officer("2026-02-22T10:00", "APPOINTED", "p-5"),
        officer("2026-02-23T09:00", "APPOINTED", "p-4"),
        officer("2026-02-24T09:00", "ENDED", "p-4"),
        certificate("2026-02-03T09:00", "GRANTED", "ISO 9001", valid_until="2029-02-02T00:00:00+08:00"),
        certificate("2026-02-04T09:00", "GRANTED", "ISO 14001", valid_until="2029-02-03T00:00:00+08:00"),
        certificate("2026-06-04T09:00", "SUSPENDED", "ISO 14001"),
        *(
            {
                **said(f"{year + 1}-03-02T09:00", "OFFICIAL_GRADE", "", f"{year}"),
                "official_grade": {"grade": grade, "year": year, "issuer": "jiangsu"},
            }
            for year, grade in ((2024, "B"), (2025, "A"))
        ),
        test("2026-03-01T09:00", "REQUESTED", "T-1"),
        test("2026-03-03T09:00", "APPROVED", "T-1", by_exception=True, decided_by="p-7", reason="new member"),
        test("2026-03-19T09:00", "DONE", "T-1", **paid, center_id="haimen-1"),
        test("2026-03-20T09:00", "APPROVED", "T-1"),
        test("2026-04-01T09:00", "REQUESTED", "T-2", case_id="HM-2026-031"),
        test("2026-04-02T09:00", "APPROVED", "T-2"),
        test("2026-04-02T10:00", "APPROVED", "T-2"),
        test("2026-04-03T09:00", "REQUESTED", "T-3"),
        test("2026-04-04T09:00", "REFUSED", "T-3", reason="quota used up"),
        test("2026-04-05T09:00", "REQUESTED", "T-4", batches=3),
        test("2026-04-06T09:00", "REQUESTED", "T-5", batches=4),
        test("2026-04-07T09:00", "APPROVED", "T-5", batches=4),
        case(
            "2026-03-25T09:00",
            "CHECK_FAILED",
            level="CITY",
            indicators=["ph"],
            slight=True,
            laboratory_id="wuxi",
            report_number="W-1",
        ),
        case("2026-03-27T09:00", "RECTIFICATION_ORDERED", due_at="2026-05-26T00:00:00+08:00"),
        case("2026-04-20T09:00", "RECTIFICATION_REPORTED"),
        case("2026-05-02T09:00", "REINSPECTION_PASSED"),
        case("2026-06-02T09:00", "CHECK_FAILED", "HM-2026-044", level="COUNTY", indicators=["formaldehyde"]),
        entry("2026-05-05T09:00", "PROPOSED", "R-1", "RED", ground="a year without failure", evidence_ids=["T-1"]),
        entry("2026-05-06T09:00", "DECIDED", "R-1", "RED", decided_by="p-7", expires_at="2027-05-06T00:00:00+08:00"),
        entry("2026-06-05T09:00", "DECIDED", "B-1", "BLACK"),
        entry("2026-06-07T09:00", "APPEALED", "B-1", "BLACK"),
        entry("2026-06-10T09:00", "LIFTED", "B-1", "BLACK"),
        said("2026-06-10T09:00", "TRADEMARK", "APPLIED", mark_id="nantong"),
        said("2026-06-20T09:00", "TRADEMARK", "GRANTED", mark_id="nantong", valid_until="2028-06-19T00:00:00+08:00"),
        said("2026-06-21T09:00", "STANDARD", "COLLECTION_RECEIVED", standard_id="collection", edition="2026"),
        *(
            said(f"2026-06-{day}T09:00", "BRAND", "MARK_REGISTERED", day, brand_id=day, issuer="office")
            for day in ("22", "23", "24", "25")
        ),
        said("2026-06-26T09:00", "PACK", "MADE", pack_id="9c", purpose="LOAN", made_for="a bank", content_sha256="9c", **rests_on),
        # Another member: it sells in shops, is warned, and leaves.
        said("2026-01-13T09:00", "MEMBERSHIP", "JOINED", of="F-0300", size_class="MICRO", sells_online=True),
        entry("2026-05-07T09:00", "DECIDED", "B-2", "BLACK") | {"factory_id": "F-0300"},
        case("2026-06-15T09:00", "CHECK_FAILED", "HM-2026-055", level="COUNTY") | {"factory_id": "F-0300"},
        said("2026-07-13T09:00", "MEMBERSHIP", "LEFT", of="F-0300", reason="closed"),
        # One that is new, has no means of its own, and failed a check.
        said("2026-05-13T09:00", "MEMBERSHIP", "JOINED", of="F-0400", size_class="MICRO", limited_means=True),
        case("2026-06-12T09:00", "CHECK_FAILED", "HM-2026-051", level="COUNTY") | {"factory_id": "F-0400"},
        # It rectifies that and is tested again free of charge; fails a second check twice, and is listed, appeals, and wins.
        *(
            each | {"factory_id": "F-0400"}
            for each in (
                case("2026-06-20T09:00", "RECTIFICATION_REPORTED", "HM-2026-051"),
                test("2026-06-22T09:00", "REQUESTED", "T-9", case_id="HM-2026-051", batches=1),
                test("2026-06-30T09:00", "DONE", "T-9", case_id="HM-2026-051", batches=1),
                case("2026-07-01T09:00", "REINSPECTION_PASSED", "HM-2026-051"),
                case("2026-07-10T09:00", "CHECK_FAILED", "HM-2026-060", level="COUNTY", indicators=["formaldehyde"]),
                case("2026-08-20T09:00", "REINSPECTION_FAILED", "HM-2026-060", announced_at="2026-08-21T00:00:00+08:00"),
                entry("2026-09-01T09:00", "DECIDED", "B-4", "BLACK", ground="black_ignored", decided_by="p-7"),
                entry("2026-09-03T09:00", "APPEALED", "B-4", "BLACK"),
                entry("2026-09-10T09:00", "UPHELD", "B-4", "BLACK", decided_by="p-8"),
                entry("2026-09-11T09:00", "DECIDED", "R-4", "RED", decided_by="p-7"),
                entry("2026-09-14T09:00", "APPEALED", "R-4", "RED"),
            )
        ),
        # And what is the cooperative's own.
        said("2026-01-05T09:00", "FUND", "BUDGET_SET", "budget", of=own, year=2026, amount_minor=45_000_000, currency="CNY"),
        *(
            said(f"2026-0{month}-01T09:00", "STANDARD", "LED", f"{month}", of=own, standard_id=f"FZ/T {month}")
            for month in (1, 2, 3, 4, 5)
        ),
    ]


_METHODS = {"formaldehyde": "GB/T 2912.1-2009", "ph": "GB/T 7573-2009"}


def _grades(**grades: str) -> list[JSON]:
    return [{"indicator": name, "kind": "GRADE", "change_grade": grade, "staining_grade": grade} for name, grade in grades.items()]


_REST_OF_B = [
    *_grades(cf_water="4", cf_acid_perspiration="4", cf_alkaline_perspiration="4", cf_dry_rubbing="4"),
    {"indicator": "odour", "kind": "QUALITATIVE", "text": "none"},
    {"indicator": "azo_amines", "kind": "NOT_DETECTED", "detection_limit": 5.0, "unit": "mg/kg"},
]


def inspections() -> list[JSON]:
    """Reports that pass, fail, are incomplete, out of scope, amended and withdrawn; lots of all results; runs and switching."""

    def said(time: str, kind: str, name: str, body: JSON, **more: Any) -> JSON:
        told = {"event_id": f"{kind}-{time}", "event_time": f"2026-05-{time}:00+08:00", "kind": kind, "product_category": "sheet"}
        return {"type": "inspection", **_FROM, **told, "style_number": "BS-2040", name: body, **more}

    def report(time: str, number: str, measured: list[JSON], *, amendment: int = 0, **more: Any) -> JSON:
        body = {
            "laboratory_id": "nantong-fibre-lab",
            "report_number": number,
            "amendment": amendment,
            "specimen": "FINISHED_PRODUCT",
        }
        body |= {
            "specimen_kind": "unfilled",
            "purpose": "FUND",
            "payer": "TESTING_FUND",
            "safety_class": "B",
            "age_group": "GENERAL",
        }
        about = more.pop("about", {})
        return said(time, "LABORATORY_REPORT", "laboratory_report", {**body, "measurements": measured, **more}, **about)

    def step(time: str, number: str, status: str, amendment: int = 0) -> JSON:
        body = {"laboratory_id": "nantong-fibre-lab", "report_number": number, "status": status, "amendment": amendment}
        return said(time, "REPORT_STATUS", "report_status", body)

    def ph(value: float) -> JSON:
        return {"indicator": "ph", "method": _METHODS["ph"], "kind": "NUMBER", "value": value}

    def lot(time: str, lot_id: str, major: int, minor: int = 0, *, severity: str = "NORMAL", **more: Any) -> JSON:
        # Code letter J, from the tables of ISO 2859-1.
        accept = {"NORMAL": (0, 5, 7), "TIGHTENED": (0, 3, 5)}[severity]
        plans = [
            {"nonconformity_class": of, "standard": "ISO 2859-1", "edition": "2026", "level": "II", "severity": severity}
            | {"sample_size": 80, "accept": ac, "reject": ac + 1, **({"aql": aql} if aql else {})}
            for of, aql, ac in zip(("CRITICAL", "MAJOR", "MINOR"), (None, 2.5, 4.0), accept, strict=True)
        ]
        body = {"lot_id": lot_id, "lot_size": 1200, "stage": "FINAL", "submission": "ORIGINAL", "sample_size": 80}
        body |= {"major_units": major, "minor_units": minor, "plans": plans}
        about = more.pop("about", {})
        return said(time, "LOT_INSPECTION", "lot_inspection", {**body, **more}, **about)

    formaldehyde = {
        "indicator": "formaldehyde",
        "method": _METHODS["formaldehyde"],
        "kind": "NUMBER",
        "value": 30.0,
        "unit": "mg/kg",
    }
    return [
        *(
            told
            for number, day in (("R-8", "01"), ("R-9", "02"))
            for told in (report(f"{day}T10:00", number, [ph(9.6)], test_plan=["ph"]), step(f"{day}T11:00", number, "VERIFIED"))
        ),
        report("04T10:00", "R-1", [formaldehyde, ph(7.0), *_REST_OF_B]),
        step("04T11:00", "R-1", "VERIFIED"),
        step("04T12:00", "R-1", "PUBLISHED"),
        report("05T10:00", "R-1", [formaldehyde, ph(9.9), *_REST_OF_B], amendment=1),
        step("05T11:00", "R-1", "VERIFIED", 1),
        step("05T15:00", "R-1", "PUBLISHED", 1),
        report("05T12:00", "R-1", [ph(7.1)], amendment=2),
        step("06T16:00", "R-1", "WITHDRAWN", 1),
        report(
            "06T10:00",
            "R-2",
            [ph(9.9), _LABEL],
            test_plan=["ph"],
            original_report_number="R-1",
            tested_at="2026-05-06T08:00:00+08:00",
            about={"lot_ids": ["L-1"], "order_id": "S2026-04417"},
        ),
        step("06T11:00", "R-2", "VERIFIED"),
        report("07T10:00", "R-3", [ph(7.0)], test_plan=["ph", "odour"]),
        step("07T11:00", "R-3", "VERIFIED"),
        report("08T10:00", "R-4", [ph(7.0)], test_plan=["ph"], about={"product_category": "carpet"}),
        step("08T11:00", "R-4", "VERIFIED"),
        report("09T10:00", "R-5", [ph(9.7)], test_plan=["ph"]),
        step("09T11:00", "R-5", "VERIFIED"),
        report("09T12:00", "R-6", [ph(9.8)], test_plan=["ph"]),
        step("09T13:00", "R-6", "VERIFIED"),
        report("09T14:00", "R-7", [ph(7.0)], test_plan=["ph"]),
        step("09T15:00", "R-7", "VERIFIED"),
        lot("10T10:00", "L-1", 2),
        lot("11T10:00", "L-2", 6, critical_units=1),
        lot("12T10:00", "L-2", 1, 4, submission="RESUBMITTED"),
        lot("13T10:00", "L-3", 7, 2),
        lot("14T10:00", "L-3", 8, submission="RESUBMITTED"),
        lot("15T10:00", "L-4", 3, plans=[]),
        lot("16T10:00", "L-5", 1, plans=[_agreed(1)]),
        lot("17T10:00", "L-6", 4, plans=[_agreed(1)]),
        lot("18T10:00", "L-7", 3, 9),
        *(
            lot(
                f"{19 + at}T10:00",
                f"Q-{at}",
                9,
                severity="NORMAL" if at < 2 else "TIGHTENED",
                about={"product_category": "quilt-cover"},
            )
            for at in range(7)
        ),
    ]


_LABEL = {"indicator": "fibre_content", "component": "cotton", "method": "GB/T 2910.11-2009", "kind": "NUMBER", "unit": "%"} | {
    "value": 58.4,
    "labelled_value": 60.0,
}


def _agreed(accept: int) -> JSON:
    plan = {"nonconformity_class": "MAJOR", "basis": "BY_AGREEMENT", "standard": "Northfield buying manual", "edition": "2025"}
    return plan | {"level": "-", "severity": "NORMAL", "sample_size": 80, "accept": accept, "reject": accept + 1}


def _report(number: str, tested_at: int, verdict: VerdictKind = VerdictKind.PASS, **more: Any) -> Inspection:
    return Inspection(
        report=ReportKey("nantong-fibre-lab", number), tested_at=tested_at, counted_at=tested_at, verdict=verdict, **more
    )


#: What the inspections' tables say of the factories of these stories, by owner.
DRAWN = {
    "haimen-home-textiles|F-0217": Drawn(
        Known(9, 900),
        (
            _report("R-1", 1_773_900_000_000),
            _report("R-2", 1_774_900_000_000, VerdictKind.FAIL, failing=("ph",), safety=("ph",)),
            _report("R-3", 1_775_900_000_000, VerdictKind.FAIL, failing=("pilling",), withdrawn_at=1_776_900_000_000),
            *(_report(f"R-{number}", 1_777_000_000_000 + number) for number in range(4, 10)),
        ),
    ),
}


def told(kind: Kind) -> list[Outcome]:
    """What a kind's story means for the tables, owner by owner: all facts, and every row of state."""
    codec = Codec(FileRegistry())
    records: dict[str, list[Record[Any]]] = defaultdict(list)
    for story in globals()[kind.name]():
        event: Any = from_json(story)
        records[event.owner].append(Record(event, rank_of(codec.encode(event)[FRAMING:], False)))
    found = []
    for owner, theirs in records.items():
        history = History(owner, kind.start)
        if kind.draws is not None:
            history.draw(DRAWN.get(owner, Drawn()))
        outcome = history.add(theirs, AS_OF)
        assert not outcome.failures
        for row in history.rows(0).rows:  # before everything, so every deadline is still to come
            assert kind.states[row.table].deadlines or row.next_deadline is None, f"no sweep looks at {row.table}: deadlines=True"
        outcome.rows = history.rows(AS_OF).rows
        outcome.facts.sort(key=lambda fact: (fact.event_time, fact.source, fact.event_id))
        found.append(outcome)
    return found

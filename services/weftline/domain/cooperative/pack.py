"""What a member takes away to a bank, or to whoever grants the collective trademark: what stands of it, each with what it rests on, and
what is not known. The content is the document itself, as JSON has it; whoever makes it signs it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

from weftline.domain.cooperative.events import CooperativeEvent
from weftline.domain.cooperative.fund import RequestMark
from weftline.domain.cooperative.history import EventRef, Inspection, Ref, words_of
from weftline.domain.cooperative.member import Judgement
from weftline.domain.cooperative.rules import Basis, SignalName
from weftline.domain.days import offset_minutes
from weftline.domain.vocabulary import PackPurpose

FORMAT: Final = "weftline-pack-1"
#: How the digest of what a pack rests on is made, for whoever has the records and wants to make it again.
HOW: Final = (
    "SHA-256 of the lines, each ended by a line feed, of the SHA-256 in hexadecimal of each record's JSON (keys sorted, no white space, "
    "UTF-8), in ascending order; packs are no such records"
)
_HONOURS: Final = frozenset({SignalName.MARK_REGISTERED, SignalName.HONOURED})
_OFFICERS: Final = frozenset({SignalName.CHIEF_OFFICER, SignalName.SPECIALIST})

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked for. Times are ms since the epoch; ``since``: None: from the member's first event on. ``names``: zh, en.

    ``publishers_known``: whether every record's publisher was checked before it was let in.
    """

    purpose: PackPurpose
    cooperative_id: str
    factory_id: str
    made_at: int
    made_for: str | None = None
    since: int | None = None
    names: tuple[str, str] | None = None
    publishers_known: bool = False


def content(judged: Judgement, order: Order, records: int, digest: str) -> JSON:
    """The pack. ``records``: how many it rests on; ``digest``: of these."""
    told = _Told(judged)
    since = order.since if order.since is not None else _first(judged)
    tests = [one for one in judged.history.standing if since <= one.tested_at]
    zh, en = order.names or (order.factory_id, order.factory_id)
    return {
        "format": FORMAT,
        "purpose": order.purpose.value,
        "made_for": order.made_for,
        "made_at": told.time(order.made_at),
        "as_of": told.time(judged.as_of),
        "period": {"from": told.time(since), "to": told.time(judged.as_of)},
        "cooperative_id": order.cooperative_id,
        "factory": {"id": order.factory_id, "zh": zh, "en": en},
        "rules": {"edition": judged.rules.edition, "zh": judged.rules.zh, "en": judged.rules.en},
        "member": told.membership(),
        "tests": {**_counts(tests), "by_scope": _by_scope(tests), "reports": [told.report(one) for one in tests]},
        "credit": told.credit(),
        "official_grades": [
            {"grade": one.grade.value, "year": one.year, "issuer": one.issuer, "evidence": [_name(one.event)]}
            for one in judged.officials
        ],
        "certificates": list(told.certificates()),
        "honours": list(told.honours()),
        "lists": list(told.lists()),
        "cases": [told.case(case) for case in judged.cases if case.failed_at >= since or case.closed_at is None],
        "trademark": told.trademark(),
        "unknown": [{"code": code, "zh": zh, "en": en} for code, zh, en in _unknown(judged, order, tests)],
        "notes": [{"zh": zh, "en": en} for zh, en in _NOTES],
        "rests_on": {"records": records, "sha256": digest, "how": HOW},
    }


_NOTES: Final = (
    (
        "信用分和等级是合作社自己的，不是官方等级；红黑榜是合作社自己的，不是市场监管部门的严重违法失信名单。",
        "Score and grade are the cooperative's own and no official grade; its lists are not the market regulator's.",
    ),
    (
        "本证明只依据本合作社的记录：不含销售、财务、贷款以及其他合作社的情况。",
        "It rests on the records of this cooperative alone: nothing of sales, accounts, loans or other cooperatives.",
    ),
    (
        "证书、荣誉和官方等级按所报内容列出，未向颁发方核实。",
        "Certificates, honours and official grades stand as they were told; nobody asked who issued them.",
    ),
)


class _Told:
    """A judgement in the words of the pack."""

    def __init__(self, judged: Judgement) -> None:
        self._judged = judged
        self._zone = timezone(timedelta(minutes=offset_minutes(judged.rules.utc_offset)))
        self._events: Mapping[EventRef, CooperativeEvent] = {
            EventRef(event.source, event.event_id): event for event in judged.history.events
        }

    def time(self, moment: int | None) -> str | None:
        return None if moment is None else datetime.fromtimestamp(moment // 1000, self._zone).isoformat()

    def membership(self) -> JSON:
        holding = self._judged.facts.holding
        member, pledge = holding(frozenset({SignalName.MEMBER})), holding(frozenset({SignalName.PLEDGED}))
        return {
            "is_member": bool(member),
            "since": self.time(member[0].at) if member else None,
            "pledge_signed": bool(pledge),
            "chief_quality_officers": len(holding(frozenset({SignalName.CHIEF_OFFICER}))),
            "quality_specialists": len(holding(frozenset({SignalName.SPECIALIST}))),
            "evidence": [_name(one) for signal in (*member, *pledge) for one in signal.evidence],
        }

    def report(self, one: Inspection) -> JSON:
        return {
            "report": _name(one.report),
            "tested_at": self.time(one.tested_at),
            **_scope(one),
            "verdict": one.verdict.value,
            "failing": list(one.failing),
            "safety": list(one.safety),
        }

    def credit(self) -> JSON:
        credit = self._judged.credit
        return {
            "score": _number(credit.score),
            "grade": {"code": credit.grade.code, "zh": credit.grade.zh, "en": credit.grade.en},
            "points": [
                {
                    **basis(one.basis),
                    "points": _number(one.points),
                    "share": _number(one.share),
                    "at": self.time(one.at),
                    "evidence": [_name(name) for name in one.evidence],
                }
                for one in credit.points
            ],
        }

    def certificates(self) -> Iterator[JSON]:
        for signal in self._judged.facts.holding(frozenset({SignalName.CERTIFIED})):
            said = [body for one in self._of(signal.evidence) if (body := one.certificate) is not None]
            yield {
                "scheme": signal.about,
                "number": said[-1].certificate_number,
                "issuer": next((body.issuer for body in reversed(said) if body.issuer), None),
                "since": self.time(signal.at),
                "until": self.time(None if signal.until is None else signal.until - 1),
                "evidence": [_name(one) for one in signal.evidence],
            }

    def honours(self) -> Iterator[JSON]:
        for signal in self._judged.facts.holding(_HONOURS):
            said = [body for one in self._of(signal.evidence) if (body := one.brand) is not None]
            yield {
                "what": signal.name.value,
                "brand_id": signal.about,
                "issuer": next((body.issuer for body in reversed(said) if body.issuer), None),
                "since": self.time(signal.at),
                "until": self.time(None if signal.until is None else signal.until - 1),
                "evidence": [_name(one) for one in signal.evidence],
            }

    def lists(self) -> Iterator[JSON]:
        """Every entry that was decided, those that ended too: who lends wants to know."""
        for entry in self._judged.entries:
            if entry.decided_at is not None:
                yield {
                    "list": entry.list.value,
                    "listing_id": entry.listing_id,
                    "state": entry.state(self._judged.as_of).value,
                    "since": self.time(entry.decided_at),
                    "until": self.time(entry.ended_at if entry.ended_at is not None else entry.until),
                    "ground": entry.ground,
                    "evidence": [_name(one) for one in entry.events],
                }

    def case(self, case: Any) -> JSON:
        return {
            "case_id": case.case_id,
            "by_authority": case.by_authority,
            "level": case.level.value,
            "failed_at": self.time(case.failed_at),
            "safety": case.safety,
            "stage": case.stage.value,
            "due": self.time(case.due),
            "closed_at": self.time(case.closed_at),
            "overdue": case.overdue(self._judged.as_of),
            "evidence": [_name(one) for one in (*case.began, *case.answers)],
        }

    def trademark(self) -> JSON:
        eligible = self._judged.eligibility
        return {
            "eligible": all(answer.met for answer in eligible.answers),
            "marks": [
                {
                    "mark_id": mark.mark_id,
                    "standing": standing.value,
                    "since": self.time(mark.since),
                    "until": self.time(mark.until),
                }
                for mark, standing in self._judged.marks
            ],
            "conditions": [
                {
                    **basis(answer.gate.basis),
                    "met": answer.met,
                    "cure_zh": answer.gate.cure_zh,
                    "cure_en": answer.gate.cure_en,
                    "evidence": list(
                        dict.fromkeys(_name(one) for found in answer.found for signal in found.signals for one in signal.evidence)
                    ),
                }
                for answer in eligible.answers
            ],
        }

    def _of(self, evidence: Iterable[Ref]) -> list[CooperativeEvent]:
        return [self._events[one] for one in evidence if isinstance(one, EventRef) and one in self._events]


def basis(of: Basis) -> JSON:
    """Where a rule comes from, as JSON."""
    return {"rule": of.rule, "zh": of.zh, "en": of.en, "source": of.source, "confidence": of.confidence.value}


def _unknown(judged: Judgement, order: Order, tests: list[Inspection]) -> Iterator[tuple[str, str, str]]:
    """What a reader might take for granted, and nobody said."""
    if proposals := dict.fromkeys(basis.rule for basis in _deciding(judged) if basis.is_proposal):
        rules = ", ".join(proposals)
        yield (
            "rules_unconfirmed",
            f"下列规则是建议稿，合作社无人确认：{rules}",
            f"These rules are proposals that nobody of the cooperative has confirmed: {rules}",
        )
    if not judged.officials:
        yield "no_official_grade", "没有导入官方质量信用等级", "No official grade of quality credit was imported"
    if not tests:
        yield "no_tests", "期间内没有已核验的检测报告", "There is no verified report in the period"
    if partial := sum(not one.whole for one in tests):
        yield (
            "partial_tests",
            f"{partial} 份报告只检了标准要求的部分项目",
            f"{partial} reports are of a part only of what the standards require",
        )
    unproven = [request.request_id for year in judged.fund for request in year.requests if RequestMark.UNPROVEN in request.marks]
    if unproven:
        names = ", ".join(unproven)
        yield (
            "unproven_tests",
            f"已报完成、没有核验报告的免费检测：{names}",
            f"Free tests that are done, without a verified report: {names}",
        )
    holding = judged.facts.holding
    for code, names_of, zh, en in (
        ("no_certificate", frozenset({SignalName.CERTIFIED}), "没有有效证书的记录", "No valid certificate was told"),
        ("no_honours", _HONOURS, "没有注册商标或荣誉的记录", "No registered mark or honour was told"),
        ("no_officers", _OFFICERS, "没有质量人员的记录", "No person of quality was told"),
        ("no_pledge", frozenset({SignalName.PLEDGED}), "没有签署质量公约的记录", "No signed pledge was told"),
    ):
        if not holding(names_of):
            yield code, zh, en
    if order.names is None:
        yield "no_name", "参考数据里没有企业名称", "Reference data have no name of the factory"
    if not order.publishers_known:
        yield (
            "publishers_trusted",
            "记录的发布者没有用签名核对",
            "The publishers of the records were not checked by signatures",
        )


def _deciding(judged: Judgement) -> Iterator[Basis]:
    yield from (point.basis for point in judged.credit.points)
    yield from (answer.gate.basis for answer in judged.eligibility.answers)


def _by_scope(tests: Iterable[Inspection]) -> list[JSON]:
    """Tests of one product, extent and purpose together."""
    scopes: dict[tuple[str, ...], list[Inspection]] = {}
    for one in tests:
        scopes.setdefault(tuple(_scope(one).values()), []).append(one)
    return [{**_scope(found[0]), **_counts(found)} for _, found in sorted(scopes.items())]


def _scope(one: Inspection) -> dict[str, str]:
    return {
        "product_category": one.product_category,
        "coverage": "FULL" if one.whole else "PARTIAL",
        "purpose": one.purpose.value,
        "payer": one.payer.value,
    }


def _counts(tests: Iterable[Inspection]) -> JSON:
    """Numerator and denominator of the pass rate; what only a part was tested of, and passed, is neither."""
    counted = Counter("passed" if one.passed else "failed" if one.failed else "other" for one in tests)
    return {
        "passed": counted["passed"],
        "failed": counted["failed"],
        "other": counted["other"],
        "judged": counted["passed"] + counted["failed"],
    }


def _first(judged: Judgement) -> int:
    times = [*(event.event_time for event in judged.history.events), *(one.tested_at for one in judged.history.standing)]
    return min(times, default=judged.as_of)


def _name(one: Ref) -> str:
    return words_of((one,))


def _number(value: Decimal) -> str:
    return f"{value.normalize():f}"

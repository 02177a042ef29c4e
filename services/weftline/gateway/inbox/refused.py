"""Why a lot was not accepted, and what now: the count of every class against Ac and Re, and what the rules let its factory do.

The alert's evidence has one class and no Re. All of them are in the record of the inspection, which is judged once more by the rules that
judged it (:mod:`weftline.domain.sampling`).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from weftline.contracts.codec import Codec
from weftline.contracts.kinds import BY_CLASS
from weftline.domain.days import offset_minutes
from weftline.domain.events import InspectionEvent, LotInspection
from weftline.domain.inspection_alerts import plan_words
from weftline.domain.remedies import Remedy
from weftline.domain.sampling import MARK_WORDS, ClassVerdict, SamplingStandard, judge
from weftline.domain.vocabulary import AlertRule
from weftline.gateway.tables import Tables
from weftline.pages.evidence import Proof, Story
from weftline.pages.text import Text

_DECLARED: Final = 1 << 63
_RECORDS: Final = BY_CLASS[InspectionEvent].records
_TOPIC: Final = BY_CLASS[InspectionEvent].topic
#: The content that stands of an inspection; none if it was declared erroneous.
_RECORD: Final = f"""
SELECT hex(argMax(value, rank))
FROM {_RECORDS}
WHERE owner = {{factory:String}} AND event_time = {{at:DateTime64(3, 'UTC')}} AND source = {{source:String}} AND event_id = {{id:String}}
HAVING count() > 0 AND max(rank) < {_DECLARED}"""
_LOT: Final = """
SELECT last_result, resubmissions
FROM lots
WHERE factory_id = {factory:String} AND lot_id = {lot:String}"""
_DUE: Final = """
SELECT nonconformity_class, severity_due
FROM switching
WHERE factory_id = {factory:String} AND product_category = {product:String}
ORDER BY nonconformity_class"""


class Count(NamedTuple):
    """One class of nonconformity. ``sample_size``, ``accept`` and ``reject`` (n, Ac, Re) are None where no plan judged.

    ``confidence``: of the edition of the standard; empty where a buyer's own plan or the rule on critical units judged.
    """

    nonconformity_class: str
    units: int
    sample_size: int | None
    accept: int | None
    reject: int | None
    accepted: bool | None
    clause: Text | None
    confidence: str
    note: str
    remarks: tuple[Text, ...]


class Refusal(NamedTuple):
    """A lot that was not accepted. ``inspected``: units; ``counts``: empty where the record of the inspection says it no more.

    ``over``: it was submitted again and accepted. ``due``: classes with the severity by which the product is inspected now.
    """

    lot_id: str
    part_id: str | None
    lot_size: int | None
    inspected: int | None
    counts: tuple[Count, ...]
    over: bool
    due: tuple[tuple[str, str], ...]
    remedies: tuple[Remedy, ...]

    @property
    def confidences(self) -> tuple[tuple[str, str], ...]:
        """How sure the editions of the standard are that judged, each once, with what is to be known of it."""
        return tuple(dict.fromkeys((count.confidence, count.note) for count in self.counts if count.confidence))


class Rules(NamedTuple):
    """By what a refusal is told."""

    codec: Codec
    sampling: SamplingStandard
    remedies: tuple[Remedy, ...]


async def refusal(tables: Tables, rules: Rules, story: Story) -> Refusal | None:
    """Why, and what now; None of an alert that is about something else. The story is one that its reader may see."""
    if story.rule != AlertRule.LOT_NOT_ACCEPTED or not story.proofs:
        return None
    proof, factory = story.proofs[0], story.factory_id
    inspection, counts = await _counts(tables, rules, factory, proof)
    lots = await tables.rows(_LOT, {"factory": factory, "lot": proof.subject})
    due = await tables.rows(_DUE, {"factory": factory, "product": story.product_category})
    return Refusal(
        lot_id=proof.subject,
        part_id=inspection.part_id if inspection else None,
        lot_size=inspection.lot_size if inspection else None,
        inspected=inspection.sample_size if inspection else None,
        counts=counts,
        over=any(last == "ACCEPTED" and resubmissions > 0 for last, resubmissions in lots),
        due=tuple((str(of), str(severity)) for of, severity in due),
        remedies=rules.remedies,
    )


async def _counts(tables: Tables, rules: Rules, factory: str, proof: Proof) -> tuple[LotInspection | None, tuple[Count, ...]]:
    asked = {"factory": factory, "at": proof.event_time, "source": proof.source, "id": proof.event_id}
    rows = await tables.rows(_RECORD, asked)
    event = rules.codec.decode(_TOPIC, bytes.fromhex(rows[0][0]), stored=True) if rows else None
    if not isinstance(event, InspectionEvent) or event.lot_inspection is None:
        return None, ()
    inspection = event.lot_inspection
    offset = offset_minutes(event.event_time_zone_offset)
    verdict = judge(inspection, event.event_time, rules.sampling, utc_offset_minutes=offset)
    return inspection, tuple(_count(judged, rules.sampling) for judged in verdict.classes)


def _count(judged: ClassVerdict, sampling: SamplingStandard) -> Count:
    numbers, plan = judged.deciding, judged.plan
    confidence, note, clause = "", "", None
    if plan is not None and numbers is not None:
        clause = Text(*plan_words(judged))
        if not judged.by_agreement:
            known = (of for of in sampling.editions if (of.standard, of.edition) == (plan.standard, plan.edition))
            edition = next(known, None)
            confidence, note = ("unconfirmed", "") if edition is None else (edition.confidence, edition.note or "")
    return Count(
        judged.nonconformity_class.value,
        judged.units,
        numbers.sample_size if numbers else None,
        numbers.accept if numbers else None,
        numbers.reject if numbers else None,
        judged.accepted,
        clause,
        confidence,
        note,
        tuple(Text(*MARK_WORDS[mark]) for mark in judged.marks),
    )

"""``weftline cooperative``: the processor of a quality cooperative's events: members and their matters."""

from __future__ import annotations

from functools import partial

from weftline.contracts.kinds import BY_PROCESSOR
from weftline.domain.cooperative.history import Inspection
from weftline.domain.cooperative.members import DESKS, MATTERS, MEMBERS, MemberRules
from weftline.domain.cooperative.rules import Rulebook
from weftline.domain.laboratory import Standards, VerdictKind
from weftline.domain.rows.columns import columns_of
from weftline.domain.rows.cooperative import CooperativeAmounts, MatterKey, MatterRow, MemberRow
from weftline.domain.rows.desk import DeskRow
from weftline.domain.rows.inspections import ReportKey
from weftline.domain.vocabulary import Payer, SpecimenType, TestPurpose
from weftline.processors.draws import Draws
from weftline.processors.kinds import Kind, Says, StateTable, View, tables

#: What passed in a re-inspection, which shows what is in order again; of another report nobody asks that.
_PASSED_AGAIN = (
    "if(original_report_number = '', [], arrayMap(found -> JSONExtractString(found, 'indicator'), "
    "arrayFilter(found -> JSONExtractBool(found, 'passed'), JSONExtractArrayRaw(verdict_json, 'indicators'))))"
)
#: What every view of a thing of a member says beside it.
_OF = ("cooperative_id", "factory_id", "is_member")
#: Views of what lies on desks, and how the names of its columns begin there.
_THINGS = (
    ("fund_years", "fund", "Testing fund of each member and year: quota, reserved, used, left."),
    ("free_tests", "request", "Free tests of each member, with what is to be seen about them."),
    ("cases", "case", "Failures that are to be put right, with the dates of their clocks."),
    (
        "list_entries",
        "entry",
        "Entries on the lists of a cooperative's own, and proposals of people; never the market regulator's list.",
    ),
    ("listed", "listed", "Who was on which list of a cooperative's own from when until when."),
    ("list_proposals", "proposal", "Whom the rules propose for a list, and nobody decided; a person decides."),
    ("trademark_conditions", "gate", "Conditions of the collective trademark, member by member: met, or what would cure it."),
    ("trademark_rights", "mark", "Where each member stands with a collective trademark."),
    ("unifications", "row", "The six unifications, member by member."),
    ("credit_points", "point", "Lines of each member's score; the official grade is not among them."),
    ("test_reasons", "reason", "Why a member should be tested soon."),
    ("work", "work", "What waits for members and for officers of a cooperative."),
    ("fund_budgets", "budget", "Budgets and prices of a cooperative's testing fund, as they were set last."),
    ("fund_thresholds", "threshold", "What part of a year's budget is worth telling once it is used, by the cooperative's rules."),
)
#: Things that are the cooperative's own, and no member's.
_OWN = frozenset({"budget", "threshold"})


def _inspection(
    laboratory_id: str,
    report_number: str,
    verdict: str,
    failing: list[str],
    purpose: str,
    payer: str,
    product_category: str,
    specimen: str,
    original: str,
    whole: int,
    passing: list[str],
    times: tuple[int, int, int | None],
    *,
    safety: frozenset[str],
) -> Inspection:
    tested_at, counted_at, withdrawn_at = times
    return Inspection(
        report=ReportKey(laboratory_id, report_number),
        tested_at=tested_at,
        counted_at=counted_at,
        verdict=VerdictKind(verdict),
        withdrawn_at=withdrawn_at,
        whole=bool(whole),
        passing=tuple(passing),
        failing=tuple(failing),
        safety=tuple(code for code in failing if code in safety),
        purpose=TestPurpose(purpose),
        payer=Payer(payer),
        product_category=product_category,
        specimen=SpecimenType(specimen),
        original=ReportKey(laboratory_id, original) if original else None,
    )


def _reports(safety: frozenset[str]) -> Draws:
    """A member's state rests on the reports of its factory, whatever cooperative they name: those that are or were in force."""
    return Draws(
        table="report_state",
        columns=(
            *("laboratory_id", "report_number", "verdict", "failed_indicators", "purpose", "payer", "product_category", "specimen"),
            *("original_report_number", "scope = 'FULL'", _PASSED_AGAIN),
            "(toUnixTimestamp64Milli(assumeNotNull(tested_at)), toUnixTimestamp64Milli(greatest(reported_at, verified_at)), "
            "toUnixTimestamp64Milli(withdrawn_at))",
        ),
        row=partial(_inspection, safety=safety),
        of="verdict != '' AND verified_at IS NOT NULL AND tested_at IS NOT NULL AND reported_at IS NOT NULL",
        theirs=lambda owner: owner.partition("|")[2],
        theirs_in_sql="substring(owner, position(owner, '|') + 1)",
    )


def cooperative(standards: Standards, rules: Rulebook) -> Kind:
    """The kind of the cooperatives' events, judged by these rules; ``standards`` say which indicators protect people."""
    return Kind(
        of=BY_PROCESSOR["cooperative"],
        start=lambda: MemberRules(rules),
        amounts=CooperativeAmounts,
        draws=_reports(standards.safety_indicators),
        says=Says(
            owner="cooperative_id|factory_id",
            facts="One judged fact per event of a cooperative.",
            judgement="applied, out_of_step (the step before it was not told; it applies), repeated; of what counts zero why: after_end, "
            "unknown_step, superseded, declared_erroneous, not_judged",
            events="events that stand and applied or were repeated; what did not apply (after_end, unknown_step) is not among them",
            throughput="Events of a cooperative",
            view="cooperative_activity",
            view_says="Events of a cooperative",
        ),
        states=tables(
            StateTable(
                MEMBERS,
                "State of each member, and of what is a cooperative's own.",
                MemberRow,
                View(
                    "members",
                    "Members of a cooperative as they stand; lists are the cooperative's own.",
                    "events > 0 AND factory_id != cooperative_id",
                ),
                deadlines=True,
            ),
            StateTable(
                MATTERS,
                "State of each matter of a member: membership, officers, certificates, grades, free tests, cases, entries on lists, marks.",
                MatterRow,
                View("matters", "Matters of members and of the cooperatives themselves, as they stand.", "step != ''"),
                MatterKey,
            ),
            StateTable(
                DESKS,
                "What the rules of a cooperative say of each member, thing by thing; of what is a cooperative's own, budgets and prices.",
                DeskRow,
                View(
                    "desks",
                    "Members of a cooperative, by what a ranking and a plan of tests rest on.",
                    "events > 0 AND factory_id != cooperative_id",
                    without=tuple(column.name for column in columns_of(DeskRow) if column.several),
                ),
                deadlines=True,
                shows=tuple(
                    View(name, says, "events > 0", each=each, of=_OF[: 1 if each in _OWN else None]) for name, each, says in _THINGS
                ),
            ),
        ),
    )

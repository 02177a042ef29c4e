"""What is odd about a lot inspection: a closed list, with the words in which people read it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Mark(StrEnum):
    """Of a lot, or of one of its classes."""

    # about the lot
    LOT_SIZE_NOT_IN_TABLE = "lot_size_not_in_table"  # below the smallest lot for which there is a plan
    SAMPLE_EXCEEDS_LOT = "sample_exceeds_lot"  # more units inspected than the lot has
    UNITS_EXCEED_SAMPLE = "units_exceed_sample"  # more nonconforming units, over all classes, than inspected ones
    NOTHING_INSPECTED = "nothing_inspected"  # a sample of no units
    UNKNOWN_CLASS = "unknown_class"  # a plan for a class that is not known here; it was left aside
    SECOND_ORIGINAL = "second_original"  # an original inspection of this part and stage is there already; the worse of them stands
    # about one class
    NO_PLAN = "no_plan"  # no plan is given: not judged
    SEVERAL_PLANS = "several_plans"  # two different plans for the class: not judged
    BY_AGREEMENT = "by_agreement"  # a buyer's own plan judged by its own numbers
    CRITICAL_ACCEPT_NOT_ZERO = "critical_accept_not_zero"  # the plan would accept critical units; it was not followed
    ACCEPT_REJECT_INCONSISTENT = "accept_reject_inconsistent"  # Re of the plan in hand is not Ac + 1
    BETWEEN_ACCEPT_AND_REJECT = "between_accept_and_reject"  # the units fall into the gap between Ac and Re: not accepted
    SAMPLE_DIFFERS = "sample_differs"  # another number of units inspected than n, or the whole lot if that is smaller
    PLAN_MISMATCH = (
        "plan_mismatch"  # n, Ac or Re are not the standard's for this lot, level, AQL and severity; the standard's decide
    )
    COMMON_SAMPLE = "common_sample"  # not the class's own plan, but the one of the larger sample of another class
    AQL_NOT_IN_TABLE = "aql_not_in_table"  # missing, or no AQL step
    AQL_PER_HUNDRED_UNITS = "aql_per_hundred_units"  # the AQL counts nonconformities, but units were counted
    LEVEL_UNKNOWN = "level_unknown"  # no inspection level of the standard
    SEVERITY_UNKNOWN = "severity_unknown"  # not known here
    SEVERITY_REDUCED = "severity_reduced"  # reduced inspection is switched off: there is no plan to judge by
    STANDARD_UNKNOWN = "standard_unknown"  # no such standard here: there is no plan to judge by
    EDITION_UNKNOWN = "edition_unknown"  # no such edition here; judged by the tables we have
    EDITION_NOT_IN_FORCE = "edition_not_in_force"  # known, but not in force on the day of inspection


#: (Chinese, English) of every mark.
MARK_WORDS: Mapping[Mark, tuple[str, str]] = MappingProxyType(
    {
        Mark.LOT_SIZE_NOT_IN_TABLE: ("批量小于标准的最小批量", "the lot is smaller than any that the standard has a plan for"),
        Mark.SAMPLE_EXCEEDS_LOT: ("检验数大于批量", "more units inspected than the lot has"),
        Mark.UNITS_EXCEED_SAMPLE: ("不合格品数大于检验数", "more nonconforming units than were inspected"),
        Mark.NOTHING_INSPECTED: ("没有检验任何产品", "nothing was inspected"),
        Mark.UNKNOWN_CLASS: ("有未知不合格类别的方案", "a plan for a class that is not known"),
        Mark.SECOND_ORIGINAL: (
            "同一部分已有初次检验，取较差的结论，直到其中一份被声明为错误",
            "this part had its original inspection already; the worse stands until one is declared erroneous",
        ),
        Mark.NO_PLAN: ("没有抽样方案", "no sampling plan"),
        Mark.SEVERAL_PLANS: ("同一类别有两个不同的方案", "two different plans for one class"),
        Mark.BY_AGREEMENT: ("按买方约定的方案", "by a plan agreed with the buyer"),
        Mark.CRITICAL_ACCEPT_NOT_ZERO: (
            "方案接收致命不合格，未予采用",
            "the plan would accept critical units; it was not followed",
        ),
        Mark.ACCEPT_REJECT_INCONSISTENT: ("拒收数不等于接收数加一", "Re is not Ac + 1"),
        Mark.BETWEEN_ACCEPT_AND_REJECT: ("不合格品数介于接收数与拒收数之间", "the units lie between Ac and Re"),
        Mark.SAMPLE_DIFFERS: ("检验数与方案的样本量不符", "not as many units inspected as the plan asks for"),
        Mark.PLAN_MISMATCH: ("所用方案与标准不符，按标准的方案判定", "the plan in hand is not the standard's, which decides"),
        Mark.COMMON_SAMPLE: ("采用另一类别较大样本的方案", "the plan of another class's larger sample"),
        Mark.AQL_NOT_IN_TABLE: ("AQL 缺失或不在标准中", "the AQL is missing or none of the standard's"),
        Mark.AQL_PER_HUNDRED_UNITS: (
            "该 AQL 计不合格数，而这里计不合格品数",
            "the AQL counts nonconformities, and units were counted",
        ),
        Mark.LEVEL_UNKNOWN: ("未知的检验水平", "no inspection level of the standard"),
        Mark.SEVERITY_UNKNOWN: ("未知的检验严格度", "the severity is not known"),
        Mark.SEVERITY_REDUCED: ("放宽检验未启用", "reduced inspection is switched off here"),
        Mark.STANDARD_UNKNOWN: ("未知的抽样标准", "the sampling standard is not known"),
        Mark.EDITION_UNKNOWN: ("未知的标准版本", "no such edition of the standard is known"),
        Mark.EDITION_NOT_IN_FORCE: ("检验当日该版本标准无效", "the edition was not in force on the day of inspection"),
    }
)

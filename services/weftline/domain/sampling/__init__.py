"""Acceptance sampling by ISO 2859-1: plans, the judgement of a lot, and switching between severities."""

from weftline.domain.sampling.acceptance import ClassVerdict, LotVerdict, Numbers, judge
from weftline.domain.sampling.describe import PlanDescription, describe
from weftline.domain.sampling.marks import MARK_WORDS, Mark
from weftline.domain.sampling.plans import Aql, Cell, Edition, Plan, PlanError, SamplingStandard
from weftline.domain.sampling.switching import Due, LotOutcome, Step, Switching, SwitchingRules, Uncounted
from weftline.domain.sampling.tables import MasterTable, TableError

__all__ = [
    "MARK_WORDS",
    "Aql",
    "Cell",
    "ClassVerdict",
    "Due",
    "Edition",
    "LotOutcome",
    "LotVerdict",
    "Mark",
    "MasterTable",
    "Numbers",
    "Plan",
    "PlanDescription",
    "PlanError",
    "SamplingStandard",
    "Step",
    "Switching",
    "SwitchingRules",
    "TableError",
    "Uncounted",
    "describe",
    "judge",
]

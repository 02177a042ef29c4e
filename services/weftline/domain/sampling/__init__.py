"""Acceptance sampling by ISO 2859-1: plans, the judgement of a lot, and switching between severities."""

from weftline.domain.sampling.acceptance import ClassVerdict, LotVerdict, Mark, judge
from weftline.domain.sampling.describe import PlanDescription, describe
from weftline.domain.sampling.plans import Aql, Cell, Edition, Plan, PlanError, SamplingStandard
from weftline.domain.sampling.reading import StandardError
from weftline.domain.sampling.switching import Due, LotOutcome, Step, Switching, SwitchingRules, Uncounted

__all__ = [
    "Aql",
    "Cell",
    "ClassVerdict",
    "Due",
    "Edition",
    "LotOutcome",
    "LotVerdict",
    "Mark",
    "Plan",
    "PlanDescription",
    "PlanError",
    "SamplingStandard",
    "StandardError",
    "Step",
    "Switching",
    "SwitchingRules",
    "Uncounted",
    "describe",
    "judge",
]

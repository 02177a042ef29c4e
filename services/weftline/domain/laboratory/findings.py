"""What one limit says of one measurement."""

from __future__ import annotations

from enum import IntFlag, StrEnum
from typing import NamedTuple

from weftline.domain.laboratory.standards import Clause


class Outcome(StrEnum):
    """Of one measurement by one limit."""

    PASS = "PASS"
    FAIL = "FAIL"
    NOT_JUDGED = "NOT_JUDGED"
    NOT_APPLICABLE = "NOT_APPLICABLE"  # the standard has a limit, and says itself that it is not for such a specimen


class Reason(StrEnum):
    """Why a measurement was neither passed nor failed."""

    NO_LIMIT = "NO_LIMIT"  # no limit that we know applies to such a specimen
    WAIVED = "WAIVED"  # an exception of the standard frees such a specimen
    OUT_OF_SCOPE = "OUT_OF_SCOPE"  # the standard is not about such a product at all
    UNCONFIRMED_LIMIT = "UNCONFIRMED_LIMIT"  # the limit is not confirmed; it is shown, and does not decide
    UNKNOWN_INDICATOR = "UNKNOWN_INDICATOR"  # no such code in indicators.yaml
    # With one of the following, nothing was measured: an indicator that is required, and has no other reading, counts as not tested.
    KIND_DOES_NOT_FIT = "KIND_DOES_NOT_FIT"  # a number for an odour
    VALUE_MISSING = "VALUE_MISSING"  # the field that the kind speaks of is empty
    CONTRADICTION = "CONTRADICTION"  # not detected, and a value beside it
    NOT_A_NUMBER = "NOT_A_NUMBER"  # NaN or infinite
    IMPOSSIBLE_VALUE = "IMPOSSIBLE_VALUE"  # a pH of 15
    UNKNOWN_UNIT = "UNKNOWN_UNIT"  # a unit that cannot be converted to the indicator's
    UNIT_MISSING = "UNIT_MISSING"  # no unit, and the indicator is reported in several
    UNKNOWN_GRADE = "UNKNOWN_GRADE"  # not on the indicator's scale
    READING_MISSING = "READING_MISSING"  # change and staining are needed, one is there
    UNKNOWN_CODE = "UNKNOWN_CODE"  # no such qualitative result
    # These depend on the limit, so they count only where the limit decides.
    DETECTION_LIMIT_TOO_HIGH = "DETECTION_LIMIT_TOO_HIGH"  # "not detected" by a method that cannot see the limit
    DETECTION_LIMIT_UNKNOWN = "DETECTION_LIMIT_UNKNOWN"  # "not detected" by a method we do not know, without its detection limit
    CLASS_UNKNOWN = "CLASS_UNKNOWN"  # the safety classes disagree, and the specimen's is not known
    LABEL_MISSING = "LABEL_MISSING"  # judged against the label, whose share is not stated


class Flags(IntFlag):
    """What a fold needs of an indicator or a finding, as bits."""

    TESTED = 1  # there is a result
    PASSED = 2
    FAILED = 4
    UNUSABLE = 8  # there is a measurement, but no result
    NOT_DETECTED = 16
    SAFETY_FAILED = 32
    REQUIRED = 64
    INCOMPLETE = 128  # required, and no result
    OPEN = 256  # a reading was not judged by any limit that decides


_HAS_NO_LIMIT = frozenset({Reason.NO_LIMIT, Reason.WAIVED, Reason.OUT_OF_SCOPE, Reason.UNCONFIRMED_LIMIT, Reason.UNKNOWN_INDICATOR})
_BY_LIMIT = frozenset({Reason.DETECTION_LIMIT_TOO_HIGH, Reason.DETECTION_LIMIT_UNKNOWN, Reason.CLASS_UNKNOWN, Reason.LABEL_MISSING})


class Finding(NamedTuple):
    """``flags`` are bits of :class:`Flags` (a plain integer: an operation on IntFlags takes 0.36 µs, on integers 0.012 µs).

    ``indication``: what a limit that does not decide would have said. ``limit``: the limit as text; ``limit_zh`` in Chinese.
    """

    outcome: Outcome
    reason: Reason | None
    flags: int
    clause: Clause | None = None
    limit: str | None = None
    limit_zh: str | None = None
    indication: Outcome | None = None


class Findings:
    """All that one limit can say, made once: judging only picks.

    A clause that does not decide turns whatever its limit says into an indication.
    """

    __slots__ = ("fails", "not_judged", "passes")

    def __init__(self, clause: Clause, limit: str, limit_zh: str | None = None) -> None:
        limit_zh = limit_zh or limit
        if clause.decides:
            safety = Flags.SAFETY_FAILED if clause.safety else 0
            self.passes = Finding(Outcome.PASS, None, int(Flags.TESTED | Flags.PASSED), clause, limit, limit_zh)
            self.fails = Finding(Outcome.FAIL, None, int(Flags.TESTED | Flags.FAILED | safety), clause, limit, limit_zh)
        else:
            tested, why = int(Flags.TESTED), Reason.UNCONFIRMED_LIMIT
            self.passes = Finding(Outcome.NOT_JUDGED, why, tested, clause, limit, limit_zh, Outcome.PASS)
            self.fails = Finding(Outcome.NOT_JUDGED, why, tested, clause, limit, limit_zh, Outcome.FAIL)
        self.not_judged = {
            reason: Finding(Outcome.NOT_JUDGED, reason, flags_of(reason, clause.decides), clause, limit, limit_zh)
            for reason in Reason
        }


def flags_of(reason: Reason, decides: bool = False) -> int:
    """The flags of a measurement that was not judged for ``reason``, by a limit that ``decides``."""
    usable = reason in _HAS_NO_LIMIT or (reason in _BY_LIMIT and not decides)
    return int(Flags.TESTED if usable else Flags.UNUSABLE)


WITHOUT_LIMIT = {reason: Finding(Outcome.NOT_JUDGED, reason, flags_of(reason)) for reason in Reason}


def not_applicable(reason: Reason, clause: Clause | None) -> Finding:
    """The standard itself (``clause``) says that its limit is not for such a specimen."""
    return Finding(Outcome.NOT_APPLICABLE, reason, flags_of(reason), clause)

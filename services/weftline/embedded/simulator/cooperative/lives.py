"""What is true of the members of a cooperative that is played: dates and decisions, as they were made.

Times are ms, as the source writes them: of one that knows dates only, local midnight. What is still to come stands there too;
:mod:`.knowledge` looks at nothing later than the moment that it is asked about.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from weftline.domain.vocabulary import EnforcementLevel, FundStep, Payer, QualityList, SizeClass, TestPurpose
from weftline.embedded.simulator.catalogue import Category


@dataclass(slots=True, eq=False)
class Test:
    """A laboratory report of a member. ``original``: the number of the failed report that it answers to."""

    number: str
    category: Category
    purpose: TestPurpose
    payer: Payer
    tested: int
    issued: int
    verified: int
    failing: frozenset[str] = frozenset()
    original: str | None = None
    withdrawn: int | None = None


@dataclass(slots=True, eq=False)
class Request:
    """A free test. ``test``: the report by which it was done."""

    request_id: str
    year: int
    steps: list[tuple[int, FundStep]]
    batches: int = 1
    case_id: str | None = None
    by_exception: bool = False
    test: Test | None = None
    paid_minor: int = 0
    reason: str | None = None


@dataclass(slots=True, eq=False)
class Case:
    """A spot check that failed. ``retested``: times of re-inspections, and whether they passed; ``due``: a date that the order states."""

    case_id: str
    level: EnforcementLevel
    failed: int
    indicators: tuple[str, ...]
    slight: bool
    ordered: int
    due: int | None = None
    reported: int | None = None
    accepted: int | None = None
    retested: list[tuple[int, bool]] = field(default_factory=list)
    announced: int | None = None
    spot_check: Test | None = None
    free_test: Test | None = None


@dataclass(slots=True, eq=False)
class Entry:
    """An entry on a list: ``on`` which. ``steps``: times and steps in their order; ``expires``: where a decision states an end."""

    listing_id: str
    on: QualityList
    ground: str
    evidence: tuple[str, ...]
    steps: list[tuple[int, str]]
    expires: int | None = None


@dataclass(slots=True, eq=False)
class Officer:
    """A person in office. ``trained``: when, and until when that holds."""

    person_id: str
    chief: bool
    appointed: int
    trained: tuple[int, int] | None = None
    ended: int | None = None


@dataclass(slots=True, eq=False)
class Member:
    """One member and all that happens to it."""

    factory_id: str
    size: SizeClass
    online: bool
    limited: bool
    membership: list[tuple[int, str]]
    officers: list[Officer] = field(default_factory=list)
    certificate: list[tuple[int, str, int | None]] = field(default_factory=list)
    grades: list[tuple[int, int, str]] = field(default_factory=list)
    standards: list[tuple[int, str]] = field(default_factory=list)
    brands: list[tuple[int, str, int | None]] = field(default_factory=list)
    tests: list[Test] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    mark: list[tuple[int, str, int | None]] = field(default_factory=list)
    #: Slots of time in which it is not tested.
    free: set[int] = field(default_factory=set)

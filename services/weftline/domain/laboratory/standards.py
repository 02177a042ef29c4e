"""Standards as dated data: what the files under ``schemas/standards`` say, as values.

What ``confidence`` means
-------------------------
Every limit has a clause, and every clause a confidence:

- ``CONFIRMED``: the figure was read in the source that stands beside it. It decides: a reading passes or fails by it, and an
  indicator that has such a limit can be required.
- ``UNCONFIRMED``: nobody who holds the standard has confirmed the figure. It is compared and shown (:attr:`Finding.indication` says
  what it would have decided), and that is all: it passes and fails nothing, requires nothing, raises no alert.
- ``EXAMPLE``: the figure comes from somewhere else (a buyer's sheet, a forum) and only shows how the item works. Treated the same.

The only switch is the data: who holds the standard and has read the clause changes ``confidence`` to ``confirmed`` and names the
source. An exception (:class:`Relief`) carries the confidence of its clause likewise, and an unconfirmed one frees nothing.
What is required of which kind of specimen (:class:`Requirement`) is not a figure of a standard but the cooperative's reading of it.
It can make a verdict INCOMPLETE, never PASS or FAIL, so it has no confidence.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from weftline.domain.laboratory.grades import Scale
from weftline.domain.laboratory.spelling import NO_SPELLINGS, Spellings, key
from weftline.domain.vocabulary import AgeGroup, MeasurementKind, SafetyClass, SpecimenType

SAFETY_CLASSES = (SafetyClass.A, SafetyClass.B, SafetyClass.C)


class Confidence(StrEnum):
    """How sure we are of a figure; see the module's docstring."""

    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    EXAMPLE = "example"


@dataclass(frozen=True, slots=True)
class Clause:
    """Where a figure is written. ``safety``: failing it endangers people, so it raises the safety alert."""

    standard: str
    edition: str
    number: str
    source: str
    confidence: Confidence
    safety: bool = False

    @property
    def decides(self) -> bool:
        """Whether a verdict may rest on it."""
        return self.confidence is Confidence.CONFIRMED

    @property
    def text(self) -> str:
        """Standard, edition and clause: ``GB 18401-2010, table 1``."""
        return f"{self.standard}-{self.edition}, {self.number}"


@dataclass(frozen=True, slots=True)
class Method:
    """A test method of an indicator, without its year; ``detection_limit`` in the indicator's unit, None if we know none."""

    name: str
    detection_limit: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Indicator:
    """What can be measured: one entry of ``indicators.yaml``.

    ``accepts``: how a result may be expressed. ``units``: further unit in use → what one of it is in ``unit`` (None: the indicator
    has no unit); where there are any, a number without a unit is no result. ``least`` and ``most``: what is physically possible.
    ``both_readings``: change and staining are both needed. ``codes``: code of a qualitative result → whether it is acceptable;
    ``codes_zh``: their names in Chinese. The first of ``methods`` is the one that the standard prescribes.
    """

    code: str
    zh: str
    en: str
    accepts: frozenset[MeasurementKind]
    unit: str | None = None
    units: Mapping[str, Decimal] = field(default_factory=dict)
    least: Decimal | None = None
    most: Decimal | None = None
    scale: Scale | None = None
    both_readings: bool = False
    codes: Mapping[str, bool] = field(default_factory=dict)
    codes_zh: Mapping[str, str] = field(default_factory=dict)
    methods: tuple[Method, ...] = ()
    spellings: Spellings = NO_SPELLINGS


@dataclass(frozen=True, slots=True)
class Category:
    """A product category: one entry of ``categories.yaml``. ``usual_class``: by use; None if nobody says."""

    code: str
    zh: str
    en: str
    usual_class: SafetyClass | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """From ``low`` to ``high``, both included, in the indicator's unit; None is no bound."""

    clause: Clause
    low: Decimal | None = None
    high: Decimal | None = None


@dataclass(frozen=True, slots=True)
class LeastGrades:
    """Half steps that change of colour and staining must reach, each reading its own."""

    clause: Clause
    change: int
    staining: int


@dataclass(frozen=True, slots=True)
class Acceptable:
    """A qualitative result must be one of the indicator's acceptable codes."""

    clause: Clause


@dataclass(frozen=True, slots=True)
class Band:
    """For labelled shares up to ``up_to`` percent: measured within ``tolerance`` percentage points of the label.

    Where the label states at most ``never_zero_up_to``, the fibre must be there at all.
    """

    clause: Clause
    up_to: Decimal
    tolerance: Decimal
    never_zero_up_to: Decimal | None = None


@dataclass(frozen=True, slots=True)
class LabelShare:
    """A fibre's share against the label, by bands of the labelled share, smallest first (GB/T 29862-2013 clause 7).

    ``pure``: for a label of 100 %, whatever the part. ``trace``: fibres that the label leaves out may amount to ``trace_total``
    percent together. ``filling`` holds for the filling of a product: specimens of ``filling_kinds``, or with the trait
    ``filling_trait``, unless a component names its part (``shell/cotton``, ``filling/polyester``; ``filling_parts`` as
    :func:`~weftline.domain.laboratory.spelling.key` folds them). ``label_needed``: specimens whose fibres have to be labelled.
    ``sum_tolerance``: how far the shares of one part may be from 100 % together before that is remarked.
    """

    textile: tuple[Band, ...]
    filling: tuple[Band, ...]
    pure: Band
    trace: Clause
    trace_total: Decimal
    filling_kinds: frozenset[str]
    filling_trait: str
    filling_parts: frozenset[str]
    label_needed: frozenset[SpecimenType]
    sum_tolerance: Decimal


Limit = Bounds | LeastGrades | Acceptable | LabelShare


@dataclass(frozen=True, slots=True)
class Scope:
    """What a rule is about; an empty set is everything."""

    specimens: frozenset[SpecimenType] = frozenset()
    kinds: frozenset[str] = frozenset()
    age_groups: frozenset[AgeGroup] = frozenset()

    def covers(self, specimen: SpecimenType, kind: str | None, age_group: AgeGroup) -> bool:
        """Whether such a specimen is within it."""
        return (
            (not self.specimens or specimen in self.specimens)
            and (not self.kinds or kind in self.kinds)
            and (not self.age_groups or age_group in self.age_groups)
        )


@dataclass(frozen=True, slots=True)
class LimitRule:
    """The limits of one indicator by safety class; ``by_class`` false: the same for all, and for an unknown class.

    ``sum_of``: the components that the limit is about together; none: each measurement by itself.
    """

    indicator: str
    scope: Scope
    limits: Mapping[SafetyClass, Limit]
    by_class: bool
    sum_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Relief:
    """An exception for specimens with a ``trait``: another limit for the indicators, or (``instead`` None) none at all."""

    trait: str
    indicators: frozenset[str]
    scope: Scope
    clause: Clause
    instead: Limit | None = None


@dataclass(frozen=True, slots=True)
class Requirement:
    """What has to be tested of specimens within ``scope``, as far as a confirmed limit applies to it."""

    scope: Scope
    indicators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Standard:
    """One edition of a standard, valid for test dates ``valid_from`` ≤ t < ``valid_to`` (ms UTC; None: still in force).

    ``class_of_age_group``: the class that the standard prescribes for an age group, whatever was declared. Of ``requirements``
    the first whose scope covers the specimen counts. ``out_of_scope``: product categories with which it has nothing to do, and where
    it says so (``scope_clause``).
    """

    name: str
    edition: str
    title_zh: str
    title_en: str
    valid_from: int
    valid_to: int | None
    source: str
    limits: tuple[LimitRule, ...] = ()
    reliefs: tuple[Relief, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    class_of_age_group: Mapping[AgeGroup, SafetyClass] = field(default_factory=dict)
    out_of_scope: frozenset[str] = frozenset()
    scope_clause: Clause | None = None

    @property
    def label(self) -> str:
        """``GB 18401-2010``."""
        return f"{self.name}-{self.edition}"

    def scopes(self) -> Iterator[Scope]:
        """The scope of every rule."""
        yield from (rule.scope for rule in self.limits)
        yield from (relief.scope for relief in self.reliefs)
        yield from (requirement.scope for requirement in self.requirements)


@dataclass(frozen=True, slots=True)
class Programme:
    """A list of indicators that somebody proposes to order; the members of an entry are alternatives. It decides nothing."""

    code: str
    title_zh: str
    title_en: str
    status: str
    source: str
    entries: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Standards:
    """All editions that we know. A value, but for the ``memo`` of what others have already looked up in it."""

    indicators: Mapping[str, Indicator]
    editions: tuple[Standard, ...]
    programmes: tuple[Programme, ...] = ()
    categories: Mapping[str, Category] = field(default_factory=dict)  # by the key of every spelling of the code
    # Bounded: only kinds, traits and categories that some standard names are part of a key.
    memo: dict[tuple[object, ...], object] = field(default_factory=dict, compare=False, repr=False)
    changes: tuple[int, ...] = field(init=False, compare=False, repr=False)
    kinds: Mapping[str, str] = field(init=False, compare=False, repr=False)  # by their keys, as traits
    traits: Mapping[str, str] = field(init=False, compare=False, repr=False)
    excluded: frozenset[str] = field(init=False, compare=False, repr=False)  # categories that are out of some standard's scope
    label_shares: tuple[tuple[str, LabelShare], ...] = field(init=False, compare=False, repr=False)  # by indicator

    def __post_init__(self) -> None:
        changes: set[int] = set()
        kinds: set[str] = set()
        traits: set[str] = set()
        label_shares: dict[str, LabelShare] = {}
        for standard in self.editions:
            changes.add(standard.valid_from)
            if standard.valid_to is not None:
                changes.add(standard.valid_to)
            for scope in standard.scopes():
                kinds |= scope.kinds
            traits |= {relief.trait for relief in standard.reliefs}
            shares = {
                rule.indicator: limit for rule in standard.limits for limit in rule.limits.values() if isinstance(limit, LabelShare)
            }
            label_shares |= shares
            for share in shares.values():
                kinds |= share.filling_kinds
                traits.add(share.filling_trait)
        object.__setattr__(self, "changes", tuple(sorted(changes)))
        object.__setattr__(self, "kinds", {key(kind): kind for kind in kinds})
        object.__setattr__(self, "traits", {key(trait): trait for trait in traits})
        object.__setattr__(self, "label_shares", tuple(label_shares.items()))
        object.__setattr__(self, "excluded", frozenset().union(*(standard.out_of_scope for standard in self.editions)))

    @property
    def safety_indicators(self) -> frozenset[str]:
        """Indicators for which some edition sets a confirmed limit that protects people."""
        return frozenset(
            rule.indicator
            for standard in self.editions
            for rule in standard.limits
            for limit in rule.limits.values()
            if not isinstance(limit, LabelShare) and limit.clause.safety and limit.clause.decides
        )

    def category(self, name: str | None) -> Category | None:
        """The product category that somebody calls ``name``; None for one of which nothing is known."""
        return None if name is None else self.categories.get(key(name))

    def period(self, time: int) -> int:
        """The number of the span of time, between two changes of any edition, in which ``time`` lies."""
        return bisect_right(self.changes, time)

    def in_force(self, time: int) -> tuple[Standard, ...]:
        """The editions valid at ``time`` (ms UTC)."""
        return tuple(s for s in self.editions if s.valid_from <= time and (s.valid_to is None or time < s.valid_to))

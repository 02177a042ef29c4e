"""What a laboratory reads off a specimen that it was decided should pass or fail.

The limits are those of GB 18401-2010, GB 31701-2015 and GB/T 29862-2013 (clause 7.4), written down here a second time on purpose.
Values keep clear of every limit by more than any reading of a rule could move it, so that "decided to fail" and "fails" are one.
"""

from __future__ import annotations

from random import Random
from typing import Final, NamedTuple

from weftline.domain.events import Measurement
from weftline.domain.vocabulary import MeasurementKind, SafetyClass
from weftline.embedded.simulator.catalogue import Category

FORMALDEHYDE: Final = "formaldehyde"
PH: Final = "ph"
ODOUR: Final = "odour"
AZO: Final = "azo_amines"
FIBRE: Final = "fibre_content"
SALIVA: Final = "cf_saliva"
WET_RUBBING: Final = "cf_wet_rubbing"
LEAD: Final = "lead"
PERSPIRATION: Final = ("cf_acid_perspiration", "cf_alkaline_perspiration")
FASTNESS: Final = ("cf_water", *PERSPIRATION, "cf_dry_rubbing")

#: Indicators of mandatory safety (GB 18401-2010, and GB 31701-2015 for infants): failing one is a safety alert.
SAFETY: Final = frozenset({FORMALDEHYDE, PH, ODOUR, AZO, SALIVA, WET_RUBBING, LEAD, *FASTNESS})

_METHODS: Final = {
    FORMALDEHYDE: "GB/T 2912.1-2009",
    PH: "GB/T 7573-2009",
    ODOUR: "GB 18401-2010",
    AZO: "GB/T 17592-2011",
    FIBRE: "GB/T 2910-2009",
    SALIVA: "GB/T 18886-2019",
    WET_RUBBING: "GB/T 3920-2008",
    LEAD: "GB/T 30157-2013",
    "cf_water": "GB/T 5713-2013",
    "cf_acid_perspiration": "GB/T 3922-2013",
    "cf_alkaline_perspiration": "GB/T 3922-2013",
    "cf_dry_rubbing": "GB/T 3920-2008",
}
# How failures are spread over the indicators.
_FAILS: Final = {FORMALDEHYDE: 10, PH: 18, ODOUR: 3, AZO: 4, FIBRE: 30, SALIVA: 2, WET_RUBBING: 4, LEAD: 1}
_GRADES: Final = ("1", "1-2", "2", "2-3", "3", "3-4", "4", "4-5", "5")
_FORMALDEHYDE_MAX: Final = {SafetyClass.A: 20.0, SafetyClass.B: 75.0, SafetyClass.C: 300.0}
_PH_FAILING: Final = {SafetyClass.A: (8.0, 9.4), SafetyClass.B: (8.9, 9.9), SafetyClass.C: (9.4, 10.4)}


class Read(NamedTuple):
    """The measurements of one specimen, and which indicators were not detected."""

    measurements: tuple[Measurement, ...]
    not_detected: frozenset[str]


def plan_of(category: Category, *, fabric: bool, auxiliary: bool) -> tuple[str, ...]:
    """What is tested: a thread has no colour fastness here, a curtain no perspiration, and some things only infants have."""
    if auxiliary:
        return (FORMALDEHYDE, PH, ODOUR, AZO)
    fastness = [name for name in FASTNESS if not (category.hanging and name in PERSPIRATION)]
    infant = (SALIVA, WET_RUBBING, LEAD) if category.safety_class is SafetyClass.A else ()
    return (FORMALDEHYDE, PH, ODOUR, AZO, *fastness, *infant, *(() if fabric else (FIBRE,)))


def choose_failing(rng: Random, plan: tuple[str, ...], blend: bool) -> frozenset[str]:
    """One failing indicator, sometimes two. A pure material is not made to fail on fibre content: its tolerance is disputed."""
    names = [name for name in plan if blend or name != FIBRE]
    weights = [_FAILS.get(name, 8) for name in names]
    return frozenset(rng.choices(names, weights, k=2 if rng.random() < 0.12 else 1))


def measure(
    rng: Random,
    safety_class: SafetyClass,
    fibres: tuple[tuple[str, int], ...],
    plan: tuple[str, ...],
    failing: frozenset[str],
    left_out: frozenset[str] = frozenset(),
) -> Read:
    """Readings for ``plan`` without ``left_out``; exactly the indicators of ``failing`` break their limit."""
    found: list[Measurement] = []
    not_detected: set[str] = set()
    for name in plan:
        if name in left_out:
            continue
        bad = name in failing
        if name in (FORMALDEHYDE, AZO, LEAD):
            made = _chemical(rng, name, safety_class, bad)
            if made.kind is MeasurementKind.NOT_DETECTED:
                not_detected.add(name)
            found.append(made)
        elif name == PH:
            low, high = _PH_FAILING[safety_class]
            value = rng.uniform(low, high) if bad else min(max(rng.gauss(6.6, 0.4), 4.6), 7.2)
            found.append(Measurement(indicator=name, kind=MeasurementKind.NUMBER, method=_METHODS[name], value=round(value, 1)))
        elif name == ODOUR:
            text = rng.choice(("mould", "petroleum", "fish", "aromatic")) if bad else "none"
            found.append(Measurement(indicator=name, kind=MeasurementKind.QUALITATIVE, method=_METHODS[name], text=text))
        elif name == FIBRE:
            found.extend(_fibres(rng, fibres, bad))
        else:
            found.append(_fastness(rng, name, bad))
    return Read(tuple(found), frozenset(not_detected))


def _chemical(rng: Random, name: str, safety_class: SafetyClass, bad: bool) -> Measurement:
    # Formaldehyde below 20 mg/kg is "not detectable" (GB/T 2912.1-2009), and 20 is the limit of class A.
    limit, floor = {LEAD: (90.0, 10.0), AZO: (20.0, 5.0)}.get(name) or (_FORMALDEHYDE_MAX[safety_class], 20.0)
    if bad:
        value = limit * rng.uniform(1.15, 3.2)
    elif limit <= floor or rng.random() < (0.68 if name == FORMALDEHYDE else 0.985):
        return Measurement(
            indicator=name, kind=MeasurementKind.NOT_DETECTED, method=_METHODS[name], detection_limit=floor, unit="mg/kg"
        )
    else:
        value = floor + (0.9 * limit - floor) * rng.random() ** 2
    return Measurement(indicator=name, kind=MeasurementKind.NUMBER, method=_METHODS[name], value=round(value, 1), unit="mg/kg")


def _fastness(rng: Random, name: str, bad: bool) -> Measurement:
    """Change and staining, the worse decides; rubbing has staining only. Grade 4 passes everywhere, 2-3 nowhere (GB 18401-2010)."""
    worse = rng.choice((2, 3, 3)) if bad else rng.choice((6, 6, 6, 7, 7, 8))
    other = min(worse + rng.choice((0, 0, 1)), 8)
    change, staining = (worse, other) if rng.random() < 0.3 else (other, worse)
    single = name in ("cf_dry_rubbing", WET_RUBBING)
    return Measurement(
        indicator=name,
        kind=MeasurementKind.GRADE,
        method=_METHODS[name],
        change_grade=None if single else _GRADES[change],
        staining_grade=_GRADES[worse if single else staining],
    )


def _fibres(rng: Random, fibres: tuple[tuple[str, int], ...], bad: bool) -> list[Measurement]:
    """Shares against the label: off by 6 to 9 points or by 1.5 at most, where 3 are allowed of a small share, in a filling 5."""
    (first, share), *rest = fibres
    off = 0.0 if not rest else -rng.uniform(6.0, 9.0) if bad else rng.uniform(-1.5, 1.5)
    value = round(share + off, 1)
    shares = [(first, share, value), *((name, label, round(100.0 - value, 1)) for name, label in rest)]
    return [
        Measurement(
            indicator=FIBRE,
            component=name,
            kind=MeasurementKind.NUMBER,
            method=_METHODS[FIBRE],
            value=measured,
            labelled_value=float(label),
            unit="%",
        )
        for name, label, measured in shares
    ]

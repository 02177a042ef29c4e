"""What a home-textile cluster makes: product categories, sample types, centers. Figures are believable, not measured."""

from __future__ import annotations

from typing import Final, NamedTuple

from weftline.domain.vocabulary import AgeGroup, ProductionStep, SafetyClass, SampleType
from weftline.embedded.simulator.workdays import DAY, MINUTE

P = ProductionStep


class Category(NamedTuple):
    """A product category; ``season`` weighs the twelve months, ``fibres`` are label declarations (fibre, percent)."""

    code: str
    safety_class: SafetyClass
    season: tuple[int, ...]
    fibres: tuple[tuple[tuple[str, int], ...], ...]
    price_usd: float
    filled: bool = False
    hanging: bool = False
    age_group: AgeGroup = AgeGroup.GENERAL


# Unfilled goods are pure, fillings sometimes blended with a small share: nobody has read the tolerance for shares above 10 % in other
# textiles (GB/T 29862-2013), so a sheet of 65 % polyester could neither be decided to pass nor to fail.
_COTTON = (("cotton", 100),)
_POLYESTER = (("polyester", 100),)
_LYOCELL = (("lyocell", 100),)
_LINEN = (("linen", 100),)
_WOOL = (("wool", 100),)
_COTTON_LINEN = (("cotton", 92), ("linen", 8))
_POLYESTER_VISCOSE = (("polyester", 92), ("viscose", 8))
_POLYESTER_WOOL = (("polyester", 90), ("wool", 10))
_B, _C = SafetyClass.B, SafetyClass.C

# Class by use: bedding touches the skin (B), curtains do not (C), infants' goods are A (GB 18401-2010; jts-cert.com/product/553).
CATEGORIES: Final = (
    Category("sheet", _B, (6, 5, 8, 9, 9, 8, 7, 8, 9, 9, 8, 7), (_COTTON, _LYOCELL), 7.5),
    Category("quilt-cover", _B, (6, 5, 8, 8, 8, 7, 7, 9, 10, 10, 9, 7), (_COTTON, _LYOCELL), 12.0),
    Category("pillowcase", _B, (5, 4, 6, 7, 7, 7, 6, 7, 7, 7, 6, 5), (_COTTON, _LINEN), 3.2),
    Category("bedding-set", _B, (7, 5, 9, 9, 9, 8, 8, 11, 12, 13, 12, 9), (_COTTON, _LYOCELL), 29.0),
    Category("quilt", _B, (5, 3, 3, 3, 3, 4, 6, 9, 12, 13, 11, 8), (_POLYESTER, _POLYESTER_WOOL), 24.0, filled=True),
    Category("summer-quilt", _B, (3, 4, 8, 11, 12, 10, 6, 3, 2, 1, 1, 2), (_COTTON, _COTTON_LINEN), 15.0, filled=True),
    Category("pillow", _B, (4, 3, 5, 6, 6, 6, 6, 6, 6, 6, 6, 5), (_POLYESTER, _POLYESTER_VISCOSE), 6.0, filled=True),
    Category("cushion", _C, (3, 3, 5, 5, 5, 4, 4, 5, 6, 7, 8, 5), (_POLYESTER, _POLYESTER_VISCOSE), 5.0, filled=True),
    Category("curtain", _C, (3, 3, 7, 8, 8, 6, 5, 6, 8, 8, 6, 4), (_POLYESTER, _LINEN), 18.0, hanging=True),
    Category("blanket", _B, (5, 3, 2, 2, 2, 2, 3, 6, 9, 10, 9, 7), (_POLYESTER, _WOOL), 11.0),
    Category("infant-set", SafetyClass.A, (4, 4, 5, 5, 6, 6, 5, 5, 5, 5, 5, 4), (_COTTON,), 21.0, age_group=AgeGroup.INFANT),
)


class Sample(NamedTuple):
    """A sample type: its share, hours at the bench, production steps, and the share of revisions asked for in round 1."""

    type: SampleType
    share: float
    hours: float
    steps: tuple[ProductionStep, ...]
    revised: float


SAMPLES: Final = (
    Sample(SampleType.PROTO, 0.24, 16.0, (P.PATTERN, P.CUT, P.SEW), 0.42),
    Sample(SampleType.LAB_DIP, 0.18, 4.0, (P.PRINT,), 0.38),
    Sample(SampleType.STRIKE_OFF, 0.16, 8.0, (P.PATTERN, P.PRINT), 0.45),
    Sample(SampleType.SIZE_SET, 0.08, 22.0, (P.PATTERN, P.CUT, P.SEW), 0.30),
    Sample(SampleType.PRE_PRODUCTION, 0.16, 20.0, (P.CUT, P.SEW, P.FINISH), 0.22),
    Sample(SampleType.SALES, 0.12, 12.0, (P.CUT, P.SEW, P.FINISH), 0.12),
    Sample(SampleType.TOP, 0.06, 6.0, (P.FINISH,), 0.06),
)


class CenterSpec(NamedTuple):
    """A sampling center: share of the orders, share of its capacity that they fill, and how its export writes times.

    ``precision`` in ms: a center whose export has dates without a time has one day. ``sequenced``: it numbers its events. ``rounds``: it
    numbers the rounds of its orders; one that does not leaves the number out.
    """

    name: str
    zh: str
    short: str
    cooperative: int
    share: float
    load: float
    precision: int
    sequenced: bool
    rounds: bool


CENTERS: Final = (
    CenterSpec("dieshiqiao", "叠石桥", "DS", 0, 0.38, 0.84, 1, True, True),
    CenterSpec("sanxing", "三星", "SX", 0, 0.25, 0.76, MINUTE, False, False),
    CenterSpec("chuanjiang", "川姜", "CJ", 1, 0.22, 0.88, DAY, True, True),
    CenterSpec("xianfeng", "先锋", "XF", 1, 0.15, 0.68, DAY, False, True),
)

DISPATCH_HUBS: Final = ("port:cnsha", "port:cnntg", "hub:hangzhou", "hub:guangzhou", "hub:beijing", "hub:yiwu")
CARRIERS: Final = ("sf", "zto", "deppon", "sinotrans", "cosco")

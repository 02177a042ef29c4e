"""How much a message may hold: no more than a real one needs, for somebody else pays for every list that is longer.

They are asked at the gate, that is when an event is published and when a processor reads it from the log. What is stored already is read
back without them (``stored`` of :meth:`weftline.contracts.codec.Codec.decode`): a limit that becomes smaller makes nobody's history
unreadable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: Kafka's own default for what a producer may send as one batch, said so that a cluster with another default differs in nothing.
MAX_BATCH_BYTES: Final = 1_048_588


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest of each. Characters are Unicode code points."""

    #: Characters of an identifier. EPCIS names things by URI: a digital link with GTIN, lot and serial takes 120, a CBV hash id 94.
    identifier: int = 200
    #: Characters of free text: a reason takes a sentence or two. The texts of our own alerts stay below it.
    text: int = 2_000
    #: Of one report. A children's quilt of five fabrics: 24 amines, 6 phthalates and 5 more of each (175), fastness to water, two
    #: perspirations, rubbing and soaping of eight colours (40), and 40 for fibres, filling and strength.
    measurements: int = 300
    #: Indicators that a test plan orders: there are some 40 in all (schemas/standards/indicators.yaml).
    test_plan: int = 100
    #: What is special about a specimen (undyed, hanging, ...): a closed list of a dozen.
    traits: int = 50
    #: Plans of a lot inspection: one for each of three classes of nonconformity, and some for special levels.
    plans: int = 10
    #: Lots that one report or inspection speaks of: a style's lots of a season.
    lots: int = 100
    #: Orders and lots in one shipment: a 40-foot container takes some 1,000 cartons.
    shipped: int = 1_000
    #: Events that replace an erroneous one: a wrong total becomes a handful of parts.
    corrections: int = 100
    #: Rounds of one sample order. Two or three are usual, six are many; the order's state has an entry for each.
    rounds: int = 50
    #: Pieces of evidence of one alert: every measurement of a report may fail.
    evidence: int = 300
    #: Alerts of one digest; a longer backlog comes in several, as does one of many bytes (domain/digests.py).
    listed: int = 500


LIMITS = Limits()

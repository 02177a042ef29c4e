"""How large a cooperative is played, and for how long; by default the one of the founding documents, in its five years."""

from __future__ import annotations

from dataclasses import dataclass, fields

from weftline.embedded.simulator.workdays import DAY, midnight
from weftline.errors import UserError

#: A test, from the request to the report, takes less than so many days; nobody has two of them at once.
SLOT_DAYS = 15
_SHORTEST_DAYS = 20 * SLOT_DAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class CooperativePlay:
    """A cooperative from its first day to ``end`` (ms); ``name`` is its id, and begins those of its members.

    ``founders`` and ``members``: how many there are on the first day and on the last; ``leavers`` left in between. ``batches``: free tests
    that are done by the end, free re-inspections among them, of which ``failed`` fail; ``budget_minor`` is what they cost together.
    ``checks``: cases that an authority opens. ``graded``: members that have an official grade; ``certified``: with ISO 9001.
    """

    start: int
    end: int
    name: str = "nantong"
    founders: int = 17
    members: int = 553
    leavers: int = 16
    chiefs: int = 72
    specialists: int = 481
    certified: int = 97
    graded: int = 208
    batches: int = 3_800
    failed: int = 95
    budget_minor: int = 225_000_000
    checks: int = 120
    places: int = 25

    def __post_init__(self) -> None:
        faults = [
            f"{each.name} must not be negative" for each in fields(self) if isinstance(n := getattr(self, each.name), int) and n < 0
        ]
        if self.days < _SHORTEST_DAYS:
            faults.append(f"it must last for at least {_SHORTEST_DAYS} days, got {self.days}")
        if not 0 < self.founders <= self.members:
            faults.append("there must be founders, and no fewer members")
        if max(self.chiefs, self.certified, self.graded) > self.members or self.failed * 2 > self.batches:
            faults.append("of members there cannot be more than there are, and of tests no more than half may fail")
        if faults:
            raise UserError("the cooperative cannot be played: " + "; ".join(faults))

    @classmethod
    def five_years(cls, end: int, name: str = "nantong") -> CooperativePlay:
        """That of the founding documents."""
        return cls(start=end - 1_826 * DAY, end=end, name=name)

    @classmethod
    def small(cls, end: int, *, days: int = 760, name: str = "nantong") -> CooperativePlay:
        """A few members in two years: a little of everything."""
        return cls(
            start=end - days * DAY,
            end=end,
            name=name,
            founders=8,
            members=16,
            leavers=1,
            chiefs=5,
            specialists=12,
            certified=11,
            graded=5,
            batches=70,
            failed=5,
            budget_minor=70 * 59_210,
            checks=14,
            places=2,
        )

    @property
    def member_ids(self) -> list[str]:
        """All who ever join, in the order in which they do."""
        return [f"{self.name}-{number:04d}" for number in range(1, self.members + self.leavers + 1)]

    @property
    def first_day(self) -> int:
        """Local midnight that begins its first whole day (ms)."""
        return midnight(self.start + DAY - 1)

    @property
    def days(self) -> int:
        """Whole days that are played."""
        return (self.end - self.first_day) // DAY

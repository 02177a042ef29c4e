"""Questions about the members of one cooperative: whose records are read, by which rules they are judged, and as of when.

What commands and pages say of a member is judged here from its records, so that a moment of the past is as good as now.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from weftline.contracts.codec import Codec
from weftline.contracts.registry import open_registry
from weftline.contracts.standards import load_cooperative_rules, load_standards
from weftline.domain.cooperative.desk import desk_of, fund_years
from weftline.domain.cooperative.fund import year_of
from weftline.domain.cooperative.member import Judgement, judge_member
from weftline.domain.cooperative.rules import Editions
from weftline.domain.laboratory import Standards
from weftline.domain.rows.desk import DeskRow
from weftline.errors import UserError
from weftline.processors.member_records import MemberRecords, members, read_members
from weftline.runtime.clock import clock_of
from weftline.runtime.settings import Settings
from weftline.warehouse.client import reader


@dataclass(frozen=True, slots=True)
class Asked:
    """The records of the members who are asked about, of one cooperative, and how to judge them as of ``moment`` (ms)."""

    members: Sequence[MemberRecords]
    standards: Standards
    editions: Editions
    moment: int
    until: int | None

    @property
    def cooperative_id(self) -> str:
        return self.members[0].cooperative_id

    @property
    def year(self) -> int:
        """The year of the fund that ``moment`` lies in, by the cooperative's own calendar."""
        return year_of(self.moment, self.editions.at(self.moment))

    def judge(self, member: MemberRecords, years: Iterable[int] = ()) -> Judgement:
        """What the rules say of it; ``years``: of the fund, besides those that its events name."""
        return judge_member(member.history(self.standards, self.until), self.editions, self.moment, years)

    def desk(self, member: MemberRecords, years: Iterable[int] = ()) -> tuple[Judgement, DeskRow]:
        """The judgement with all years of the fund, and the desk that a table has of it."""
        history = member.history(self.standards, self.until)
        judged = judge_member(history, self.editions, self.moment, (*fund_years(history, self.editions, self.moment), *years))
        return judged, desk_of(judged, self.editions, (member.cooperative_id, member.factory_id))


def ask(settings: Settings, cooperative: str | None, factory: str | None, as_of: int | None) -> Asked:
    """Whom somebody asks about. Raises :class:`UserError` if nobody, or not one cooperative, is meant."""
    standards = load_standards()
    book = load_cooperative_rules(standards)
    with reader(settings) as server:
        named = members(server, cooperative, factory)
        cooperatives = sorted({pair[0] for pair in named})
        if not named:
            who = f"member {factory}" if factory is not None else "member"
            where = f" of cooperative {cooperative}" if cooperative is not None else ""
            raise UserError(f"there is no event of any {who}{where}; `weftline status` says whether the processor cooperative runs")
        if len(cooperatives) > 1:
            raise UserError(f"several cooperatives have events of it: {', '.join(cooperatives)}; name one with --cooperative")
        found = read_members(server, Codec(open_registry(settings.schema_registry)), named)
        moment = as_of if as_of is not None else clock_of(settings.simulated_clock, server.clock())()
    return Asked(found, standards, book.of(cooperatives[0]), moment, as_of)

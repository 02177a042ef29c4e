"""How budgets burn down: what the view sums over members is what the rules say of the same events in memory, told in whatever order."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from tests.support.cooperative import rulebook
from tests.support.panels import Engine, faults, sent
from tests.support.tables import kinds

from weftline.boards import BOARDS
from weftline.boards.macros import Choice
from weftline.boards.model import LANGUAGES
from weftline.contracts.codec import FRAMING, Codec, rank_of
from weftline.contracts.registry import FileRegistry
from weftline.domain.cooperative.burn import Outlook, outlook
from weftline.domain.cooperative.events import CooperativeEvent, Fund, Membership
from weftline.domain.cooperative.fund import year_of, year_span
from weftline.domain.cooperative.history import History as Told
from weftline.domain.cooperative.member import judge_member
from weftline.domain.cooperative.pool import Pool, pool_of
from weftline.domain.days import DAY
from weftline.domain.fold import History, Outcome, Record
from weftline.domain.vocabulary import CooperativeKind, FundStep, MembershipStep
from weftline.processors.store import Store, judged_of
from weftline.runtime.settings import Settings
from weftline.warehouse.client import Reader, Warehouse, reader
from weftline.warehouse.migrations import migrate

KIND = kinds()["cooperative"]
BOOK = rulebook().of("*")
NOW = int(datetime.now(UTC).timestamp() * 1000)
YEAR = year_of(NOW, BOOK.at(NOW))
#: So many cooperatives, each with a budget of this year and of the year before.
COOPERATIVES = 24
HOUR = 3_600_000
PRICE = 50_000


def _said(cooperative: str, factory: str, at: int, event_id: str, body: Membership | Fund) -> CooperativeEvent:
    kind = CooperativeKind.FUND if isinstance(body, Fund) else CooperativeKind.MEMBERSHIP
    return CooperativeEvent(
        source="urn:burn",
        event_id=event_id,
        event_time=at,
        event_time_zone_offset="+08:00",
        cooperative_id=cooperative,
        center_id="station",
        factory_id=factory,
        kind=kind,
        **{kind.value.lower(): body},
    )


def _events(cooperative: str, chosen: Random) -> Iterator[CooperativeEvent]:
    """Three members with free tests of two years, at whatever stage; a price list, and budgets that are spent to some part, or beyond."""
    costs = dict.fromkeys((YEAR - 1, YEAR), 0)
    for member in range(3):
        factory = f"{cooperative}-{member}"
        yield _said(cooperative, factory, NOW - 800 * DAY, f"{factory}-joined", Membership(step=MembershipStep.JOINED))
        for number in range(chosen.randint(0, 6)):
            request, year = f"{factory}-{number}", chosen.choice((YEAR - 1, YEAR, YEAR))
            # Not at the very edge of a window, which the clock passes while the test runs.
            at = NOW - chosen.randint(1, 300) * DAY - 12 * HOUR
            batches, paid = chosen.randint(1, 3), chosen.choice((None, 60_000, 150_000))
            steps = chosen.choice(((), (FundStep.APPROVED,), (FundStep.REFUSED,), *[(FundStep.APPROVED, FundStep.DONE)] * 3))
            if FundStep.REFUSED not in steps:
                costs[year] += paid if paid is not None and FundStep.DONE in steps else batches * PRICE
            for place, step in enumerate((FundStep.REQUESTED, *steps)):
                amount = paid if step is FundStep.DONE else None
                currency = "CNY" if amount is not None else None
                body = Fund(step=step, year=year, request_id=request, batches=batches, amount_minor=amount, currency=currency)
                yield _said(cooperative, factory, at + place * HOUR, f"{request}-{step}", body)
    for year, cost in costs.items():
        budget = round(cost * chosen.choice((0, 0.7, 1, 1.01, 1.2, 3)))
        for step, amount in ((FundStep.PRICE_SET, PRICE), (FundStep.BUDGET_SET, budget)):
            body = Fund(step=step, year=year, amount_minor=amount, currency="CNY")
            yield _said(cooperative, cooperative, NOW - 700 * DAY, f"{step}-{year}", body)


def _folded(events: list[CooperativeEvent], chosen: Random) -> list[Outcome]:
    """The rows of state, owner by owner; the events come in any order, and one by one."""
    codec = Codec(FileRegistry())
    records: dict[str, list[Record[Any]]] = defaultdict(list)
    for event in chosen.sample(events, len(events)):
        records[event.owner].append(Record(event, rank_of(codec.encode(event)[FRAMING:], False)))
    found = []
    for owner, theirs in records.items():
        history = History(owner, KIND.start)
        for record in theirs:
            outcome = history.add([record], NOW)
        outcome.rows = history.rows(NOW).rows
        found.append(outcome)
    return found


def _in_memory(cooperative: str, events: list[CooperativeEvent], now: int) -> dict[int, tuple[Pool, Outlook]]:
    by_owner: dict[str, list[CooperativeEvent]] = defaultdict(list)
    for event in sorted(events, key=lambda event: event.event_time):
        by_owner[event.factory_id].append(event)
    own = Told.of(by_owner.pop(cooperative), ())
    members = {factory: judge_member(Told.of(told, ()), BOOK, now, (YEAR - 1, YEAR)) for factory, told in by_owner.items()}
    pools = {year: pool_of(year, own, members) for year in (YEAR - 1, YEAR)}
    return {year: (pool, outlook(pool, BOOK, now)) for year, pool in pools.items()}


async def _store(settings: Settings, outcomes: list[Outcome]) -> None:
    async with await Warehouse.connect(settings) as warehouse:
        store = await Store.open(KIND, warehouse, Codec(FileRegistry()))
        await store.put_states(
            (judged_of(outcome.owner, 0, outcome.known, row), row) for outcome in outcomes for row in outcome.rows
        )


@pytest.fixture(scope="module")
def worlds(clickhouse: str) -> dict[str, list[CooperativeEvent]]:
    """The events of each cooperative; what follows from them is in the tables."""
    chosen = Random(14)
    told = {name: list(_events(name, chosen)) for name in (f"c-{number}" for number in range(COOPERATIVES))}
    settings = _settings(clickhouse)
    migrate(settings)
    asyncio.run(_store(settings, [one for events in told.values() for one in _folded(events, chosen)]))
    return told


@pytest.fixture
def server(clickhouse: str) -> Iterator[Reader]:
    with reader(_settings(clickhouse)) as opened:
        yield opened


def _settings(clickhouse: str) -> Settings:
    return Settings(clickhouse=clickhouse, clickhouse_database=f"burn_{os.getpid()}")


def test_the_view_says_of_every_budget_what_the_rules_say(worlds: dict[str, list[CooperativeEvent]], server: Reader) -> None:
    names = ("cooperative_id", "year", "budget_minor", "used_minor", "reserved_minor", "left_minor", "share", "rule")
    more = ("unpriced", "is_proposal", "since", "pace_days", "lately_minor", "is_over", "budget_ends_at")
    times = {"since", "budget_ends_at"}
    columns = ", ".join(f"toUnixTimestamp64Milli({name}) AS {name}" if name in times else name for name in (*names, *more))
    found = [
        dict(zip((*names, *more), row, strict=True)) for row in server.rows(f"SELECT {columns} FROM (SELECT * FROM fund_burn)")
    ]
    now = server.clock()()
    assert len(found) == 2 * COOPERATIVES
    seen: set[object] = set()
    for row in found:
        name, year = row["cooperative_id"], row["year"]
        pool, ought = _in_memory(name, worlds[name], now)[year]
        assert (row["budget_minor"], row["used_minor"], row["reserved_minor"], row["left_minor"]) == (
            *(pool.budget_minor, pool.spent_minor, pool.committed_minor, pool.left_minor),
        )
        assert row["unpriced"] == pool.unpriced
        assert (row["share"] is None) == (ought.share is None)
        assert ought.share is None or abs(row["share"] - float(ought.share)) < 1e-9
        reached = ought.reached
        assert (row["rule"], row["since"]) == (("", None) if reached is None else (reached.basis.rule, reached.since))
        assert row["is_proposal"] == (None if reached is None else int(reached.basis.is_proposal))
        assert ought.pace is not None
        assert (row["pace_days"], row["lately_minor"], bool(row["is_over"])) == (ought.pace[1], ought.lately_minor, ought.over)
        assert (row["budget_ends_at"] is None) == (ought.ends_at is None), (row, ought)
        assert ought.ends_at is None or abs(row["budget_ends_at"] - ought.ends_at) < HOUR
        seen |= {row["rule"], ("ends", ought.ends_at is not None), ("over", ought.over), ("budget", ought.share is not None)}
    if year_span(YEAR, BOOK.at(NOW))[0] < NOW - 30 * DAY and year_span(YEAR, BOOK.at(NOW))[1] > NOW + 5 * DAY:
        assert ("ends", True) in seen, "in the first and the last days of a year no budget need end within it"
    assert {"", "budget_nearly_used", "budget_used", ("over", True), ("over", False), ("budget", True), ("budget", False)} <= seen


def test_the_board_shows_an_officer_which_budget_waits_for_a_decision(
    clickhouse: str, worlds: dict[str, list[CooperativeEvent]], server: Reader
) -> None:
    (board,) = (board for board in BOARDS if board.id == "cooperative")
    panels = {panel.id: panel for panel in board.panels}
    now, seen = server.clock()(), set()
    with Engine(clickhouse, f"burn_{os.getpid()}") as engine:
        for number, (name, events) in enumerate(worlds.items()):
            language = LANGUAGES[number % 2]
            choice = Choice(
                now // 1000 - 365 * 86_400, now // 1000, {"cooperative": [name], "grain": ["day"], "zone": ["Asia/Shanghai"]}
            )
            burn, work = (engine.ask(sent(panels[panel], language, choice)) for panel in ("burn", "work"))
            assert [*faults(panels["burn"], language, burn), *faults(panels["work"], language, work)] == []
            assert len(burn.rows) == 2
            waits = [dict(zip((column for column, _ in work.columns), row, strict=True)) for row in work.rows]
            told = [row["about"] for row in waits if row["task"] == "BUDGET"]
            _, ought = _in_memory(name, events, now)[YEAR]
            text = None if ought.reached is None else getattr(ought.reached.basis, language)
            proposal = {"zh": "（建议稿）", "en": " (proposal)"}[language]
            assert told == ([] if text is None else [f"{YEAR} · {text}{proposal}"])
            seen.add(text is None)
    assert seen == {True, False}

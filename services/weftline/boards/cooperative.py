"""Cooperative: what its officer opens in the morning: what waits, the testing fund, clocks, lists, the trademark, the six unifications."""

from __future__ import annotations

from typing import Final

from weftline.boards.common import COOPERATIVE, NONE_IS_GOOD, QUALITY_OWNS, TOLD_LATE, rules_of
from weftline.boards.model import Board, Kind, Kpi, Panel, Row, Text, Threshold, Tone, Unit, Variable
from weftline.domain.alert_rules import Rests
from weftline.pages.rule_words import in_words

#: One that has members comes first.
ONE_COOPERATIVE: Final = Variable(
    "cooperative",
    COOPERATIVE.title,
    f"SELECT cooperative_id FROM ({COOPERATIVE.sql}) "
    "ORDER BY cooperative_id NOT IN (SELECT cooperative_id FROM member_state), cooperative_id",
    multi=False,
)
THE_COOPERATIVE: Final = "cooperative_id IN (${cooperative:sqlstring})"
#: Of who left nobody says that its officers are none any more.
_OF_MEMBERS: Final = (
    f"{THE_COOPERATIVE} AND (cooperative_id, factory_id) IN (SELECT cooperative_id, factory_id FROM desks WHERE is_member)"
)
_THIS_YEAR: Final = "year = toYear(now(), '${zone:raw}')"
#: Of the fund: what of the quota was used. The founding documents' 3 to 5 batches for each of 553 members are 1,659 to 2,765 a year.
_USE_KPI: Final = Kpi(
    numerator=Text("已检测且占用额度的批次", "batches tested that charge the quota"),
    denominator=Text("全部成员的免费批次额度", "free batches of all members"),
    time_base=Text("基金年度", "year of the fund"),
    exclusions=Text("整改后的免费复检不计入", "free re-inspections after rectification charge nothing"),
    owner=QUALITY_OWNS,
)


#: What speaks against leniency, in words. ``{lang}`` is the language of the reader.
_AGAINST: Final = (
    "arrayStringConcat(arrayMap(one -> transform(one, ['NOT_FIRST', 'SAFETY_ITEM', 'NOT_SLIGHT', 'NOT_CORRECTED'], "
    "if('{lang}' = 'zh', ['非首次', '涉及安全项目', '不轻微', '未及时改正'], "
    "['not the first', 'a safety item', 'not slight', 'not corrected in time']), one), splitByString(', ', against)), ' · ')"
)

_LIST: Final = "transform(list, ['RED', 'BLACK'], if('{lang}' = 'zh', ['红榜', '黑榜'], ['red list', 'black list']), list)"
#: What an officer sees of a free test before it is granted.
_MARKS: Final = (
    "arrayStringConcat(arrayMap(one -> transform(one, ['FREE_REINSPECTION', 'OVER_QUOTA', 'BY_EXCEPTION', 'UNPROVEN', 'NO_MEMBER'], "
    "if('{lang}' = 'zh', ['免费复检', '超出额度', '超出额度，已例外批准', '没有报告', '不是成员'], "
    "['free re-inspection', 'over the quota', 'over the quota, by exception', 'no report of it', 'no member']), one), "
    "splitByString(', ', marks)), ' · ')"
)
#: The rules that make a quota, each with its batches.
_MAKES_QUOTA: Final = in_words("splitByChar(' ', one)[1]")
_QUOTA_BY: Final = (
    f"if(quota_by = '', '', arrayStringConcat(arrayMap(one -> concat({_MAKES_QUOTA}, ': ', splitByChar(' ', one)[2]), "
    "splitByString(', ', quota_by)), ' · '))"
)


def _stat(
    identity: str, title: Text, question: Text, sql: str, *, unit: Unit = Unit.COUNT, bad: bool = False, kpi: Kpi | None = None
) -> Panel:
    return Panel(
        id=identity,
        title=title,
        question=question,
        kind=Kind.STAT,
        unit=unit,
        width=4,
        height=4,
        thresholds=NONE_IS_GOOD if bad else (),
        kpi=kpi,
        sql=sql,
    )


def table(identity: str, title: Text, question: Text, sql: str, width: int = 24, height: int = 8) -> Panel:
    """A table that may be empty: nobody need be a member."""
    return Panel(
        id=identity, title=title, question=question, kind=Kind.TABLE, width=width, height=height, may_be_empty=True, sql=sql
    )


#: What an officer decides on because a budget comes to its end: of no member, so on no desk, and not in the view of these.
_OF_BUDGETS: Final = f"""
    UNION ALL
    SELECT cooperative_id, NULL AS due, since, 'BUDGET' AS task, 'OFFICER' AS desk, cooperative_id AS factory_id,
        concat(toString(year), ' · ', {{lang}}, if(is_proposal, if('{{lang}}' = 'zh', '（建议稿）', ' (proposal)'), '')) AS about
    FROM fund_burn
    WHERE {THE_COOPERATIVE} AND rule != '' AND NOT is_over"""


def work(where: str, more: str = "") -> Panel:
    """What waits, what is due first before all else. ``more``: what waits beside what lies on desks."""
    return table(
        "work",
        Text("待办事项", "What waits"),
        Text("今天谁要做什么，最迟何时？", "What waits for whom, and by when?"),
        f"""
SELECT due AS due_at, multiIf(due IS NULL, '', due < now64(3), 'YES', 'NO') AS is_late, since, task, desk,
    waiting.factory_id AS factory_id, {in_words("waiting.about")} AS about, what AS details
FROM
(
    SELECT cooperative_id, due, since, task, desk, factory_id, about
    FROM work
    WHERE {where}{more}
) AS waiting
LEFT JOIN
(
    SELECT cooperative_id, factory_id, 'REQUEST' AS kind, id AS thing, {_MARKS} AS what
    FROM free_tests
    WHERE step = 'REQUESTED'
    UNION ALL
    SELECT cooperative_id, factory_id, arrayJoin(['LISTING', 'APPEAL', 'EARLY_REMOVAL']), id,
        concat({_LIST}, if(ground = '', '', concat(' · ', {in_words("ground")})))
    FROM list_entries
    UNION ALL
    SELECT cooperative_id, factory_id, 'PROPOSAL', rule, {_LIST}
    FROM list_proposals
) AS said ON waiting.cooperative_id = said.cooperative_id AND waiting.factory_id = said.factory_id
    AND waiting.task = said.kind AND waiting.about = said.thing
ORDER BY due IS NULL, due, since, factory_id, task, about
LIMIT 200""",
        height=9,
    )


def cases(where: str) -> Panel:
    """Cases that are open, with the dates of their clocks."""
    return table(
        "cases",
        Text("整改时限", "Clocks"),
        Text("哪些案件在计时，何时到期？", "Which cases run, and when is what due?"),
        f"""
SELECT due AS due_at, factory_id, id AS case_id, stage, if(overdue, 'YES', 'NO') AS is_late, rectify_by, reinspect_by,
    lenient AS lenient_so_far, {_AGAINST} AS against_it
FROM cases
WHERE {where} AND closed_at IS NULL
ORDER BY due IS NULL, due, factory_id, case_id
LIMIT 200""",
    )


def years(where: str) -> Panel:
    """The fund, member by member, of this year."""
    return table(
        "quota",
        Text("免费检测余额", "Free tests left"),
        Text(
            "今年每个成员还有几批免费检测，下一个该检谁？",
            "How many has each member left this year, and who should be tested next?",
        ),
        f"""
SELECT factory_id, quota, used AS tests_used, reserved AS tests_reserved, left AS tests_left, {_QUOTA_BY} AS quota_by,
    test_next, why
FROM (SELECT * FROM fund_years WHERE {where} AND {_THIS_YEAR} AND is_member) AS fund
LEFT JOIN (SELECT cooperative_id, factory_id, test_next FROM desks) AS desk USING (cooperative_id, factory_id)
LEFT JOIN
(
    SELECT cooperative_id, factory_id, arrayStringConcat(groupArray({{lang}}), ' · ') AS why
    FROM (SELECT * FROM test_reasons ORDER BY weight DESC, rule)
    GROUP BY cooperative_id, factory_id
) AS reasons USING (cooperative_id, factory_id)
ORDER BY test_next * (left > 0) DESC, left DESC, factory_id
LIMIT 1000""",
    )


def entries(where: str) -> Panel:
    """Entries on lists, and proposals."""
    return table(
        "lists",
        Text("合作社红黑榜", "The cooperative's own lists"),
        Text(
            "谁在榜上，谁被提议？与市场监管部门的名单无关", "Who is on which, and who is proposed? No list of the market regulator"
        ),
        f"""
SELECT list, entry_state, factory_id, entry_id, ground, proposed_at, decided_at, until
FROM
(
    SELECT list, state AS entry_state, factory_id, id AS entry_id, {in_words("ground")} AS ground, proposed_at, decided_at, until
    FROM list_entries
    WHERE {where}
    UNION ALL
    SELECT list, 'BY_RULE' AS entry_state, factory_id, '' AS entry_id, {{lang}} AS ground, since AS proposed_at, NULL AS decided_at,
        NULL AS until
    FROM list_proposals
    WHERE {where}
)
ORDER BY entry_state IN ('LIFTED', 'EXPIRED'), entry_state, list, factory_id, entry_id
LIMIT 200""",
    )


def listed(where: str) -> Panel:
    """Who was on which list, from when until when, as far as that touches the range."""
    return table(
        "listed",
        Text("历次在榜", "On the lists, then and now"),
        Text("所选区间内谁曾在哪个榜上，从何时到何时？", "Who was on which list within the range, from when until when?"),
        f"""
SELECT list, factory_id, entry_id, since AS on_since, until - toIntervalMillisecond(1) AS off_since
FROM listed
WHERE {where} AND since < $__toTime AND (until IS NULL OR until > $__fromTime)
ORDER BY since DESC, factory_id, entry_id
LIMIT 500""",
    )


MORNING: Final = Row(
    Text("今早", "This morning"),
    (
        _stat(
            "members",
            Text("成员", "Members"),
            Text("现在有多少成员？", "How many members are there now?"),
            f"SELECT countIf(is_member) AS members FROM desks WHERE {THE_COOPERATIVE}",
        ),
        _stat(
            "clocks-overdue",
            Text("逾期案件", "Overdue cases"),
            Text("多少案件已逾期？", "In how many cases is something overdue?"),
            f"SELECT countIf(overdue) AS clocks_overdue FROM cases WHERE {THE_COOPERATIVE} AND closed_at IS NULL",
            bad=True,
        ),
        _stat(
            "requests-waiting",
            Text("待审批检测", "Tests to grant"),
            Text("多少免费检测申请等待决定？", "How many free tests wait for a decision?"),
            f"SELECT countIf(step = 'REQUESTED') AS requests_waiting FROM free_tests WHERE {THE_COOPERATIVE}",
        ),
        _stat(
            "proposals-waiting",
            Text("待决定列榜", "Listings to decide"),
            Text("多少列榜提议或申诉等待决定？", "How many proposals and appeals wait for a decision?"),
            "SELECT countIf(task IN ('PROPOSAL', 'LISTING', 'APPEAL')) AS proposals_waiting "
            f"FROM work WHERE {THE_COOPERATIVE} AND desk = 'OFFICER'",
        ),
        _stat(
            "use-of-quota",
            Text("额度使用率", "Use of the quota"),
            Text("今年的免费检测额度用了多少？", "How much of this year's free tests was used?"),
            f"SELECT max(use_of_quota) AS use_of_quota FROM fund_pools WHERE {THE_COOPERATIVE} AND {_THIS_YEAR}",
            unit=Unit.RATIO,
            kpi=_USE_KPI,
        ),
        _stat(
            "fell-out",
            Text("不再符合商标条件", "Fell out of the mark"),
            Text("多少持有成员不再符合集体商标条件？", "How many holders do not meet its conditions any more?"),
            f"SELECT countIf(standing = 'FELL_OUT') AS fell_out FROM trademark_rights WHERE {THE_COOPERATIVE}",
            bad=True,
        ),
        work(THE_COOPERATIVE, _OF_BUDGETS),
        table(
            "open-alerts",
            Text("未处理的预警", "Unanswered alerts"),
            Text("哪些时限、榜单与商标预警还没有了结？", "Which alerts of clocks, lists and the trademark wait?"),
            f"""
SELECT occurred_at, severity, rule, factory_id, text_{{lang}} AS alert_text, {TOLD_LATE},
    answer, alert_id
FROM open_alerts
WHERE rule IN {rules_of(Rests.A_MEMBER)} AND {THE_COOPERATIVE}
ORDER BY occurred_at DESC, alert_id
LIMIT 50""",
        ),
    ),
)

FUND: Final = Row(
    Text("检测基金", "Testing fund"),
    (
        Panel(
            id="burnt-down",
            title=Text("预算余额", "Budget burnt down"),
            question=Text("每年的预算还剩多少？", "What was left of each year's budget after each test?"),
            kind=Kind.LINES,
            unit=Unit.NONE,
            width=12,
            may_be_empty=True,
            sql=f"""
SELECT last_at AS time, toString(paid.year) AS series,
    (budget_minor - sum(paid.price_minor)
        OVER (PARTITION BY paid.year ORDER BY last_at, factory_id, request_id ROWS UNBOUNDED PRECEDING)) / 100 AS value
FROM (SELECT * FROM fund_payments WHERE {THE_COOPERATIVE} AND step = 'DONE' AND price_minor IS NOT NULL) AS paid
INNER JOIN (SELECT year, budget_minor FROM fund_pools WHERE {THE_COOPERATIVE} AND budget_minor IS NOT NULL) AS budgets
    ON budgets.year = paid.year
ORDER BY time, series
LIMIT 5000""",
        ),
        table(
            "founding",
            Text("与成立文件对照", "Against the founding documents"),
            Text("与成立文件的数字相比如何？", "How do our figures stand beside those of the founding documents?"),
            f"""
SELECT figure, here, founding
FROM
(
    SELECT 1 AS place, 'members' AS figure, toString(countIf(is_member)) AS here, '553' AS founding FROM desks WHERE {THE_COOPERATIVE}
    UNION ALL
    SELECT 2, 'chief_officers', toString(sum(chief_quality_officers)), '72' FROM members WHERE {_OF_MEMBERS}
    UNION ALL
    SELECT 3, 'specialists', toString(sum(quality_specialists)), '481' FROM members WHERE {_OF_MEMBERS}
    UNION ALL
    SELECT 4, 'iso_9001', toString(countIf(has(certificates, 'ISO 9001'))), '97' FROM members WHERE {_OF_MEMBERS}
    UNION ALL
    SELECT 5, 'batches', toString(sum(batches)), '3800' FROM fund_pools WHERE {THE_COOPERATIVE}
    UNION ALL
    SELECT 6, 'price', if(sum(batches) > sum(unpriced), toString(round(sum(spent_minor) / 100 / (sum(batches) - sum(unpriced)))), ''), '592'
    FROM fund_pools WHERE {THE_COOPERATIVE}
    UNION ALL
    SELECT 7, 'spent', toString(round(sum(spent_minor) / 100)), '2250000' FROM fund_pools WHERE {THE_COOPERATIVE}
    UNION ALL
    SELECT 8, 'passed', if(passed + failed > 0, concat(toString(round(100 * passed / (passed + failed), 1)), ' %'), ''), '97.5 %'
    FROM
    (
        SELECT countIf(verdict = 'PASS' AND scope = 'FULL') AS passed, countIf(verdict = 'FAIL') AS failed
        FROM reports
        WHERE payer = 'TESTING_FUND' AND counted AND factory_id IN (SELECT factory_id FROM members WHERE {THE_COOPERATIVE})
    )
)
ORDER BY place""",
            width=12,
        ),
        table(
            "pools",
            Text("各年度", "Year by year"),
            Text("每年预算、支出与额度使用如何？", "Budget, what was spent, and use of the quota in each year"),
            f"""
SELECT toString(year) AS fund_year, members AS members_within, quota, reserved AS tests_reserved, used AS tests_used, use_of_quota,
    currency, budget_minor / 100 AS budget, spent_minor / 100 AS spent, committed_minor / 100 AS committed,
    left_minor / 100 AS budget_left, price_per_batch_minor / 100 AS price_per_batch
FROM fund_pools
WHERE {THE_COOPERATIVE}
ORDER BY year DESC
LIMIT 50""",
            height=6,
        ),
        table(
            "burn",
            Text("预算用到哪里", "How far the budget is used"),
            Text(
                "已用和预留多少，达到哪条提醒规则，按近期进度何时用完？",
                "How much is used and reserved, which rule says that it is time to decide, and when does it end at the pace of late?",
            ),
            f"""
SELECT toString(year) AS fund_year, currency, budget_minor / 100 AS budget, used_minor / 100 AS spent, reserved_minor / 100 AS committed,
    share AS budget_share, unpriced, budget_ends_at, pace_days, {{lang}} AS rule_text,
    if(rule = '', '', if(is_proposal, 'YES', 'NO')) AS is_proposal, since
FROM fund_burn
WHERE {THE_COOPERATIVE}
ORDER BY year DESC
LIMIT 50""",
            height=6,
        ),
        years(THE_COOPERATIVE),
    ),
)

LISTS: Final = Row(
    Text("时限与榜单", "Clocks and lists"), (cases(THE_COOPERATIVE), entries(THE_COOPERATIVE), listed(THE_COOPERATIVE))
)

MEMBERS: Final = Row(
    Text("成员", "Members"),
    (
        table(
            "ranking",
            Text("优中选优", "The best among the best"),
            Text("谁可以使用集体商标，名次为何如此？", "Who may carry the trademark, and why does each stand where it does?"),
            f"""
SELECT ranked.place AS standing_at, if(within, 'YES', 'NO') AS may_carry, factory_id, credit_grade, credit_score / 100 AS score,
    conditions_failing, failing_conditions, tests_passed AS reports_passed, tests_failed AS reports_failed,
    behind
FROM (SELECT * FROM trademark_ranking WHERE {THE_COOPERATIVE}) AS ranked
LEFT JOIN
(
    SELECT cooperative_id, factory_id, arrayStringConcat(groupArray({{lang}}), ' · ') AS failing_conditions
    FROM trademark_conditions
    WHERE NOT met
    GROUP BY cooperative_id, factory_id
) AS failing USING (cooperative_id, factory_id)
ORDER BY standing_at
LIMIT 1000""",
            height=9,
        ),
        Panel(
            id="unifications",
            title=Text("六统一", "Six unifications"),
            question=Text("每一项在多少成员落实？", "At how many members is each done?"),
            kind=Kind.BARS,
            horizontal=True,
            width=24,
            height=8,
            may_be_empty=True,
            sql=f"""
SELECT name_{{lang}} AS unification, done, members - done AS not_done
FROM unifications_together
WHERE {THE_COOPERATIVE}
ORDER BY done DESC, rule""",
        ),
        table(
            "grades",
            Text("信用等级", "Grades"),
            Text("谁是什么等级？官方等级单独列出", "Who has which grade? The official one stands apart"),
            f"""
SELECT factory_id, membership, credit_grade, credit_score / 100 AS score, official_grade,
    if(official_grade_year = 0, '', toString(official_grade_year)) AS official_year, reports, reports_failed AS failed,
    last_tested_at AS tested_at
FROM members
WHERE {THE_COOPERATIVE}
ORDER BY score DESC, factory_id
LIMIT 1000""",
        ),
    ),
)

COOPERATIVE_BOARD: Final = Board(
    id="cooperative",
    title=Text("合作社", "Cooperative"),
    question=Text(
        "质量专员的早晨：待办、基金、时限、榜单。规则多为建议稿，未经合作社确认",
        "An officer's morning: what waits, fund, clocks, lists. Most of the rules are proposals that no cooperative has confirmed",
    ),
    variables=(ONE_COOPERATIVE,),
    rows=(MORNING, FUND, LISTS, MEMBERS),
    days=365,
)


def of_a_member(where: str) -> Row:
    """The same of one factory, for its own board."""
    return Row(
        Text("合作社与信用", "Cooperative and credit"),
        (
            _stat(
                "free-tests-left",
                Text("免费检测余额", "Free tests left"),
                Text("今年还可申请几批免费检测？", "How many free tests are left this year?"),
                f"SELECT sum(left) AS tests_left FROM fund_years WHERE {where} AND {_THIS_YEAR}",
            ),
            _stat(
                "score",
                Text("信用分", "Credit score"),
                Text("合作社自有信用分是多少？", "What is the score of the cooperative's own credit?"),
                f"SELECT max(credit_score) / 100 AS score FROM members WHERE {where}",
                unit=Unit.NONE,
            ),
            _stat(
                "my-clocks",
                Text("逾期案件", "Overdue cases"),
                Text("多少案件已逾期？", "In how many cases is something overdue?"),
                f"SELECT countIf(overdue) AS clocks_overdue FROM cases WHERE {where} AND closed_at IS NULL",
                bad=True,
            ),
            Panel(
                id="conditions-failing",
                title=Text("未满足的商标条件", "Conditions that fail"),
                question=Text("集体商标还差几项条件？", "How many conditions of the collective trademark fail?"),
                kind=Kind.STAT,
                width=4,
                height=4,
                thresholds=(Threshold(Tone.GOOD), Threshold(Tone.WARN, 1)),
                sql=f"SELECT min(conditions_failing) AS conditions_failing FROM desks WHERE {where}",
            ),
            work(where),
            years(where),
            table(
                "points",
                Text("信用分由来", "Why this score"),
                Text("每一分依据哪条规则、哪些事件？", "By which rule and which events is each point given?"),
                f"""
SELECT points / 100 AS points, {{lang}} AS rule_text, at AS since, if(is_proposal, 'YES', 'NO') AS is_proposal, evidence
FROM credit_points
WHERE {where}
ORDER BY abs(points) DESC, rule, evidence
LIMIT 200""",
            ),
            cases(where),
            table(
                "conditions",
                Text("集体商标条件", "Conditions of the trademark"),
                Text("哪项不满足，如何补齐？", "Which fails, and what would cure it?"),
                f"""
SELECT if(met, 'YES', 'NO') AS is_met, {{lang}} AS rule_text, cure_{{lang}} AS cure, if(is_proposal, 'YES', 'NO') AS is_proposal, evidence
FROM trademark_conditions
WHERE {where}
ORDER BY met, rule
LIMIT 50""",
            ),
            entries(where),
            listed(where),
        ),
    )

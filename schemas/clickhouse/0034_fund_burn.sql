-- Written by `weftline tables render --migration fund_burn`.

ALTER TABLE desk_state {on_cluster}
    ADD COLUMN IF NOT EXISTS threshold_year Array(UInt16) COMMENT 'year of the fund',
    ADD COLUMN IF NOT EXISTS threshold_rule Array(LowCardinality(String)) COMMENT 'rule by which an officer is shown that the budget comes to its end',
    ADD COLUMN IF NOT EXISTS threshold_zh Array(String) COMMENT 'the rule in Chinese',
    ADD COLUMN IF NOT EXISTS threshold_en Array(String) COMMENT 'the rule in English',
    ADD COLUMN IF NOT EXISTS threshold_is_proposal Array(UInt8) COMMENT '1 if nobody of the cooperative has confirmed the rule',
    ADD COLUMN IF NOT EXISTS threshold_share Array(UInt16) COMMENT 'used and reserved so much of the budget, in hundredths of a percent',
    ADD COLUMN IF NOT EXISTS threshold_pace_days Array(UInt16) COMMENT 'spending of so many of the last days is taken for the pace',
    ADD COLUMN IF NOT EXISTS threshold_begins_at Array(DateTime64(3, 'UTC')) COMMENT 'first moment of the year there',
    ADD COLUMN IF NOT EXISTS threshold_ends_at Array(DateTime64(3, 'UTC')) COMMENT 'first moment after it';

CREATE OR REPLACE VIEW fund_thresholds {on_cluster} AS
SELECT
    cooperative_id,
    threshold_year AS year,
    threshold_rule AS rule,
    threshold_zh AS zh,
    threshold_en AS en,
    threshold_is_proposal AS is_proposal,
    threshold_share AS share,
    threshold_pace_days AS pace_days,
    threshold_begins_at AS begins_at,
    threshold_ends_at AS ends_at
FROM desk_state FINAL
ARRAY JOIN
    threshold_year, threshold_rule, threshold_zh, threshold_en, threshold_is_proposal, threshold_share, threshold_pace_days, threshold_begins_at, threshold_ends_at
WHERE events > 0
COMMENT 'What part of a year''s budget is worth telling once it is used, by the cooperative''s rules.';

ALTER TABLE fund_thresholds {on_cluster}
    COMMENT COLUMN cooperative_id 'quality cooperative',
    COMMENT COLUMN year 'year of the fund',
    COMMENT COLUMN rule 'rule by which an officer is shown that the budget comes to its end',
    COMMENT COLUMN zh 'the rule in Chinese',
    COMMENT COLUMN en 'the rule in English',
    COMMENT COLUMN is_proposal '1 if nobody of the cooperative has confirmed the rule',
    COMMENT COLUMN share 'used and reserved so much of the budget, in hundredths of a percent',
    COMMENT COLUMN pace_days 'spending of so many of the last days is taken for the pace',
    COMMENT COLUMN begins_at 'first moment of the year there',
    COMMENT COLUMN ends_at 'first moment after it';

-- Written by hand from here on. A budget is used by all members, so this sums over them: no fold does. It is the one view that looks at a
-- clock: what is stored does not, and so says nothing of a pace.
CREATE OR REPLACE VIEW fund_burn {on_cluster} AS
WITH
    budgets AS
    (
        SELECT cooperative_id, year, currency, assumeNotNull(budget_minor) AS budget, toInt64(spent_minor) AS used,
            toInt64(committed_minor) AS reserved, fund_pools.unpriced AS without_price
        FROM fund_pools
        WHERE budget_minor IS NOT NULL
    ),
    paces AS
    (
        SELECT cooperative_id, year, max(pace_days) AS days, max(begins_at) AS begins, max(ends_at) AS ends
        FROM fund_thresholds
        GROUP BY cooperative_id, year
    ),
    lately AS
    (
        SELECT cooperative_id, year, sum(paid) AS paid_lately
        FROM
        (
            SELECT cooperative_id, year, last_at, assumeNotNull(price_minor) AS paid
            FROM fund_payments
            WHERE step = 'DONE' AND price_minor IS NOT NULL
        ) AS done
        INNER JOIN paces USING (cooperative_id, year)
        WHERE last_at > greatest(now64(3) - toIntervalDay(days), begins) AND last_at <= now64(3)
        GROUP BY cooperative_id, year
    ),
    steps AS
    (
        SELECT cooperative_id, year, last_at, sum(assumeNotNull(price_minor))
            OVER (PARTITION BY cooperative_id, year ORDER BY last_at, factory_id, request_id ROWS UNBOUNDED PRECEDING) AS so_far
        FROM fund_payments
        WHERE price_minor IS NOT NULL
    ),
    passed AS
    (
        SELECT cooperative_id, year, rule, zh, en, is_proposal, share, min(last_at) AS since
        FROM fund_thresholds
        INNER JOIN budgets USING (cooperative_id, year)
        INNER JOIN steps USING (cooperative_id, year)
        WHERE so_far > 0 AND so_far * 10000 >= share * budget
        GROUP BY cooperative_id, year, rule, zh, en, is_proposal, share
    ),
    reached AS
    (
        SELECT cooperative_id, year, argMax(tuple(rule, zh, en, is_proposal, since), share) AS threshold
        FROM passed
        GROUP BY cooperative_id, year
    ),
    -- A day at the least: an hour of the new year is no pace.
    greatest(dateDiff('second', greatest(now64(3) - toIntervalDay(paces.days), paces.begins), now64(3)), 86400) AS within_seconds,
    if(lately_minor > 0, toFloat64(left_minor) * within_seconds / lately_minor, NULL) AS lasts_seconds
SELECT budgets.cooperative_id AS cooperative_id, budgets.year AS year, budgets.currency AS currency, budgets.budget AS budget_minor,
    budgets.used AS used_minor, budgets.reserved AS reserved_minor, budget_minor - used_minor - reserved_minor AS left_minor,
    budgets.without_price AS unpriced, if(budget_minor > 0, (used_minor + reserved_minor) / budget_minor, NULL) AS share,
    reached.threshold.1 AS rule, reached.threshold.2 AS zh, reached.threshold.3 AS en,
    if(rule = '', NULL, reached.threshold.4) AS is_proposal, if(rule = '', NULL, reached.threshold.5) AS since,
    paces.days AS pace_days, lately.paid_lately AS lately_minor,
    paces.days > 0 AND now64(3) >= paces.ends AS is_over,
    if(left_minor > 0 AND lasts_seconds < dateDiff('second', now64(3), paces.ends),
        now64(3) + toIntervalSecond(toInt64(assumeNotNull(lasts_seconds))), NULL) AS budget_ends_at
FROM budgets
LEFT JOIN paces ON paces.cooperative_id = budgets.cooperative_id AND paces.year = budgets.year
LEFT JOIN lately ON lately.cooperative_id = budgets.cooperative_id AND lately.year = budgets.year
LEFT JOIN reached ON reached.cooperative_id = budgets.cooperative_id AND reached.year = budgets.year
COMMENT 'How the budget of each cooperative and year burns down: how much is used and reserved, which threshold of its rules that reaches, and when it ends at the pace of late.';

ALTER TABLE fund_burn {on_cluster}
    COMMENT COLUMN cooperative_id 'quality cooperative',
    COMMENT COLUMN year 'year of the fund',
    COMMENT COLUMN currency 'ISO 4217',
    COMMENT COLUMN budget_minor 'budget as it was set last, in hundredths',
    COMMENT COLUMN used_minor 'paid for tests that are done; where nobody said, by the price list',
    COMMENT COLUMN reserved_minor 'the same of tests that are asked for or approved',
    COMMENT COLUMN left_minor 'neither used nor reserved; below zero if the budget is overdrawn',
    COMMENT COLUMN unpriced 'batches that are tested and of which no price is known: they are missing in all of this',
    COMMENT COLUMN share 'used and reserved of the budget, from 0 to 1 and beyond; null of a budget of nothing',
    COMMENT COLUMN rule 'greatest threshold of the cooperative''s rules that is reached; empty if none is',
    COMMENT COLUMN zh 'that rule in Chinese',
    COMMENT COLUMN en 'that rule in English',
    COMMENT COLUMN is_proposal '1 if nobody of the cooperative has confirmed that rule; null if none is reached',
    COMMENT COLUMN since 'the step by which it was reached, as far as all steps are known now; null if none is reached',
    COMMENT COLUMN pace_days 'spending of so many of the last days is taken for the pace, by rule; 0 if the cooperative has none',
    COMMENT COLUMN lately_minor 'what was paid for tests within these days, and within the year',
    COMMENT COLUMN is_over '1 if the year is over',
    COMMENT COLUMN budget_ends_at 'when the budget ends at that pace, if it does within its year; null as well if nothing is left, or nothing was spent lately';

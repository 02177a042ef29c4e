-- What no row of one member says: the fund of a whole cooperative, the best among the best, the six unifications of all; and what waits.

CREATE OR REPLACE VIEW fund_payments {on_cluster} AS
WITH
    budgets AS (SELECT cooperative_id, year, currency FROM fund_budgets WHERE what = 'BUDGET_SET'),
    prices AS (SELECT cooperative_id, year, category, amount_minor, currency FROM fund_budgets WHERE what = 'PRICE_SET')
SELECT free_tests.cooperative_id AS cooperative_id, free_tests.factory_id AS factory_id, free_tests.id AS request_id,
    free_tests.year AS year, free_tests.step AS step, free_tests.last_at AS last_at, free_tests.batches AS batches,
    multiIf(
        paid_minor IS NOT NULL, if(free_tests.currency IN ('', budgets.currency), paid_minor, NULL),
        own.currency != '' AND own.currency = budgets.currency, own.amount_minor * batches,
        every.currency != '' AND every.currency = budgets.currency, every.amount_minor * batches,
        NULL) AS price_minor
FROM free_tests
LEFT JOIN budgets ON budgets.cooperative_id = free_tests.cooperative_id AND budgets.year = free_tests.year
LEFT JOIN prices AS own ON own.cooperative_id = free_tests.cooperative_id AND own.year = free_tests.year
    AND own.category = free_tests.category
LEFT JOIN (SELECT * FROM prices WHERE category = '') AS every
    ON every.cooperative_id = free_tests.cooperative_id AND every.year = free_tests.year
WHERE step IN ('REQUESTED', 'APPROVED', 'DONE')
COMMENT 'What free tests cost the testing fund, or would: what was paid; where nobody said, what the price list says.';

ALTER TABLE fund_payments {on_cluster}
    COMMENT COLUMN cooperative_id 'quality cooperative',
    COMMENT COLUMN factory_id 'member',
    COMMENT COLUMN request_id 'free test',
    COMMENT COLUMN year 'year of the fund',
    COMMENT COLUMN step 'REQUESTED, APPROVED or DONE',
    COMMENT COLUMN last_at 'last step',
    COMMENT COLUMN batches 'batches',
    COMMENT COLUMN price_minor 'in hundredths of the budget''s currency; null if no price in it is known';

CREATE OR REPLACE VIEW fund_pools {on_cluster} AS
WITH
    budgets AS (SELECT cooperative_id, year, amount_minor, currency FROM fund_budgets WHERE what = 'BUDGET_SET'),
    spent AS
    (
        SELECT cooperative_id, year, sumIf(price_minor, step = 'DONE') AS spent, sumIf(price_minor, step != 'DONE') AS committed,
            sumIf(batches, step = 'DONE') AS done, sumIf(batches, step = 'DONE' AND price_minor IS NULL) AS without_price
        FROM fund_payments
        GROUP BY cooperative_id, year
    ),
    quotas AS
    (
        SELECT cooperative_id, year, countIf(fund_years.quota > 0) AS with_quota, sum(fund_years.quota) AS batches_of_all,
            sum(fund_years.reserved) AS reserved_of_all, sum(fund_years.used) AS used_of_all
        FROM fund_years
        GROUP BY cooperative_id, year
    )
SELECT quotas.cooperative_id AS cooperative_id, quotas.year AS year, budgets.currency AS currency,
    if(budgets.currency = '', NULL, budgets.amount_minor) AS budget_minor, ifNull(spent.spent, 0) AS spent_minor,
    ifNull(spent.committed, 0) AS committed_minor, budget_minor - spent_minor - committed_minor AS left_minor, spent.done AS batches,
    spent.without_price AS unpriced, if(batches > unpriced, spent_minor / (batches - unpriced), NULL) AS price_per_batch_minor,
    with_quota AS members, batches_of_all AS quota, reserved_of_all AS reserved, used_of_all AS used,
    if(quota > 0, used / quota, NULL) AS use_of_quota
FROM quotas
LEFT JOIN budgets ON budgets.cooperative_id = quotas.cooperative_id AND budgets.year = quotas.year
LEFT JOIN spent ON spent.cooperative_id = quotas.cooperative_id AND spent.year = quotas.year
COMMENT 'Testing fund of each cooperative and year: budget, what is spent and committed of it, and how much of the quota of all members was used.';

ALTER TABLE fund_pools {on_cluster}
    COMMENT COLUMN cooperative_id 'quality cooperative',
    COMMENT COLUMN year 'year of the fund',
    COMMENT COLUMN currency 'ISO 4217; empty without a budget',
    COMMENT COLUMN budget_minor 'budget as it was set last, in hundredths; null if nobody set one',
    COMMENT COLUMN spent_minor 'paid for tests that are done; where nobody said, by the price list',
    COMMENT COLUMN committed_minor 'the same of tests that are asked for or approved',
    COMMENT COLUMN left_minor 'neither spent nor committed; below zero if the budget is overdrawn',
    COMMENT COLUMN batches 'batches tested',
    COMMENT COLUMN unpriced 'of them those of which no price is known',
    COMMENT COLUMN price_per_batch_minor 'spent on each batch whose price is known',
    COMMENT COLUMN members 'members with a quota in that year',
    COMMENT COLUMN quota 'batches that they may have tested free of charge',
    COMMENT COLUMN reserved 'asked for or approved, and not tested',
    COMMENT COLUMN used 'tested',
    COMMENT COLUMN use_of_quota 'tested of the quota, from 0 to 1 and beyond; null without a quota';

CREATE OR REPLACE VIEW trademark_ranking {on_cluster} AS
WITH
    desks.tests_passed + desks.tests_failed AS tests,
    if(tests > 0, desks.tests_passed / tests, 0) AS passed_share,
    tuple(conditions_failing, -credit_score, -passed_share, -tests_passed) AS merits
SELECT cooperative_id, row_number() OVER best AS place, factory_id, conditions_failing = 0 AND place <= mark_places AS within,
    conditions_failing, credit_score, credit_grade, tests_passed, tests_failed, passed_share AS share_passed,
    multiIf(
        place = 1, '',
        conditions_failing != lagInFrame(conditions_failing) OVER best, 'failing',
        credit_score != lagInFrame(credit_score) OVER best, 'score',
        passed_share != lagInFrame(passed_share) OVER best, 'share',
        tests_passed != lagInFrame(tests_passed) OVER best, 'passed',
        'factory_id') AS behind
FROM desks
INNER JOIN (SELECT cooperative_id, factory_id, credit_score, credit_grade FROM members) AS rated USING (cooperative_id, factory_id)
WHERE is_member
WINDOW best AS (PARTITION BY cooperative_id ORDER BY merits, factory_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
COMMENT 'The best among the best: members of each cooperative in the order in which places of the collective trademark are given. Who grants decides.';

ALTER TABLE trademark_ranking {on_cluster}
    COMMENT COLUMN cooperative_id 'quality cooperative',
    COMMENT COLUMN place 'place among its members',
    COMMENT COLUMN factory_id 'member',
    COMMENT COLUMN within '1 if it is one of the places that the rules give, and meets all conditions',
    COMMENT COLUMN conditions_failing 'conditions that are not met; fewer stand first',
    COMMENT COLUMN credit_score 'then the greater score of the cooperative''s own credit, in hundredths of a point',
    COMMENT COLUMN credit_grade 'its grade',
    COMMENT COLUMN tests_passed 'then, with equal shares, more tests passed',
    COMMENT COLUMN tests_failed 'tests failed',
    COMMENT COLUMN share_passed 'then the greater share of tests passed, from 0 to 1; 0 without any',
    COMMENT COLUMN behind 'by what it stands behind the one before it: failing, score, share, passed; factory_id where only the order of ids parts them';

CREATE OR REPLACE VIEW unifications_together {on_cluster} AS
SELECT cooperative_id, rule, any(zh) AS name_zh, any(en) AS name_en, sum(done) AS done, count() AS members
FROM (SELECT cooperative_id, rule, zh, en, toUInt64(done) AS done FROM unifications WHERE is_member)
GROUP BY cooperative_id, rule
COMMENT 'The six unifications of each cooperative: at how many of those who are members now each is done.';

ALTER TABLE unifications_together {on_cluster}
    COMMENT COLUMN cooperative_id 'quality cooperative',
    COMMENT COLUMN rule 'which of the six',
    COMMENT COLUMN name_zh 'its name in Chinese',
    COMMENT COLUMN name_en 'its name in English',
    COMMENT COLUMN done 'members at which it is done',
    COMMENT COLUMN members 'members';

CREATE OR REPLACE VIEW waiting_alerts {on_cluster} AS
WITH
    JSONExtractString(evidence, 1, 'subject') AS about,
    JSONExtractString(evidence, 1, 'indicator') AS by_what
SELECT rule, severity, occurred_at, cooperative_id, center_id, factory_id, product_category, subject, text_zh, text_en,
    evidence, alert_id, too_old_to_be_sent, late_hours, replaces
FROM standing_alerts
WHERE NOT
(
    (rule = 'ORDER_OVERDUE'
        AND (center_id, subject) IN (SELECT center_id, concat('order ', order_id, ' round ', toString(round)) FROM order_rounds WHERE NOT open))
    OR (rule = 'SHIPMENT_OVERDUE' AND about IN (SELECT shipment_id FROM shipments WHERE milestone IN ('ARRIVED', 'DELIVERED')))
    OR (rule = 'LOT_NOT_ACCEPTED' AND (factory_id, about) IN
        (
            SELECT factory_id, lot_id
            FROM lots
            WHERE last_result = 'ACCEPTED' AND resubmissions > 0 AND inspections = resubmissions + 1 AND length(part_ids) <= 1
        ))
    OR (rule = 'SWITCHED_TO_TIGHTENED' AND (factory_id, product_category, by_what) IN
        (SELECT factory_id, product_category, nonconformity_class FROM switching WHERE severity_due != 'TIGHTENED'))
    OR (rule = 'INSPECTION_DISCONTINUED' AND (factory_id, product_category, by_what) IN
        (SELECT factory_id, product_category, nonconformity_class FROM switching WHERE severity_due != 'DISCONTINUED'))
    OR (rule = 'THREE_FAILURES_IN_A_ROW' AND (factory_id, by_what) IN
        (SELECT factory_id, indicator FROM failure_runs WHERE current_run < 3))
    OR ((rule = 'RECTIFICATION_DUE' OR rule = 'RECTIFICATION_OVERDUE')
        AND (cooperative_id, factory_id, replaceRegexpOne(subject, ' [0-9]+ days before$', '')) IN
        (
            SELECT cooperative_id, factory_id, concat('case ', id, ' ', clock)
            FROM cases
            ARRAY JOIN ['RECTIFY', 'REINSPECT', 'SECOND_ROUND'] AS clock
            WHERE stage IN ('PASSED', 'FAILED') OR (clock = 'RECTIFY' AND stage != 'RECTIFY') OR (clock = 'REINSPECT' AND stage = 'SECOND_ROUND')
        ))
    OR (rule = 'TRADEMARK_FELL_OUT' AND (cooperative_id, factory_id, subject) IN
        (SELECT cooperative_id, factory_id, concat('trademark ', id) FROM trademark_rights WHERE standing != 'FELL_OUT'))
    OR (rule = 'LISTING_PROPOSED' AND (cooperative_id, factory_id, subject) IN
        (SELECT cooperative_id, factory_id, concat(lower(list), ' list entry ', id) FROM list_entries WHERE state != 'PROPOSED'))
)
COMMENT 'Standing alerts whose matter is not over. Over is: an overdue order whose round ended, an overdue shipment that arrived, a lot whose resubmission was accepted, a severity of inspection that is no longer due, a run of failures that a passed result ended, a clock of rectification by which came what was due, a right to a trademark and a proposal for a list that were decided upon. A failed safety limit waits: nothing that is published says that it was dealt with. In doubt an alert waits.';

ALTER TABLE waiting_alerts {on_cluster}
    COMMENT COLUMN rule 'rule',
    COMMENT COLUMN severity 'MINOR, MAJOR or CRITICAL',
    COMMENT COLUMN occurred_at 'when it became true',
    COMMENT COLUMN cooperative_id 'cooperative',
    COMMENT COLUMN center_id 'center',
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN product_category 'product category',
    COMMENT COLUMN subject 'business subject',
    COMMENT COLUMN text_zh 'one sentence in Chinese',
    COMMENT COLUMN text_en 'one sentence in English',
    COMMENT COLUMN evidence 'what made it true, as JSON',
    COMMENT COLUMN alert_id 'derived from the rule and its business subject',
    COMMENT COLUMN too_old_to_be_sent '1 if nobody is told of it: it happened before its center went live',
    COMMENT COLUMN late_hours 'it was told first so many hours after it happened, if that was more than a day; 0: in time',
    COMMENT COLUMN replaces 'told alert whose place it takes; empty if none';

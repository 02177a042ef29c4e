-- A warning before a deadline does not wait any more once the deadline has passed: the alert that says so waits in its stead.

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
    OR (rule = 'RECTIFICATION_DUE' AND (cooperative_id, factory_id, replaceRegexpOne(subject, ' [0-9]+ days before$', '')) IN
        (SELECT cooperative_id, factory_id, subject FROM standing_alerts WHERE rule = 'RECTIFICATION_OVERDUE'))
    OR (rule = 'TRADEMARK_FELL_OUT' AND (cooperative_id, factory_id, subject) IN
        (SELECT cooperative_id, factory_id, concat('trademark ', id) FROM trademark_rights WHERE standing != 'FELL_OUT'))
    OR (rule = 'LISTING_PROPOSED' AND (cooperative_id, factory_id, subject) IN
        (SELECT cooperative_id, factory_id, concat(lower(list), ' list entry ', id) FROM list_entries WHERE state != 'PROPOSED'))
)
COMMENT 'Standing alerts whose matter is not over. Over is: an overdue order whose round ended, an overdue shipment that arrived, a lot whose resubmission was accepted, a severity of inspection that is no longer due, a run of failures that a passed result ended, a clock of rectification by which came what was due, a warning before a deadline that has passed, of which another alert tells, a right to a trademark and a proposal for a list that were decided upon. A failed safety limit waits: nothing that is published says that it was dealt with. In doubt an alert waits.';

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

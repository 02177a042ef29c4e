-- What waits for somebody: an answer that closed an alert is the end of it, as is its matter being over.

CREATE VIEW IF NOT EXISTS open_alerts {on_cluster} AS
SELECT rule, severity, occurred_at, cooperative_id, center_id, factory_id, product_category, subject, text_zh, text_en,
    evidence, alert_id, too_old_to_be_sent, late_hours, replaces, answer, target_at, acknowledged_at, acknowledged_by, open_problems
FROM waiting_alerts
LEFT JOIN
(
    SELECT factory_id, alert_id, state AS answer, target_at, acknowledged_at, acknowledged_by, open_problems
    FROM answers
    WHERE receiver_id = factory_id
) AS answered USING (factory_id, alert_id)
WHERE answer != 'CLOSED'
COMMENT 'Alerts that wait for somebody: they stand, their matter is not over (waiting_alerts), and no answer has closed them.';

ALTER TABLE open_alerts {on_cluster}
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
    COMMENT COLUMN replaces 'told alert whose place it takes; empty if none',
    COMMENT COLUMN answer 'how far the factory has answered it: RECEIVED (nothing but lots held back), ACKNOWLEDGED, ACCEPTED, DECLINED; empty if nothing was said',
    COMMENT COLUMN target_at 'by when the factory means to have dealt with it, as said last',
    COMMENT COLUMN acknowledged_at 'when it was acknowledged',
    COMMENT COLUMN acknowledged_by 'by whom',
    COMMENT COLUMN open_problems 'problems that hold lots back because of it';

-- Who is told: backfill is a date of its center and no age, what comes late is sent and says how late, and what takes the place of a
-- told alert is told. Rows of before keep what was decided of them, until a go-live date says otherwise.

ALTER TABLE center_reference {on_cluster}
    ADD COLUMN IF NOT EXISTS live_from Nullable(DateTime64(3, 'UTC')) COMMENT 'when the center went live: nobody is told of what happened before; null if this entry does not say' AFTER rounds_per_day;

ALTER TABLE alerts {on_cluster}
    ADD COLUMN IF NOT EXISTS late_hours UInt32 COMMENT 'it was told first so many hours after it happened, if that was more than a day; 0: in time' AFTER content;

ALTER TABLE alerts {on_cluster}
    COMMENT COLUMN version 'from the top: whether anybody was told, version of the state in which it was judged, what is said of it in that state, whether Kafka has it',
    COMMENT COLUMN revision 'revision published: edition of the rules, records known, deadlines passed, what is said in that state',
    COMMENT COLUMN historic '1 if it is told to nobody: it happened before its center went live, and takes the place of nothing that was told (bookkeeping)',
    COMMENT COLUMN replaces 'told alert whose place it takes: a late event moved the beginning of a run, or a switch of severity (history)';

CREATE OR REPLACE VIEW centers {on_cluster} AS
SELECT center_id, argMax(cooperative_id, valid_from) AS cooperative_id, argMax(name_zh, valid_from) AS name_zh,
    argMax(name_en, valid_from) AS name_en, tupleElement(argMax(tuple(rounds_per_day), valid_from), 1) AS rounds_per_day,
    any(went_live) AS live_from
FROM
(
    SELECT center_id, valid_from, cooperative_id, name_zh, name_en, rounds_per_day,
        argMax(live_from, valid_from) OVER (PARTITION BY center_id) AS went_live
    FROM center_reference FINAL
)
WHERE valid_from <= today()
GROUP BY center_id
COMMENT 'Sampling centers as reference data describe them today.';

CREATE OR REPLACE VIEW standing_alerts {on_cluster} AS
SELECT rule, severity, occurred_at, cooperative_id, center_id, factory_id, product_category, subject, text_zh, text_en,
    JSONExtractRaw(content, 'evidence') AS evidence, alert_id, historic AS too_old_to_be_sent, late_hours, replaces
FROM alerts FINAL
WHERE status != 'WITHDRAWN'
COMMENT 'Alerts that stand: what they say happened. A late order that was dispatched since stays late; see the views of orders, lots and shipments for what became of it.';

ALTER TABLE centers {on_cluster}
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN cooperative_id 'quality cooperative; empty if it serves several',
    COMMENT COLUMN name_zh 'name in Chinese',
    COMMENT COLUMN name_en 'name in English',
    COMMENT COLUMN rounds_per_day 'sample rounds that it can finish on a working day; null if nobody said',
    COMMENT COLUMN live_from 'when it went live: nobody is told of what happened before; null if nobody said, then all is told';

ALTER TABLE standing_alerts {on_cluster}
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

-- Written by `weftline tables render --migration strands`.

ALTER TABLE inspection_records {on_cluster}
    ADD COLUMN IF NOT EXISTS strand String COMMENT 'which of the owner''s events it is judged together with; empty where a former version stored it, until a rebuild';

CREATE TABLE IF NOT EXISTS strand_state {on_cluster}
(
    owner         String                         COMMENT 'whose events are folded together',
    strand        String                         COMMENT 'which of the factory''s events are judged together: laboratory and number of a report, or lots',
    version       UInt256                        COMMENT 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 8 bits count the deadlines that passed',
    records       UInt64                         COMMENT 'distinct records known of the owner (bookkeeping)',
    partition     UInt16                         COMMENT 'Kafka partition of the owner (bookkeeping)',
    next_deadline Nullable(DateTime64(3, 'UTC')) COMMENT 'when the next alert begins to stand by itself',
    alerts        Array(String)                  COMMENT 'alerts that stand, as JSON',
    stored_at     DateTime64(3, 'UTC')           DEFAULT now64(3) COMMENT 'when it was stored (bookkeeping)',
    ranks         UInt64                         COMMENT 'sum of the ranks of the records it was judged from, modulo 2^64 (bookkeeping)',
    tested_at     Nullable(DateTime64(3, 'UTC')) COMMENT 'when it was tested; null if it counts for nothing',
    laboratory_id LowCardinality(String)         COMMENT 'laboratory',
    report_number String                         COMMENT 'number of the report',
    indicators    Array(LowCardinality(String))  COMMENT 'indicators that passed or failed',
    failed        Array(UInt8)                   COMMENT 'of each, whether it failed',
    told          Array(String)                  COMMENT 'of each that failed, what an alert would say of it, as JSON; else empty'
)
ENGINE = {engine:ReplacingMergeTree(version)}
ORDER BY (owner, strand)
SETTINGS index_granularity = 256
COMMENT 'What each report of a factory says of runs of failures, and how much of it is known.';

CREATE OR REPLACE VIEW report_results {on_cluster} AS
SELECT
    owner AS factory_id,
    tested_at,
    laboratory_id,
    report_number,
    indicators,
    failed
FROM strand_state FINAL
WHERE notEmpty(indicators)
COMMENT 'What each report of a factory counts for in runs of failures.';

ALTER TABLE report_results {on_cluster}
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN tested_at 'when it was tested; null if it counts for nothing',
    COMMENT COLUMN laboratory_id 'laboratory',
    COMMENT COLUMN report_number 'number of the report',
    COMMENT COLUMN indicators 'indicators that passed or failed',
    COMMENT COLUMN failed 'of each, whether it failed';

-- What boards read: reference data (names, capacity), and views at the grain of the event, so that a board may cut days where its
-- readers' days begin.

-- Reference data enriches reads, by validity date; it takes part in no fold, so the day on which it was loaded changes no fact.
CREATE TABLE IF NOT EXISTS center_reference {on_cluster}
(
    center_id      String COMMENT 'sampling center, as in its events',
    valid_from     Date COMMENT 'from when on it holds',
    cooperative_id String COMMENT 'quality cooperative; empty if it serves several',
    name_zh        String COMMENT 'name in Chinese',
    name_en        String COMMENT 'name in English',
    rounds_per_day Nullable(Float64) COMMENT 'sample rounds that it can finish on a working day; null if nobody said',
    source         String COMMENT 'who said so',
    loaded_at      DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when it was loaded'
)
ENGINE = {engine:ReplacingMergeTree(loaded_at)}
ORDER BY (center_id, valid_from)
COMMENT 'Sampling centers: names and capacity, by validity date (weftline reference).';

CREATE TABLE IF NOT EXISTS factory_reference {on_cluster}
(
    factory_id     String COMMENT 'factory, as in its events',
    valid_from     Date COMMENT 'from when on it holds',
    cooperative_id String COMMENT 'quality cooperative of which it is a member; empty: of none',
    name_zh        String COMMENT 'name in Chinese',
    name_en        String COMMENT 'name in English',
    source         String COMMENT 'who said so',
    loaded_at      DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when it was loaded'
)
ENGINE = {engine:ReplacingMergeTree(loaded_at)}
ORDER BY (factory_id, valid_from)
COMMENT 'Factories: names and membership, by validity date (weftline reference).';

CREATE VIEW IF NOT EXISTS centers {on_cluster} AS
SELECT center_id, argMax(cooperative_id, valid_from) AS cooperative_id, argMax(name_zh, valid_from) AS name_zh,
    argMax(name_en, valid_from) AS name_en, tupleElement(argMax(tuple(rounds_per_day), valid_from), 1) AS rounds_per_day
FROM center_reference FINAL
WHERE valid_from <= today()
GROUP BY center_id
COMMENT 'Sampling centers as reference data describe them today.';

CREATE VIEW IF NOT EXISTS factories {on_cluster} AS
SELECT factory_id, argMax(cooperative_id, valid_from) AS cooperative_id, argMax(name_zh, valid_from) AS name_zh,
    argMax(name_en, valid_from) AS name_en
FROM factory_reference FINAL
WHERE valid_from <= today()
GROUP BY factory_id
COMMENT 'Factories as reference data describe them today.';

CREATE VIEW IF NOT EXISTS finished_rounds {on_cluster} AS
SELECT event_time, center_id, cooperative_id, factory_id, order_id, product_category, sample_type, round,
    lead_time_ms / 3600000 AS lead_time_h, customer_lead_time_ms / 3600000 AS customer_lead_time_h
FROM order_facts FINAL
WHERE counts AND (lead_time_ms IS NOT NULL OR customer_lead_time_ms IS NOT NULL)
COMMENT 'Rounds of sample orders at the moment at which they ended: lead time from CONFIRMED, customer lead time from REQUESTED.';

CREATE VIEW IF NOT EXISTS first_verdicts {on_cluster} AS
SELECT center_id, order_id, factory_id, cooperative_id, product_category, sample_type,
    assumeNotNull(first.3) AS decided_at, first.2 AS verdict, first.1 = 1 AND first.2 = 'APPROVED' AS approved_in_round_1
FROM
(
    SELECT center_id, order_id, factory_id, cooperative_id, product_category, sample_type,
        arrayFirst(x -> x.3 IS NOT NULL, arrayZip(round_number, round_verdict, round_verdict_at)) AS first
    FROM order_state FINAL
    WHERE arrayExists(x -> x IS NOT NULL, round_verdict_at)
)
COMMENT 'Sample orders at the moment of their first verdict.';

CREATE VIEW IF NOT EXISTS report_counts {on_cluster} AS
SELECT event_time, center_id, cooperative_id, factory_id, product_category, subject AS report,
    reports, reports_passed, reports_failed, reports_incomplete
FROM inspection_facts FINAL
WHERE counts AND kind IN ('LABORATORY_REPORT', 'REPORT_STATUS')
COMMENT 'Verified reports at the moment at which they count, signed: an amendment or withdrawal takes away what stood before.';

CREATE VIEW IF NOT EXISTS lot_counts {on_cluster} AS
SELECT event_time, center_id, cooperative_id, factory_id, product_category, subject AS lot_id, lots, lots_accepted, lots_not_accepted,
    lots_resubmitted, lots_resubmitted_accepted, units_inspected, units_critical, units_major, units_minor
FROM inspection_facts FINAL
WHERE counts AND kind = 'LOT_INSPECTION'
COMMENT 'Lot inspections at the moment at which they happened.';

CREATE VIEW IF NOT EXISTS results {on_cluster} AS
SELECT event_time, center_id, cooperative_id, factory_id, i.1 AS product_category, i.2 AS indicator,
    i.3 AS tested, i.4 AS passed, i.5 AS failed, i.6 AS incomplete, i.7 AS not_detected
FROM inspection_facts FINAL
ARRAY JOIN arrayZip(item_category, item_indicator, item_tested, item_passed, item_failed, item_incomplete, item_not_detected) AS i
WHERE counts
COMMENT 'Verified results per indicator at the moment at which they count, signed. tested less passed and failed was not judged for want of a confirmed limit.';

CREATE VIEW IF NOT EXISTS measurements {on_cluster} AS
WITH
    item.3 AS value_text,
    item.4 AS limit_text,
    g -> arraySum(x -> toFloat64(x), splitByChar('-', g)) / length(splitByChar('-', g)) AS step,
    match(limit_text, '^≥ [1-8](-[1-8])?$') AS graded,
    match(limit_text, '^(≤ |≥ )?[0-9.]+(–[0-9.]+)?( [a-zA-Zµ/%]+)?$') AS plain
SELECT owner AS factory_id, cooperative_id, center_id, product_category, laboratory_id, report_number, style_number, counted,
    ifNull(tested_at, assumeNotNull(reported_at)) AS measured_at,
    item.1 AS indicator, item.2 AS component, value_text, limit_text,
    if(graded, arrayMin(arrayMap(step, extractAll(value_text, '[1-8](?:-[1-8])?'))), toFloat64OrNull(extract(value_text, '[0-9]+(?:\\.[0-9]+)?'))) AS number,
    multiIf(graded, step(extract(limit_text, '[1-8](?:-[1-8])?')), plain, toFloat64OrNull(extract(limit_text, '^(?:≥ )?([0-9.]+)')), NULL) AS low,
    if(plain AND NOT graded, toFloat64OrNull(extract(limit_text, '(?:≤ |–)([0-9.]+)')), NULL) AS high,
    item.5 AS not_detected, item.6 AS outcome, item.7 AS clause, item.8 AS confidence, item.9 AS clause_source
FROM report_state FINAL
ARRAY JOIN JSONExtract(verdict_json, 'items', 'Array(Tuple(indicator String, component String, value String, `limit` String, not_detected Bool, outcome String, clause String, confidence String, source String))') AS item
WHERE status != '' AND reported_at IS NOT NULL
COMMENT 'Every measurement of the reports as they stand, by each limit that applies to it. number: as measured, the detection limit where nothing was detected, the lower of two grades with 3-4 as 3.5. low, high: the limit, where it is a number and not a share of the label.';

-- What the columns of these views are.

ALTER TABLE centers {on_cluster}
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN cooperative_id 'quality cooperative; empty if it serves several',
    COMMENT COLUMN name_zh 'name in Chinese',
    COMMENT COLUMN name_en 'name in English',
    COMMENT COLUMN rounds_per_day 'sample rounds that it can finish on a working day; null if nobody said';

ALTER TABLE factories {on_cluster}
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN cooperative_id 'quality cooperative of which it is a member; empty: of none',
    COMMENT COLUMN name_zh 'name in Chinese',
    COMMENT COLUMN name_en 'name in English';

ALTER TABLE finished_rounds {on_cluster}
    COMMENT COLUMN event_time 'when the round ended',
    COMMENT COLUMN center_id 'center',
    COMMENT COLUMN cooperative_id 'cooperative',
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN order_id 'sample order',
    COMMENT COLUMN product_category 'product category',
    COMMENT COLUMN sample_type 'type of sample',
    COMMENT COLUMN round 'round of sampling',
    COMMENT COLUMN lead_time_h 'hours from CONFIRMED to the end of the round',
    COMMENT COLUMN customer_lead_time_h 'hours from REQUESTED to the end of the round';

ALTER TABLE first_verdicts {on_cluster}
    COMMENT COLUMN center_id 'center',
    COMMENT COLUMN order_id 'sample order',
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN cooperative_id 'cooperative',
    COMMENT COLUMN product_category 'product category',
    COMMENT COLUMN sample_type 'type of sample',
    COMMENT COLUMN decided_at 'time of the first verdict',
    COMMENT COLUMN verdict 'first verdict',
    COMMENT COLUMN approved_in_round_1 '1 if the first round was approved';

ALTER TABLE report_counts {on_cluster}
    COMMENT COLUMN event_time 'when it counts',
    COMMENT COLUMN center_id 'center',
    COMMENT COLUMN cooperative_id 'cooperative',
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN product_category 'product category',
    COMMENT COLUMN report 'laboratory/number',
    COMMENT COLUMN reports 'verified reports, signed',
    COMMENT COLUMN reports_passed 'of them PASS',
    COMMENT COLUMN reports_failed 'of them FAIL',
    COMMENT COLUMN reports_incomplete 'of them INCOMPLETE';

ALTER TABLE lot_counts {on_cluster}
    COMMENT COLUMN event_time 'when it was inspected',
    COMMENT COLUMN center_id 'center',
    COMMENT COLUMN cooperative_id 'cooperative',
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN product_category 'product category',
    COMMENT COLUMN lot_id 'the factory''s lot number',
    COMMENT COLUMN lots 'original lots inspected',
    COMMENT COLUMN lots_accepted 'of them accepted',
    COMMENT COLUMN lots_not_accepted 'of them not accepted',
    COMMENT COLUMN lots_resubmitted 'resubmitted lots inspected',
    COMMENT COLUMN lots_resubmitted_accepted 'of them accepted',
    COMMENT COLUMN units_inspected 'units inspected',
    COMMENT COLUMN units_critical 'units whose worst nonconformity is critical',
    COMMENT COLUMN units_major 'units whose worst nonconformity is major',
    COMMENT COLUMN units_minor 'units whose worst nonconformity is minor';

ALTER TABLE results {on_cluster}
    COMMENT COLUMN event_time 'when it counts',
    COMMENT COLUMN center_id 'center',
    COMMENT COLUMN cooperative_id 'cooperative',
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN product_category 'product category',
    COMMENT COLUMN indicator 'indicator',
    COMMENT COLUMN tested 'results, signed',
    COMMENT COLUMN passed 'of them passed',
    COMMENT COLUMN failed 'of them failed',
    COMMENT COLUMN incomplete 'required and without a result',
    COMMENT COLUMN not_detected 'results not detected';

ALTER TABLE measurements {on_cluster}
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN cooperative_id 'cooperative',
    COMMENT COLUMN center_id 'center',
    COMMENT COLUMN product_category 'product category',
    COMMENT COLUMN laboratory_id 'laboratory',
    COMMENT COLUMN report_number 'number of the report',
    COMMENT COLUMN style_number 'the factory''s style number',
    COMMENT COLUMN measured_at 'when it was tested; where nobody said, event time of the report',
    COMMENT COLUMN counted '1 if the report is verified and not withdrawn',
    COMMENT COLUMN indicator 'indicator',
    COMMENT COLUMN component 'part of the specimen or of the blend',
    COMMENT COLUMN value_text 'what was measured, as people write it',
    COMMENT COLUMN limit_text 'the limit, as people write it',
    COMMENT COLUMN number 'the value as a number, see the view',
    COMMENT COLUMN low 'lower limit',
    COMMENT COLUMN high 'upper limit',
    COMMENT COLUMN not_detected '1 if the laboratory reports not detected',
    COMMENT COLUMN outcome 'PASS, FAIL or NOT_JUDGED',
    COMMENT COLUMN clause 'the clause that decides',
    COMMENT COLUMN confidence 'of the clause',
    COMMENT COLUMN clause_source 'where the limit stands';

-- These had been given the meaning of another table's column of the same name.
ALTER TABLE orders {on_cluster} COMMENT COLUMN status 'what the order is';
ALTER TABLE reports {on_cluster} COMMENT COLUMN status 'SUBMITTED, VERIFIED, PUBLISHED or WITHDRAWN';
ALTER TABLE shipments {on_cluster} COMMENT COLUMN damaged '1 if ever seen damaged';

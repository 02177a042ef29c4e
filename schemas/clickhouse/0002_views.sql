-- Readers' views: the truth without knowing FINAL, versions or bookkeeping columns.

CREATE VIEW IF NOT EXISTS throughput_per_minute {on_cluster} AS
SELECT minute, center_id, events, requested, confirmed, dispatched, received, approved, revision_requested, rejected, cancelled, entries, exits
FROM order_throughput_minute FINAL
WHERE events > 0
COMMENT 'Sample orders per center and minute (UTC).';

CREATE VIEW IF NOT EXISTS throughput_per_hour {on_cluster} AS
SELECT hour, center_id, events, requested, confirmed, dispatched, received, approved, revision_requested, rejected, cancelled, entries, exits
FROM order_throughput_hour FINAL
WHERE events > 0
COMMENT 'Sample orders per center and hour (UTC).';

CREATE VIEW IF NOT EXISTS throughput_per_day {on_cluster} AS
SELECT day, center_id, events, requested, confirmed, dispatched, received, approved, revision_requested, rejected, cancelled, entries, exits
FROM order_throughput_day FINAL
WHERE events > 0
COMMENT 'Sample orders per center and day (UTC).';

CREATE VIEW IF NOT EXISTS tests_per_minute {on_cluster} AS
SELECT minute, center_id, events, reports, reports_passed, reports_failed, reports_incomplete, lots, lots_accepted, lots_not_accepted, lots_resubmitted, lots_resubmitted_accepted, units_inspected, units_critical, units_major, units_minor
FROM inspection_throughput_minute FINAL
WHERE events > 0
COMMENT 'Tests and lots per center and minute (UTC).';

CREATE VIEW IF NOT EXISTS tests_per_hour {on_cluster} AS
SELECT hour, center_id, events, reports, reports_passed, reports_failed, reports_incomplete, lots, lots_accepted, lots_not_accepted, lots_resubmitted, lots_resubmitted_accepted, units_inspected, units_critical, units_major, units_minor
FROM inspection_throughput_hour FINAL
WHERE events > 0
COMMENT 'Tests and lots per center and hour (UTC).';

CREATE VIEW IF NOT EXISTS tests_per_day {on_cluster} AS
SELECT day, center_id, events, reports, reports_passed, reports_failed, reports_incomplete, lots, lots_accepted, lots_not_accepted, lots_resubmitted, lots_resubmitted_accepted, units_inspected, units_critical, units_major, units_minor
FROM inspection_throughput_day FINAL
WHERE events > 0
COMMENT 'Tests and lots per center and day (UTC).';

CREATE VIEW IF NOT EXISTS movements_per_minute {on_cluster} AS
SELECT minute, center_id, events, departed, arrived, delivered, voided, damaged
FROM logistics_throughput_minute FINAL
WHERE events > 0
COMMENT 'Movements of shipments per center and minute (UTC).';

CREATE VIEW IF NOT EXISTS movements_per_hour {on_cluster} AS
SELECT hour, center_id, events, departed, arrived, delivered, voided, damaged
FROM logistics_throughput_hour FINAL
WHERE events > 0
COMMENT 'Movements of shipments per center and hour (UTC).';

CREATE VIEW IF NOT EXISTS movements_per_day {on_cluster} AS
SELECT day, center_id, events, departed, arrived, delivered, voided, damaged
FROM logistics_throughput_day FINAL
WHERE events > 0
COMMENT 'Movements of shipments per center and day (UTC).';

CREATE VIEW IF NOT EXISTS work_in_progress {on_cluster} AS
SELECT center_id, sum(entries) - sum(exits) AS orders
FROM order_throughput_day FINAL
GROUP BY center_id
COMMENT 'Orders between CONFIRMED and DISPATCHED per center: entries less exits over all time.';

CREATE VIEW IF NOT EXISTS lead_time_by_day {on_cluster} AS
SELECT toStartOfDay(event_time) AS day, center_id,
    count() AS rounds_finished,
    round(quantileExact(0.5)(lead_time_ms) / 3600000, 2) AS lead_time_p50_h,
    round(quantileExact(0.9)(lead_time_ms) / 3600000, 2) AS lead_time_p90_h,
    round(quantileExact(0.5)(customer_lead_time_ms) / 3600000, 2) AS customer_lead_time_p50_h,
    round(quantileExact(0.9)(customer_lead_time_ms) / 3600000, 2) AS customer_lead_time_p90_h
FROM order_facts FINAL
WHERE counts AND (lead_time_ms IS NOT NULL OR customer_lead_time_ms IS NOT NULL)
GROUP BY day, center_id
COMMENT 'Lead time (CONFIRMED to end of round) and customer lead time (REQUESTED to end of round), in hours, of the rounds that ended on the day (UTC), per center.';

CREATE VIEW IF NOT EXISTS orders {on_cluster} AS
SELECT * EXCEPT (owner, version, records, partition, next_deadline, alerts, stored_at, round_number, round_confirmed_at, round_first_promised_at, round_promised_at, round_finished_at, round_verdict, round_verdict_at)
FROM order_state FINAL
WHERE status != ''
COMMENT 'Sample orders as they stand.';

CREATE VIEW IF NOT EXISTS order_rounds {on_cluster} AS
SELECT center_id, order_id, factory_id, cooperative_id, product_category, sample_type,
    r.1 AS round, r.2 AS confirmed_at, r.3 AS first_promised_at, r.4 AS promised_at, r.5 AS finished_at,
    r.6 AS verdict, r.7 AS verdict_at,
    finished_at <= first_promised_at AS on_time, status = 'CANCELLED' AND finished_at IS NULL AS cancelled
FROM order_state FINAL
ARRAY JOIN arrayZip(round_number, round_confirmed_at, round_first_promised_at, round_promised_at,
    round_finished_at, round_verdict, round_verdict_at) AS r
WHERE order_state.status != ''
COMMENT 'Rounds of sample orders: promise, end and verdict. on_time is 1 if the round ended on or before its first promise, 0 if later, null while it is open or if nothing was promised.';

CREATE VIEW IF NOT EXISTS on_time_by_day {on_cluster} AS
SELECT toStartOfDay(assumeNotNull(first_promised_at)) AS day, center_id,
    count() AS due, countIf(r.on_time = 1) AS on_time, countIf(r.on_time = 0) AS late, countIf(finished_at IS NULL) AS open
FROM order_rounds AS r
WHERE first_promised_at IS NOT NULL AND NOT cancelled
GROUP BY day, center_id
COMMENT 'Rounds by the day (UTC) of their first promise, per center: due, ended on time, ended late, still open. On-time rate is on_time / due over days that are past: what is due counts, not only what is finished.';

CREATE VIEW IF NOT EXISTS first_pass_yield_by_day {on_cluster} AS
SELECT toStartOfDay(assumeNotNull(first_verdict_at)) AS day, center_id,
    count() AS first_verdicts, countIf(approved_first) AS approved_in_round_1
FROM
(
    SELECT center_id,
        arrayFirst(x -> x.3 IS NOT NULL, arrayZip(round_number, round_verdict, round_verdict_at)) AS first,
        first.3 AS first_verdict_at,
        first.1 = 1 AND first.2 = 'APPROVED' AS approved_first
    FROM order_state FINAL
    WHERE arrayExists(x -> x IS NOT NULL, round_verdict_at)
)
GROUP BY day, center_id
COMMENT 'Orders by the day (UTC) of their first verdict, per center: how many reached one, and how many of them were approved in round 1.';

CREATE VIEW IF NOT EXISTS rounds_to_approval {on_cluster} AS
SELECT center_id, count() AS orders_approved, round(sum(round) / count(), 3) AS rounds_mean,
    quantileExact(0.9)(round) AS rounds_p90
FROM order_state FINAL
WHERE status = 'APPROVED'
GROUP BY center_id
COMMENT 'Rounds that approved orders took, per center.';

CREATE VIEW IF NOT EXISTS quality_by_day {on_cluster} AS
SELECT toStartOfDay(event_time) AS day, cooperative_id, factory_id, i.1 AS product_category, i.2 AS indicator,
    sum(i.3) AS tested, sum(i.4) AS passed, sum(i.5) AS failed, sum(i.6) AS incomplete, sum(i.7) AS not_detected
FROM inspection_facts FINAL
ARRAY JOIN arrayZip(item_category, item_indicator, item_tested, item_passed, item_failed, item_incomplete, item_not_detected) AS i
WHERE counts
GROUP BY day, cooperative_id, factory_id, product_category, indicator
COMMENT 'Verified results per day (UTC), factory, product category and indicator: tested, passed, failed, required but not tested, not detected. Corrections restate on the day on which they happened.';

CREATE VIEW IF NOT EXISTS quality {on_cluster} AS
SELECT cooperative_id, factory_id, product_category, indicator,
    sum(tested) AS tested, sum(passed) AS passed, sum(failed) AS failed, sum(incomplete) AS incomplete,
    sum(not_detected) AS not_detected
FROM quality_by_day
GROUP BY cooperative_id, factory_id, product_category, indicator
COMMENT 'The same over all time.';

CREATE VIEW IF NOT EXISTS lot_quality_by_day {on_cluster} AS
SELECT toStartOfDay(event_time) AS day, cooperative_id, factory_id, product_category,
    sum(lots) AS lots, sum(lots_accepted) AS lots_accepted, sum(lots_not_accepted) AS lots_not_accepted,
    sum(lots_resubmitted) AS lots_resubmitted, sum(lots_resubmitted_accepted) AS lots_resubmitted_accepted,
    sum(units_inspected) AS units_inspected, sum(units_critical) AS units_critical, sum(units_major) AS units_major,
    sum(units_minor) AS units_minor
FROM inspection_facts FINAL
WHERE counts AND kind = 'LOT_INSPECTION'
GROUP BY day, cooperative_id, factory_id, product_category
COMMENT 'Lots per day (UTC), factory and product category: original lots accepted and not, resubmitted ones apart, nonconforming units by worst class.';

CREATE VIEW IF NOT EXISTS reports {on_cluster} AS
SELECT owner AS factory_id, * EXCEPT (owner, version, records, partition, next_deadline, alerts, stored_at)
FROM report_state FINAL
WHERE status != ''
COMMENT 'Laboratory reports as they stand.';

CREATE VIEW IF NOT EXISTS lots {on_cluster} AS
SELECT owner AS factory_id, * EXCEPT (owner, version, records, partition, next_deadline, alerts, stored_at)
FROM lot_state FINAL
WHERE inspections > 0
COMMENT 'Lots as they stand.';

CREATE VIEW IF NOT EXISTS failure_runs {on_cluster} AS
SELECT owner AS factory_id, * EXCEPT (owner, version, records, partition, next_deadline, alerts, stored_at)
FROM run_state FINAL
WHERE results > 0
COMMENT 'Runs of failures per factory and indicator.';

CREATE VIEW IF NOT EXISTS switching {on_cluster} AS
SELECT owner AS factory_id, * EXCEPT (owner, version, records, partition, next_deadline, alerts, stored_at)
FROM switching_state FINAL
WHERE lots > 0
COMMENT 'Severity of inspection due, per factory, product category and class.';

CREATE VIEW IF NOT EXISTS shipments {on_cluster} AS
SELECT owner AS shipment_id, * EXCEPT (owner, version, records, partition, next_deadline, alerts, stored_at)
FROM shipment_state FINAL
WHERE milestone != ''
COMMENT 'Shipments as they stand.';

CREATE VIEW IF NOT EXISTS standing_alerts {on_cluster} AS
SELECT rule, severity, occurred_at, cooperative_id, center_id, factory_id, product_category, subject, text_zh, text_en,
    JSONExtractRaw(content, 'evidence') AS evidence, alert_id, historic AS too_old_to_be_sent
FROM alerts FINAL
WHERE status != 'WITHDRAWN'
COMMENT 'Alerts that stand: what they say happened. A late order that was dispatched since stays late; see the views of orders, lots and shipments for what became of it.';

CREATE VIEW IF NOT EXISTS identity_conflicts {on_cluster} AS
SELECT 'orders' AS kind, owner, source, event_id, groupUniqArray(event_time) AS event_times,
    uniqExactIf(event_time, rank, rank < 9223372036854775808) AS contents
FROM order_records
GROUP BY owner, source, event_id
HAVING contents > 1 OR length(event_times) > 1
UNION ALL
SELECT 'inspections' AS kind, owner, source, event_id, groupUniqArray(event_time) AS event_times,
    uniqExactIf(event_time, rank, rank < 9223372036854775808) AS contents
FROM inspection_records
GROUP BY owner, source, event_id
HAVING contents > 1 OR length(event_times) > 1
UNION ALL
SELECT 'logistics' AS kind, owner, source, event_id, groupUniqArray(event_time) AS event_times,
    uniqExactIf(event_time, rank, rank < 9223372036854775808) AS contents
FROM logistics_records
GROUP BY owner, source, event_id
HAVING contents > 1 OR length(event_times) > 1
COMMENT 'Identities under which a source published several contents: its fault. The greatest rank stands, of several event times the earliest that is not declared erroneous. A declaration beside its event is no conflict.';

-- What the columns of the views are.

ALTER TABLE failure_runs {on_cluster}
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN indicator 'indicator',
    COMMENT COLUMN results 'verified results that were judged',
    COMMENT COLUMN failures 'of them failed',
    COMMENT COLUMN current_run 'failures in a row up to the last result',
    COMMENT COLUMN longest_run 'longest run of failures',
    COMMENT COLUMN last_result_at 'test time of the last result';

ALTER TABLE first_pass_yield_by_day {on_cluster}
    COMMENT COLUMN day 'day (UTC)',
    COMMENT COLUMN center_id 'center',
    COMMENT COLUMN first_verdicts 'orders that reached a first verdict',
    COMMENT COLUMN approved_in_round_1 'of them approved in round 1';

ALTER TABLE identity_conflicts {on_cluster}
    COMMENT COLUMN kind 'orders, inspections or logistics',
    COMMENT COLUMN owner 'whose events made it true',
    COMMENT COLUMN source 'who published it',
    COMMENT COLUMN event_id 'identity within the source',
    COMMENT COLUMN event_times 'event times under the identity',
    COMMENT COLUMN contents 'contents that are not declared erroneous';

ALTER TABLE lead_time_by_day {on_cluster}
    COMMENT COLUMN day 'day (UTC)',
    COMMENT COLUMN center_id 'center',
    COMMENT COLUMN rounds_finished 'rounds that ended',
    COMMENT COLUMN lead_time_p50_h 'median lead time, hours',
    COMMENT COLUMN lead_time_p90_h '90th percentile of the lead time, hours',
    COMMENT COLUMN customer_lead_time_p50_h 'median customer lead time, hours',
    COMMENT COLUMN customer_lead_time_p90_h '90th percentile of the customer lead time, hours';

ALTER TABLE lot_quality_by_day {on_cluster}
    COMMENT COLUMN day 'day (UTC)',
    COMMENT COLUMN cooperative_id 'cooperative',
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN product_category 'product category',
    COMMENT COLUMN lots 'original lots inspected',
    COMMENT COLUMN lots_accepted 'of them accepted',
    COMMENT COLUMN lots_not_accepted 'of them not accepted',
    COMMENT COLUMN lots_resubmitted 'resubmitted lots inspected',
    COMMENT COLUMN lots_resubmitted_accepted 'of them accepted',
    COMMENT COLUMN units_inspected 'units inspected',
    COMMENT COLUMN units_critical 'units whose worst nonconformity is critical',
    COMMENT COLUMN units_major 'units whose worst nonconformity is major',
    COMMENT COLUMN units_minor 'units whose worst nonconformity is minor';

ALTER TABLE lots {on_cluster}
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN lot_id 'the factory''s lot number',
    COMMENT COLUMN center_id 'center',
    COMMENT COLUMN cooperative_id 'cooperative',
    COMMENT COLUMN product_category 'product category',
    COMMENT COLUMN style_number 'the factory''s style number',
    COMMENT COLUMN order_id 'sample order',
    COMMENT COLUMN lot_size 'units in the lot',
    COMMENT COLUMN stage 'stage of the last inspection',
    COMMENT COLUMN original_result 'ACCEPTED, NOT_ACCEPTED, NOT_JUDGED, or empty: the original inspection',
    COMMENT COLUMN last_result 'the same of the last inspection',
    COMMENT COLUMN inspections 'inspections that stand',
    COMMENT COLUMN resubmissions 'of them resubmitted',
    COMMENT COLUMN not_accepted_classes 'classes not accepted at any inspection',
    COMMENT COLUMN last_inspected_at 'last inspection';

ALTER TABLE movements_per_day {on_cluster}
    COMMENT COLUMN day 'start of a day (UTC)',
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN events 'events that count',
    COMMENT COLUMN departed 'departures, less those undone',
    COMMENT COLUMN arrived 'arrivals',
    COMMENT COLUMN delivered 'deliveries',
    COMMENT COLUMN voided 'shippings undone',
    COMMENT COLUMN damaged 'shipments first seen damaged';

ALTER TABLE movements_per_hour {on_cluster}
    COMMENT COLUMN hour 'start of an hour',
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN events 'events that count',
    COMMENT COLUMN departed 'departures, less those undone',
    COMMENT COLUMN arrived 'arrivals',
    COMMENT COLUMN delivered 'deliveries',
    COMMENT COLUMN voided 'shippings undone',
    COMMENT COLUMN damaged 'shipments first seen damaged';

ALTER TABLE movements_per_minute {on_cluster}
    COMMENT COLUMN minute 'start of a minute',
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN events 'events that count',
    COMMENT COLUMN departed 'departures, less those undone',
    COMMENT COLUMN arrived 'arrivals',
    COMMENT COLUMN delivered 'deliveries',
    COMMENT COLUMN voided 'shippings undone',
    COMMENT COLUMN damaged 'shipments first seen damaged';

ALTER TABLE on_time_by_day {on_cluster}
    COMMENT COLUMN day 'day (UTC)',
    COMMENT COLUMN center_id 'center',
    COMMENT COLUMN due 'rounds promised for the day',
    COMMENT COLUMN on_time 'of them ended on time',
    COMMENT COLUMN late 'of them ended late',
    COMMENT COLUMN open 'of them not ended';

ALTER TABLE order_rounds {on_cluster}
    COMMENT COLUMN center_id 'center',
    COMMENT COLUMN order_id 'sample order',
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN cooperative_id 'cooperative',
    COMMENT COLUMN product_category 'product category',
    COMMENT COLUMN sample_type 'type of sample',
    COMMENT COLUMN round 'round of sampling',
    COMMENT COLUMN confirmed_at 'CONFIRMED',
    COMMENT COLUMN first_promised_at 'first promised date of the round',
    COMMENT COLUMN promised_at 'promise in force',
    COMMENT COLUMN finished_at 'dispatched or later',
    COMMENT COLUMN verdict 'verdict',
    COMMENT COLUMN verdict_at 'time of the verdict',
    COMMENT COLUMN on_time '1 if ended on or before the first promise, 0 if later, null while open',
    COMMENT COLUMN cancelled '1 if the order was cancelled before the round ended';

ALTER TABLE orders {on_cluster}
    COMMENT COLUMN center_id 'center',
    COMMENT COLUMN order_id 'sample order',
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN cooperative_id 'cooperative',
    COMMENT COLUMN product_category 'product category',
    COMMENT COLUMN sample_type 'type of sample',
    COMMENT COLUMN style_number 'the factory''s style number',
    COMMENT COLUMN quantity 'pieces',
    COMMENT COLUMN status 'RAISED, UPDATED or WITHDRAWN',
    COMMENT COLUMN on_hold '1 while on hold',
    COMMENT COLUMN round 'round of sampling',
    COMMENT COLUMN requested_at 'first REQUESTED',
    COMMENT COLUMN ended_at 'APPROVED, REJECTED or CANCELLED',
    COMMENT COLUMN last_event_time 'last event that applied',
    COMMENT COLUMN events 'events that count';

ALTER TABLE quality {on_cluster}
    COMMENT COLUMN cooperative_id 'cooperative',
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN product_category 'product category',
    COMMENT COLUMN indicator 'indicator',
    COMMENT COLUMN tested 'results',
    COMMENT COLUMN passed 'of them passed',
    COMMENT COLUMN failed 'of them failed; the rest was not judged for want of a confirmed limit',
    COMMENT COLUMN incomplete 'required and without a result',
    COMMENT COLUMN not_detected 'results not detected';

ALTER TABLE quality_by_day {on_cluster}
    COMMENT COLUMN day 'day (UTC)',
    COMMENT COLUMN cooperative_id 'cooperative',
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN product_category 'product category',
    COMMENT COLUMN indicator 'indicator',
    COMMENT COLUMN tested 'results',
    COMMENT COLUMN passed 'of them passed',
    COMMENT COLUMN failed 'of them failed; the rest was not judged for want of a confirmed limit',
    COMMENT COLUMN incomplete 'required and without a result',
    COMMENT COLUMN not_detected 'results not detected';

ALTER TABLE reports {on_cluster}
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN laboratory_id 'laboratory',
    COMMENT COLUMN report_number 'number of the report',
    COMMENT COLUMN center_id 'center',
    COMMENT COLUMN cooperative_id 'cooperative',
    COMMENT COLUMN product_category 'product category',
    COMMENT COLUMN style_number 'the factory''s style number',
    COMMENT COLUMN order_id 'sample order',
    COMMENT COLUMN lot_ids 'lots',
    COMMENT COLUMN status 'RAISED, UPDATED or WITHDRAWN',
    COMMENT COLUMN amendment 'amendment in force, -1 without content',
    COMMENT COLUMN specimen 'type of specimen',
    COMMENT COLUMN purpose 'why it was tested',
    COMMENT COLUMN payer 'who pays',
    COMMENT COLUMN safety_class 'GB 18401 class',
    COMMENT COLUMN verdict 'verdict',
    COMMENT COLUMN counted '1 if verified and not withdrawn',
    COMMENT COLUMN failed_indicators 'indicators that fail',
    COMMENT COLUMN missing_indicators 'required and not tested',
    COMMENT COLUMN verdict_json 'the verdict, item by item, with clauses',
    COMMENT COLUMN reported_at 'event time of the content in force',
    COMMENT COLUMN tested_at 'when it was tested',
    COMMENT COLUMN verified_at 'first verification',
    COMMENT COLUMN published_at 'first publication',
    COMMENT COLUMN withdrawn_at 'withdrawal',
    COMMENT COLUMN events 'events that count';

ALTER TABLE rounds_to_approval {on_cluster}
    COMMENT COLUMN center_id 'center',
    COMMENT COLUMN orders_approved 'orders approved',
    COMMENT COLUMN rounds_mean 'rounds taken, mean',
    COMMENT COLUMN rounds_p90 'rounds taken, 90th percentile';

ALTER TABLE shipments {on_cluster}
    COMMENT COLUMN shipment_id 'shipment',
    COMMENT COLUMN center_id 'center',
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN cooperative_id 'cooperative',
    COMMENT COLUMN milestone 'PREPARING, IN_TRANSIT, ARRIVED or DELIVERED; empty if no event stands',
    COMMENT COLUMN disposition 'last CBV disposition',
    COMMENT COLUMN order_ids 'sample orders on board',
    COMMENT COLUMN lot_ids 'lots',
    COMMENT COLUMN carrier_id 'carrier',
    COMMENT COLUMN trade_mode 'trade mode',
    COMMENT COLUMN declared_value_minor 'declared value in hundredths',
    COMMENT COLUMN declared_currency 'ISO 4217',
    COMMENT COLUMN legs 'legs begun',
    COMMENT COLUMN first_departed_at 'first departure',
    COMMENT COLUMN departed_at 'last departure',
    COMMENT COLUMN arrived_at 'last arrival',
    COMMENT COLUMN delivered_at 'delivery',
    COMMENT COLUMN expected_arrival_at 'arrival expected by the last event that said so',
    COMMENT COLUMN damaged '1 if damage was first seen here',
    COMMENT COLUMN last_event_time 'last event that applied',
    COMMENT COLUMN events 'events that count';

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
    COMMENT COLUMN too_old_to_be_sent '1 if it was older than 48 h when first seen, and so was sent to nobody';

ALTER TABLE switching {on_cluster}
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN product_category 'product category',
    COMMENT COLUMN nonconformity_class 'class of nonconformity',
    COMMENT COLUMN severity_due 'NORMAL, TIGHTENED or DISCONTINUED',
    COMMENT COLUMN since 'event time of the last switch',
    COMMENT COLUMN lots 'original lots inspected',
    COMMENT COLUMN switches 'switches so far',
    COMMENT COLUMN recent_accepted 'acceptance of the lots in the present window, oldest first',
    COMMENT COLUMN not_accepted_on_tightened 'lots not accepted since tightened inspection began';

ALTER TABLE tests_per_day {on_cluster}
    COMMENT COLUMN day 'start of a day (UTC)',
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN events 'events that count',
    COMMENT COLUMN reports 'verified reports',
    COMMENT COLUMN reports_passed 'of them PASS',
    COMMENT COLUMN reports_failed 'of them FAIL',
    COMMENT COLUMN reports_incomplete 'of them INCOMPLETE',
    COMMENT COLUMN lots 'original lots inspected',
    COMMENT COLUMN lots_accepted 'of them accepted',
    COMMENT COLUMN lots_not_accepted 'of them not accepted',
    COMMENT COLUMN lots_resubmitted 'resubmitted lots inspected',
    COMMENT COLUMN lots_resubmitted_accepted 'of them accepted',
    COMMENT COLUMN units_inspected 'units inspected',
    COMMENT COLUMN units_critical 'units critical',
    COMMENT COLUMN units_major 'units major',
    COMMENT COLUMN units_minor 'units minor';

ALTER TABLE tests_per_hour {on_cluster}
    COMMENT COLUMN hour 'start of an hour',
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN events 'events that count',
    COMMENT COLUMN reports 'verified reports',
    COMMENT COLUMN reports_passed 'of them PASS',
    COMMENT COLUMN reports_failed 'of them FAIL',
    COMMENT COLUMN reports_incomplete 'of them INCOMPLETE',
    COMMENT COLUMN lots 'original lots inspected',
    COMMENT COLUMN lots_accepted 'of them accepted',
    COMMENT COLUMN lots_not_accepted 'of them not accepted',
    COMMENT COLUMN lots_resubmitted 'resubmitted lots inspected',
    COMMENT COLUMN lots_resubmitted_accepted 'of them accepted',
    COMMENT COLUMN units_inspected 'units inspected',
    COMMENT COLUMN units_critical 'units critical',
    COMMENT COLUMN units_major 'units major',
    COMMENT COLUMN units_minor 'units minor';

ALTER TABLE tests_per_minute {on_cluster}
    COMMENT COLUMN minute 'start of a minute',
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN events 'events that count',
    COMMENT COLUMN reports 'verified reports',
    COMMENT COLUMN reports_passed 'of them PASS',
    COMMENT COLUMN reports_failed 'of them FAIL',
    COMMENT COLUMN reports_incomplete 'of them INCOMPLETE',
    COMMENT COLUMN lots 'original lots inspected',
    COMMENT COLUMN lots_accepted 'of them accepted',
    COMMENT COLUMN lots_not_accepted 'of them not accepted',
    COMMENT COLUMN lots_resubmitted 'resubmitted lots inspected',
    COMMENT COLUMN lots_resubmitted_accepted 'of them accepted',
    COMMENT COLUMN units_inspected 'units inspected',
    COMMENT COLUMN units_critical 'units critical',
    COMMENT COLUMN units_major 'units major',
    COMMENT COLUMN units_minor 'units minor';

ALTER TABLE throughput_per_day {on_cluster}
    COMMENT COLUMN day 'start of a day (UTC)',
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN events 'events that count',
    COMMENT COLUMN requested 'orders requested',
    COMMENT COLUMN confirmed 'orders confirmed',
    COMMENT COLUMN dispatched 'orders dispatched',
    COMMENT COLUMN received 'orders received',
    COMMENT COLUMN approved 'orders approved',
    COMMENT COLUMN revision_requested 'orders revision requested',
    COMMENT COLUMN rejected 'orders rejected',
    COMMENT COLUMN cancelled 'orders cancelled',
    COMMENT COLUMN entries 'entries to work in progress',
    COMMENT COLUMN exits 'exits from work in progress';

ALTER TABLE throughput_per_hour {on_cluster}
    COMMENT COLUMN hour 'start of an hour',
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN events 'events that count',
    COMMENT COLUMN requested 'orders requested',
    COMMENT COLUMN confirmed 'orders confirmed',
    COMMENT COLUMN dispatched 'orders dispatched',
    COMMENT COLUMN received 'orders received',
    COMMENT COLUMN approved 'orders approved',
    COMMENT COLUMN revision_requested 'orders revision requested',
    COMMENT COLUMN rejected 'orders rejected',
    COMMENT COLUMN cancelled 'orders cancelled',
    COMMENT COLUMN entries 'entries to work in progress',
    COMMENT COLUMN exits 'exits from work in progress';

ALTER TABLE throughput_per_minute {on_cluster}
    COMMENT COLUMN minute 'start of a minute',
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN events 'events that count',
    COMMENT COLUMN requested 'orders requested',
    COMMENT COLUMN confirmed 'orders confirmed',
    COMMENT COLUMN dispatched 'orders dispatched',
    COMMENT COLUMN received 'orders received',
    COMMENT COLUMN approved 'orders approved',
    COMMENT COLUMN revision_requested 'orders revision requested',
    COMMENT COLUMN rejected 'orders rejected',
    COMMENT COLUMN cancelled 'orders cancelled',
    COMMENT COLUMN entries 'entries to work in progress',
    COMMENT COLUMN exits 'exits from work in progress';

ALTER TABLE work_in_progress {on_cluster}
    COMMENT COLUMN center_id 'center',
    COMMENT COLUMN orders 'orders in progress';

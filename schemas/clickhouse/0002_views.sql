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
SELECT * EXCEPT (version, records, partition, next_deadline, stored_at)
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
SELECT * EXCEPT (version, records, partition, next_deadline, stored_at)
FROM report_state FINAL
WHERE status != ''
COMMENT 'Laboratory reports as they stand.';

CREATE VIEW IF NOT EXISTS lots {on_cluster} AS
SELECT * EXCEPT (version, records, partition, next_deadline, stored_at)
FROM lot_state FINAL
WHERE inspections > 0
COMMENT 'Lots as they stand.';

CREATE VIEW IF NOT EXISTS failure_runs {on_cluster} AS
SELECT * EXCEPT (version, records, partition, next_deadline, stored_at)
FROM run_state FINAL
WHERE results > 0
COMMENT 'Runs of failures per factory (owner) and indicator.';

CREATE VIEW IF NOT EXISTS switching {on_cluster} AS
SELECT * EXCEPT (version, records, partition, next_deadline, stored_at)
FROM switching_state FINAL
WHERE lots > 0
COMMENT 'Severity of inspection due, per factory (owner), product category and class.';

CREATE VIEW IF NOT EXISTS shipments {on_cluster} AS
SELECT * EXCEPT (version, records, partition, next_deadline, stored_at)
FROM shipment_state FINAL
WHERE milestone != ''
COMMENT 'Shipments (owner) as they stand.';

CREATE VIEW IF NOT EXISTS standing_alerts {on_cluster} AS
SELECT rule, severity, occurred_at, cooperative_id, center_id, factory_id, product_category, subject, text_zh, text_en,
    alert_id, revision, status, historic, content
FROM alerts FINAL
WHERE status != 'WITHDRAWN'
COMMENT 'Alerts that stand.';

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

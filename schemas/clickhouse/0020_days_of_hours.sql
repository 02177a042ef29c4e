-- Days are a view of the hours. The views as `weftline tables render --migration days_of_hours` wrote them; what follows them by hand.

CREATE OR REPLACE VIEW throughput_per_day {on_cluster} AS
SELECT
    toStartOfDay(hour, 'UTC') AS day,
    center_id,
    sum(events) AS events,
    sum(requested) AS requested,
    sum(confirmed) AS confirmed,
    sum(dispatched) AS dispatched,
    sum(received) AS received,
    sum(approved) AS approved,
    sum(revision_requested) AS revision_requested,
    sum(rejected) AS rejected,
    sum(cancelled) AS cancelled,
    sum(entries) AS entries,
    sum(exits) AS exits
FROM order_throughput_hour FINAL
GROUP BY day, center_id
HAVING events > 0
COMMENT 'Sample orders per center and day (UTC).';

ALTER TABLE throughput_per_day {on_cluster}
    COMMENT COLUMN day 'start of a day (UTC)',
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN events 'events that stand and applied; what did not apply (backward, earlier_round, after_verdict, after_end, not_on_hold, unknown_status) is not among them',
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

CREATE OR REPLACE VIEW tests_per_day {on_cluster} AS
SELECT
    toStartOfDay(hour, 'UTC') AS day,
    center_id,
    sum(events) AS events,
    sum(reports) AS reports,
    sum(reports_passed) AS reports_passed,
    sum(reports_failed) AS reports_failed,
    sum(reports_incomplete) AS reports_incomplete,
    sum(reports_not_applicable) AS reports_not_applicable,
    sum(reports_full) AS reports_full,
    sum(reports_full_passed) AS reports_full_passed,
    sum(reports_full_failed) AS reports_full_failed,
    sum(lots) AS lots,
    sum(lots_accepted) AS lots_accepted,
    sum(lots_not_accepted) AS lots_not_accepted,
    sum(lots_resubmitted) AS lots_resubmitted,
    sum(lots_resubmitted_accepted) AS lots_resubmitted_accepted,
    sum(lots_not_judged) AS lots_not_judged,
    sum(lots_by_agreement) AS lots_by_agreement,
    sum(lots_by_agreement_accepted) AS lots_by_agreement_accepted,
    sum(units_inspected) AS units_inspected,
    sum(units_critical) AS units_critical,
    sum(units_major) AS units_major,
    sum(units_minor) AS units_minor
FROM inspection_throughput_hour FINAL
GROUP BY day, center_id
HAVING events > 0
COMMENT 'Tests and lots per center and day (UTC).';

ALTER TABLE tests_per_day {on_cluster}
    COMMENT COLUMN day 'start of a day (UTC)',
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN events 'events that stand, also those that changed nothing: a step after a withdrawal, an amendment that is not in force, a status that nobody knows',
    COMMENT COLUMN reports 'verified reports',
    COMMENT COLUMN reports_passed 'of them PASS',
    COMMENT COLUMN reports_failed 'of them FAIL',
    COMMENT COLUMN reports_incomplete 'of them INCOMPLETE',
    COMMENT COLUMN reports_not_applicable 'of them NOT_APPLICABLE: no standard is about such a product',
    COMMENT COLUMN reports_full 'of them with a verdict on all that the standards require (scope FULL)',
    COMMENT COLUMN reports_full_passed 'of those PASS',
    COMMENT COLUMN reports_full_failed 'of those FAIL',
    COMMENT COLUMN lots 'original lots and parts judged by the standard''s plan',
    COMMENT COLUMN lots_accepted 'of them accepted',
    COMMENT COLUMN lots_not_accepted 'of them not accepted',
    COMMENT COLUMN lots_resubmitted 'resubmitted ones, judged likewise',
    COMMENT COLUMN lots_resubmitted_accepted 'of them accepted',
    COMMENT COLUMN lots_not_judged 'lots and parts that could not be judged; in no other count of lots',
    COMMENT COLUMN lots_by_agreement 'lots and parts judged by a buyer''s own plan; in no other count of lots',
    COMMENT COLUMN lots_by_agreement_accepted 'of them accepted',
    COMMENT COLUMN units_inspected 'units inspected',
    COMMENT COLUMN units_critical 'units critical',
    COMMENT COLUMN units_major 'units major',
    COMMENT COLUMN units_minor 'units minor';

CREATE OR REPLACE VIEW movements_per_day {on_cluster} AS
SELECT
    toStartOfDay(hour, 'UTC') AS day,
    center_id,
    sum(events) AS events,
    sum(departed) AS departed,
    sum(arrived) AS arrived,
    sum(delivered) AS delivered,
    sum(voided) AS voided,
    sum(damaged) AS damaged
FROM logistics_throughput_hour FINAL
GROUP BY day, center_id
HAVING events > 0
COMMENT 'Movements of shipments per center and day (UTC).';

ALTER TABLE movements_per_day {on_cluster}
    COMMENT COLUMN day 'start of a day (UTC)',
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN events 'events that stand and applied or were noted; what did not apply (after_delivery, nothing_to_void, unknown_step) is not among them',
    COMMENT COLUMN departed 'departures, less those undone',
    COMMENT COLUMN arrived 'arrivals',
    COMMENT COLUMN delivered 'deliveries',
    COMMENT COLUMN voided 'shippings undone',
    COMMENT COLUMN damaged 'shipments first seen damaged';

CREATE OR REPLACE VIEW work_in_progress {on_cluster} AS
SELECT center_id, sum(entries) - sum(exits) AS orders
FROM order_throughput_hour FINAL
GROUP BY center_id
COMMENT 'Orders between CONFIRMED and DISPATCHED per center: entries less exits over all time.';

ALTER TABLE work_in_progress {on_cluster}
    COMMENT COLUMN center_id 'center',
    COMMENT COLUMN orders 'orders in progress';

-- What stood in them follows from the hours. A processor of an older version that still runs waits, and is through when it is replaced.
DROP TABLE IF EXISTS order_throughput_day {on_cluster} SYNC;
DROP TABLE IF EXISTS inspection_throughput_day {on_cluster} SYNC;
DROP TABLE IF EXISTS logistics_throughput_day {on_cluster} SYNC;

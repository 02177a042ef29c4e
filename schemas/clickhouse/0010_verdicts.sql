-- Verdicts say of what they are (scope), which amendment of a report is in force, what could not be judged and what was judged by a buyer's
-- own plan. What is stored is judged anew by `weftline rebuild`: the edition of the rules is a greater one.

-- Columns of facts, rollups and state.

ALTER TABLE inspection_facts {on_cluster}
    ADD COLUMN IF NOT EXISTS reports_not_applicable Int32 COMMENT 'of them NOT_APPLICABLE: no standard is about such a product',
    ADD COLUMN IF NOT EXISTS reports_full Int32 COMMENT 'of them with a verdict on all that the standards require (scope FULL)',
    ADD COLUMN IF NOT EXISTS reports_full_passed Int32 COMMENT 'of those PASS',
    ADD COLUMN IF NOT EXISTS reports_full_failed Int32 COMMENT 'of those FAIL',
    ADD COLUMN IF NOT EXISTS lots_not_judged Int32 COMMENT 'lots and parts that could not be judged; in no other count of lots',
    ADD COLUMN IF NOT EXISTS lots_by_agreement Int32 COMMENT 'lots and parts judged by a buyer''s own plan; in no other count of lots',
    ADD COLUMN IF NOT EXISTS lots_by_agreement_accepted Int32 COMMENT 'of them accepted';

ALTER TABLE inspection_throughput_minute {on_cluster}
    ADD COLUMN IF NOT EXISTS reports_not_applicable Int64 COMMENT 'of them NOT_APPLICABLE: no standard is about such a product',
    ADD COLUMN IF NOT EXISTS reports_full Int64 COMMENT 'of them with a verdict on all that the standards require (scope FULL)',
    ADD COLUMN IF NOT EXISTS reports_full_passed Int64 COMMENT 'of those PASS',
    ADD COLUMN IF NOT EXISTS reports_full_failed Int64 COMMENT 'of those FAIL',
    ADD COLUMN IF NOT EXISTS lots_not_judged Int64 COMMENT 'lots and parts that could not be judged; in no other count of lots',
    ADD COLUMN IF NOT EXISTS lots_by_agreement Int64 COMMENT 'lots and parts judged by a buyer''s own plan; in no other count of lots',
    ADD COLUMN IF NOT EXISTS lots_by_agreement_accepted Int64 COMMENT 'of them accepted';

ALTER TABLE inspection_throughput_hour {on_cluster}
    ADD COLUMN IF NOT EXISTS reports_not_applicable Int64 COMMENT 'of them NOT_APPLICABLE: no standard is about such a product',
    ADD COLUMN IF NOT EXISTS reports_full Int64 COMMENT 'of them with a verdict on all that the standards require (scope FULL)',
    ADD COLUMN IF NOT EXISTS reports_full_passed Int64 COMMENT 'of those PASS',
    ADD COLUMN IF NOT EXISTS reports_full_failed Int64 COMMENT 'of those FAIL',
    ADD COLUMN IF NOT EXISTS lots_not_judged Int64 COMMENT 'lots and parts that could not be judged; in no other count of lots',
    ADD COLUMN IF NOT EXISTS lots_by_agreement Int64 COMMENT 'lots and parts judged by a buyer''s own plan; in no other count of lots',
    ADD COLUMN IF NOT EXISTS lots_by_agreement_accepted Int64 COMMENT 'of them accepted';

ALTER TABLE inspection_throughput_day {on_cluster}
    ADD COLUMN IF NOT EXISTS reports_not_applicable Int64 COMMENT 'of them NOT_APPLICABLE: no standard is about such a product',
    ADD COLUMN IF NOT EXISTS reports_full Int64 COMMENT 'of them with a verdict on all that the standards require (scope FULL)',
    ADD COLUMN IF NOT EXISTS reports_full_passed Int64 COMMENT 'of those PASS',
    ADD COLUMN IF NOT EXISTS reports_full_failed Int64 COMMENT 'of those FAIL',
    ADD COLUMN IF NOT EXISTS lots_not_judged Int64 COMMENT 'lots and parts that could not be judged; in no other count of lots',
    ADD COLUMN IF NOT EXISTS lots_by_agreement Int64 COMMENT 'lots and parts judged by a buyer''s own plan; in no other count of lots',
    ADD COLUMN IF NOT EXISTS lots_by_agreement_accepted Int64 COMMENT 'of them accepted';

ALTER TABLE report_state {on_cluster}
    ADD COLUMN IF NOT EXISTS latest_amendment Int32 COMMENT 'greatest amendment that has come, verified or not; -1 without content',
    ADD COLUMN IF NOT EXISTS original_report_number String COMMENT 're-inspection: the report of the same laboratory whose failure led to this one',
    ADD COLUMN IF NOT EXISTS scope LowCardinality(String) COMMENT 'of what it is a verdict: FULL, all that the standards require of such a product and class; PARTIAL, tested_of_required of required_by_standards; empty without content',
    ADD COLUMN IF NOT EXISTS required_by_standards Nullable(Int32) COMMENT 'indicators that the standards require of such a product and class; null if none says',
    ADD COLUMN IF NOT EXISTS tested_of_required Int32 COMMENT 'of them with a result',
    ADD COLUMN IF NOT EXISTS remarks Array(LowCardinality(String)) COMMENT 'what is odd and decides nothing, as codes',
    ADD COLUMN IF NOT EXISTS remarks_zh Array(String) COMMENT 'the same in Chinese, with its figures',
    ADD COLUMN IF NOT EXISTS remarks_en Array(String) COMMENT 'the same in English';

ALTER TABLE lot_state {on_cluster}
    ADD COLUMN IF NOT EXISTS part_ids Array(String) COMMENT 'parts in which the lot was presented',
    ADD COLUMN IF NOT EXISTS by_agreement UInt8 COMMENT '1 if a buyer''s own plan judged an inspection of it',
    ADD COLUMN IF NOT EXISTS marks Array(LowCardinality(String)) COMMENT 'what is odd about its inspections, as codes',
    ADD COLUMN IF NOT EXISTS remarks_zh Array(String) COMMENT 'the same in Chinese, with the figures of both plans',
    ADD COLUMN IF NOT EXISTS remarks_en Array(String) COMMENT 'the same in English';

-- What columns mean that are there already.

ALTER TABLE report_state {on_cluster}
    COMMENT COLUMN amendment 'amendment in force: the greatest that is verified; without one, the greatest that has come; -1 without content',
    COMMENT COLUMN status 'of that amendment: SUBMITTED, VERIFIED, PUBLISHED or WITHDRAWN (VERIFIED after PUBLISHED stays PUBLISHED); empty if no event stands',
    COMMENT COLUMN verdict 'PASS, FAIL, INCOMPLETE or NOT_APPLICABLE, of what scope says; empty without content',
    COMMENT COLUMN safety_class 'class by which it was judged: A for an infant''s product, whatever was declared; else as declared',
    COMMENT COLUMN counted '1 if an amendment is in force and not withdrawn',
    COMMENT COLUMN tested_at 'when it was tested; where nobody said, event time of the content',
    COMMENT COLUMN missing_indicators 'required and without a result',
    COMMENT COLUMN verified_at 'verification of that amendment',
    COMMENT COLUMN published_at 'its first publication',
    COMMENT COLUMN withdrawn_at 'its withdrawal',
    COMMENT COLUMN reported_at 'event time of the content in force',
    COMMENT COLUMN events 'events that stand, whether or not they changed anything';

ALTER TABLE lot_state {on_cluster}
    COMMENT COLUMN original_result 'ACCEPTED, NOT_ACCEPTED, NOT_JUDGED, or empty: the worst of the original inspections of its parts and stages',
    COMMENT COLUMN resubmissions 'of them those that said so';

ALTER TABLE switching_state {on_cluster}
    COMMENT COLUMN lots 'original lots and parts that counted: judged by the standard''s plan, while inspection was not discontinued, and not accepted by a plan more lenient than was due',
    COMMENT COLUMN recent_accepted 'acceptance of the lots that are remembered, oldest first: on normal the last four at most, on tightened the present run of accepted ones';

ALTER TABLE inspection_facts {on_cluster}
    COMMENT COLUMN lots 'original lots and parts judged by the standard''s plan, signed',
    COMMENT COLUMN lots_accepted 'of them accepted',
    COMMENT COLUMN lots_not_accepted 'of them not accepted',
    COMMENT COLUMN lots_resubmitted 'resubmitted ones, judged likewise',
    COMMENT COLUMN lots_resubmitted_accepted 'of them accepted',
    COMMENT COLUMN verdict 'verdict of the content of this very event: PASS, FAIL, INCOMPLETE, NOT_APPLICABLE, ACCEPTED, NOT_ACCEPTED, NOT_JUDGED';

ALTER TABLE inspection_throughput_minute {on_cluster}
    COMMENT COLUMN lots 'original lots and parts judged by the standard''s plan',
    COMMENT COLUMN lots_accepted 'of them accepted',
    COMMENT COLUMN lots_not_accepted 'of them not accepted',
    COMMENT COLUMN lots_resubmitted 'resubmitted ones, judged likewise',
    COMMENT COLUMN lots_resubmitted_accepted 'of them accepted';

ALTER TABLE inspection_throughput_hour {on_cluster}
    COMMENT COLUMN lots 'original lots and parts judged by the standard''s plan',
    COMMENT COLUMN lots_accepted 'of them accepted',
    COMMENT COLUMN lots_not_accepted 'of them not accepted',
    COMMENT COLUMN lots_resubmitted 'resubmitted ones, judged likewise',
    COMMENT COLUMN lots_resubmitted_accepted 'of them accepted';

ALTER TABLE inspection_throughput_day {on_cluster}
    COMMENT COLUMN lots 'original lots and parts judged by the standard''s plan',
    COMMENT COLUMN lots_accepted 'of them accepted',
    COMMENT COLUMN lots_not_accepted 'of them not accepted',
    COMMENT COLUMN lots_resubmitted 'resubmitted ones, judged likewise',
    COMMENT COLUMN lots_resubmitted_accepted 'of them accepted';

-- Views.

CREATE OR REPLACE VIEW tests_per_minute {on_cluster} AS
SELECT minute, center_id, events, reports, reports_passed, reports_failed, reports_incomplete,
    reports_not_applicable, reports_full, reports_full_passed, reports_full_failed,
    lots, lots_accepted, lots_not_accepted, lots_resubmitted, lots_resubmitted_accepted,
    lots_not_judged, lots_by_agreement, lots_by_agreement_accepted,
    units_inspected, units_critical, units_major, units_minor
FROM inspection_throughput_minute FINAL
WHERE events > 0
COMMENT 'Tests and lots per center and minute (UTC).';

ALTER TABLE tests_per_minute {on_cluster}
    COMMENT COLUMN minute 'start of a minute',
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN events 'events that count',
    COMMENT COLUMN reports 'verified reports',
    COMMENT COLUMN reports_passed 'of them PASS',
    COMMENT COLUMN reports_failed 'of them FAIL',
    COMMENT COLUMN reports_incomplete 'of them INCOMPLETE',
    COMMENT COLUMN lots 'original lots and parts judged by the standard''s plan',
    COMMENT COLUMN lots_accepted 'of them accepted',
    COMMENT COLUMN lots_not_accepted 'of them not accepted',
    COMMENT COLUMN lots_resubmitted 'resubmitted ones, judged likewise',
    COMMENT COLUMN lots_resubmitted_accepted 'of them accepted',
    COMMENT COLUMN units_inspected 'units inspected',
    COMMENT COLUMN units_critical 'units critical',
    COMMENT COLUMN units_major 'units major',
    COMMENT COLUMN units_minor 'units minor',
    COMMENT COLUMN reports_not_applicable 'of them NOT_APPLICABLE: no standard is about such a product',
    COMMENT COLUMN reports_full 'of them with a verdict on all that the standards require (scope FULL)',
    COMMENT COLUMN reports_full_passed 'of those PASS',
    COMMENT COLUMN reports_full_failed 'of those FAIL',
    COMMENT COLUMN lots_not_judged 'lots and parts that could not be judged; in no other count of lots',
    COMMENT COLUMN lots_by_agreement 'lots and parts judged by a buyer''s own plan; in no other count of lots',
    COMMENT COLUMN lots_by_agreement_accepted 'of them accepted';

CREATE OR REPLACE VIEW tests_per_hour {on_cluster} AS
SELECT hour, center_id, events, reports, reports_passed, reports_failed, reports_incomplete,
    reports_not_applicable, reports_full, reports_full_passed, reports_full_failed,
    lots, lots_accepted, lots_not_accepted, lots_resubmitted, lots_resubmitted_accepted,
    lots_not_judged, lots_by_agreement, lots_by_agreement_accepted,
    units_inspected, units_critical, units_major, units_minor
FROM inspection_throughput_hour FINAL
WHERE events > 0
COMMENT 'Tests and lots per center and hour (UTC).';

ALTER TABLE tests_per_hour {on_cluster}
    COMMENT COLUMN hour 'start of an hour',
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN events 'events that count',
    COMMENT COLUMN reports 'verified reports',
    COMMENT COLUMN reports_passed 'of them PASS',
    COMMENT COLUMN reports_failed 'of them FAIL',
    COMMENT COLUMN reports_incomplete 'of them INCOMPLETE',
    COMMENT COLUMN lots 'original lots and parts judged by the standard''s plan',
    COMMENT COLUMN lots_accepted 'of them accepted',
    COMMENT COLUMN lots_not_accepted 'of them not accepted',
    COMMENT COLUMN lots_resubmitted 'resubmitted ones, judged likewise',
    COMMENT COLUMN lots_resubmitted_accepted 'of them accepted',
    COMMENT COLUMN units_inspected 'units inspected',
    COMMENT COLUMN units_critical 'units critical',
    COMMENT COLUMN units_major 'units major',
    COMMENT COLUMN units_minor 'units minor',
    COMMENT COLUMN reports_not_applicable 'of them NOT_APPLICABLE: no standard is about such a product',
    COMMENT COLUMN reports_full 'of them with a verdict on all that the standards require (scope FULL)',
    COMMENT COLUMN reports_full_passed 'of those PASS',
    COMMENT COLUMN reports_full_failed 'of those FAIL',
    COMMENT COLUMN lots_not_judged 'lots and parts that could not be judged; in no other count of lots',
    COMMENT COLUMN lots_by_agreement 'lots and parts judged by a buyer''s own plan; in no other count of lots',
    COMMENT COLUMN lots_by_agreement_accepted 'of them accepted';

CREATE OR REPLACE VIEW tests_per_day {on_cluster} AS
SELECT day, center_id, events, reports, reports_passed, reports_failed, reports_incomplete,
    reports_not_applicable, reports_full, reports_full_passed, reports_full_failed,
    lots, lots_accepted, lots_not_accepted, lots_resubmitted, lots_resubmitted_accepted,
    lots_not_judged, lots_by_agreement, lots_by_agreement_accepted,
    units_inspected, units_critical, units_major, units_minor
FROM inspection_throughput_day FINAL
WHERE events > 0
COMMENT 'Tests and lots per center and day (UTC).';

ALTER TABLE tests_per_day {on_cluster}
    COMMENT COLUMN day 'start of a day (UTC)',
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN events 'events that count',
    COMMENT COLUMN reports 'verified reports',
    COMMENT COLUMN reports_passed 'of them PASS',
    COMMENT COLUMN reports_failed 'of them FAIL',
    COMMENT COLUMN reports_incomplete 'of them INCOMPLETE',
    COMMENT COLUMN lots 'original lots and parts judged by the standard''s plan',
    COMMENT COLUMN lots_accepted 'of them accepted',
    COMMENT COLUMN lots_not_accepted 'of them not accepted',
    COMMENT COLUMN lots_resubmitted 'resubmitted ones, judged likewise',
    COMMENT COLUMN lots_resubmitted_accepted 'of them accepted',
    COMMENT COLUMN units_inspected 'units inspected',
    COMMENT COLUMN units_critical 'units critical',
    COMMENT COLUMN units_major 'units major',
    COMMENT COLUMN units_minor 'units minor',
    COMMENT COLUMN reports_not_applicable 'of them NOT_APPLICABLE: no standard is about such a product',
    COMMENT COLUMN reports_full 'of them with a verdict on all that the standards require (scope FULL)',
    COMMENT COLUMN reports_full_passed 'of those PASS',
    COMMENT COLUMN reports_full_failed 'of those FAIL',
    COMMENT COLUMN lots_not_judged 'lots and parts that could not be judged; in no other count of lots',
    COMMENT COLUMN lots_by_agreement 'lots and parts judged by a buyer''s own plan; in no other count of lots',
    COMMENT COLUMN lots_by_agreement_accepted 'of them accepted';

CREATE OR REPLACE VIEW lot_quality_by_day {on_cluster} AS
SELECT toStartOfDay(event_time) AS day, cooperative_id, factory_id, product_category,
    sum(lots) AS lots, sum(lots_accepted) AS lots_accepted, sum(lots_not_accepted) AS lots_not_accepted,
    sum(lots_resubmitted) AS lots_resubmitted, sum(lots_resubmitted_accepted) AS lots_resubmitted_accepted,
    sum(lots_not_judged) AS lots_not_judged, sum(lots_by_agreement) AS lots_by_agreement,
    sum(lots_by_agreement_accepted) AS lots_by_agreement_accepted,
    sum(units_inspected) AS units_inspected, sum(units_critical) AS units_critical, sum(units_major) AS units_major,
    sum(units_minor) AS units_minor
FROM inspection_facts FINAL
WHERE counts AND kind = 'LOT_INSPECTION'
GROUP BY day, cooperative_id, factory_id, product_category
COMMENT 'Lots per day (UTC), factory and product category: original lots accepted and not by the standard''s plan; resubmitted ones, what was judged by a buyer''s own plan and what could not be judged apart; nonconforming units by worst class.';

ALTER TABLE lot_quality_by_day {on_cluster}
    COMMENT COLUMN day 'day (UTC)',
    COMMENT COLUMN cooperative_id 'cooperative',
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN product_category 'product category',
    COMMENT COLUMN lots 'original lots and parts judged by the standard''s plan',
    COMMENT COLUMN lots_accepted 'of them accepted',
    COMMENT COLUMN lots_not_accepted 'of them not accepted',
    COMMENT COLUMN lots_resubmitted 'resubmitted ones, judged likewise',
    COMMENT COLUMN lots_resubmitted_accepted 'of them accepted',
    COMMENT COLUMN units_inspected 'units inspected',
    COMMENT COLUMN units_critical 'units whose worst nonconformity is critical',
    COMMENT COLUMN units_major 'units whose worst nonconformity is major',
    COMMENT COLUMN units_minor 'units whose worst nonconformity is minor',
    COMMENT COLUMN lots_not_judged 'lots and parts that could not be judged; in no other count of lots',
    COMMENT COLUMN lots_by_agreement 'lots and parts judged by a buyer''s own plan; in no other count of lots',
    COMMENT COLUMN lots_by_agreement_accepted 'of them accepted';

CREATE OR REPLACE VIEW report_counts {on_cluster} AS
SELECT event_time, center_id, cooperative_id, factory_id, product_category, subject AS report,
    reports, reports_passed, reports_failed, reports_incomplete, reports_not_applicable, reports_full, reports_full_passed, reports_full_failed
FROM inspection_facts FINAL
WHERE counts AND kind IN ('LABORATORY_REPORT', 'REPORT_STATUS')
COMMENT 'Verified reports at the moment at which they count, signed: a greater verified amendment or a withdrawal takes away what stood before.';

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
    COMMENT COLUMN reports_incomplete 'of them INCOMPLETE',
    COMMENT COLUMN reports_not_applicable 'of them NOT_APPLICABLE: no standard is about such a product',
    COMMENT COLUMN reports_full 'of them with a verdict on all that the standards require (scope FULL)',
    COMMENT COLUMN reports_full_passed 'of those PASS',
    COMMENT COLUMN reports_full_failed 'of those FAIL';

CREATE OR REPLACE VIEW lot_counts {on_cluster} AS
SELECT event_time, center_id, cooperative_id, factory_id, product_category, subject AS lot_id, lots, lots_accepted, lots_not_accepted,
    lots_resubmitted, lots_resubmitted_accepted, lots_not_judged, lots_by_agreement, lots_by_agreement_accepted,
    units_inspected, units_critical, units_major, units_minor
FROM inspection_facts FINAL
WHERE counts AND kind = 'LOT_INSPECTION'
COMMENT 'Lot inspections at the moment at which they happened, signed: a second original that is worse takes away what the first counted for.';

ALTER TABLE lot_counts {on_cluster}
    COMMENT COLUMN event_time 'when it was inspected',
    COMMENT COLUMN center_id 'center',
    COMMENT COLUMN cooperative_id 'cooperative',
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN product_category 'product category',
    COMMENT COLUMN lot_id 'the factory''s lot number',
    COMMENT COLUMN lots 'original lots and parts judged by the standard''s plan',
    COMMENT COLUMN lots_accepted 'of them accepted',
    COMMENT COLUMN lots_not_accepted 'of them not accepted',
    COMMENT COLUMN lots_resubmitted 'resubmitted ones, judged likewise',
    COMMENT COLUMN lots_resubmitted_accepted 'of them accepted',
    COMMENT COLUMN units_inspected 'units inspected',
    COMMENT COLUMN units_critical 'units whose worst nonconformity is critical',
    COMMENT COLUMN units_major 'units whose worst nonconformity is major',
    COMMENT COLUMN units_minor 'units whose worst nonconformity is minor',
    COMMENT COLUMN lots_not_judged 'lots and parts that could not be judged; in no other count of lots',
    COMMENT COLUMN lots_by_agreement 'lots and parts judged by a buyer''s own plan; in no other count of lots',
    COMMENT COLUMN lots_by_agreement_accepted 'of them accepted';

CREATE OR REPLACE VIEW reports {on_cluster} AS
SELECT owner AS factory_id, * EXCEPT (owner, version, records, partition, next_deadline, alerts, stored_at)
FROM report_state FINAL
WHERE status != ''
COMMENT 'Laboratory reports as they stand. Nothing that confers anything may rest on a verdict whose scope is PARTIAL.';

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
    COMMENT COLUMN status 'of that amendment: SUBMITTED, VERIFIED, PUBLISHED or WITHDRAWN (VERIFIED after PUBLISHED stays PUBLISHED); empty if no event stands',
    COMMENT COLUMN amendment 'amendment in force: the greatest that is verified; without one, the greatest that has come; -1 without content',
    COMMENT COLUMN specimen 'type of specimen',
    COMMENT COLUMN purpose 'why it was tested',
    COMMENT COLUMN payer 'who pays',
    COMMENT COLUMN safety_class 'class by which it was judged: A for an infant''s product, whatever was declared; else as declared',
    COMMENT COLUMN verdict 'PASS, FAIL, INCOMPLETE or NOT_APPLICABLE, of what scope says; empty without content',
    COMMENT COLUMN counted '1 if an amendment is in force and not withdrawn',
    COMMENT COLUMN failed_indicators 'indicators that fail',
    COMMENT COLUMN missing_indicators 'required and without a result',
    COMMENT COLUMN verdict_json 'the verdict, item by item, with clauses',
    COMMENT COLUMN reported_at 'event time of the content in force',
    COMMENT COLUMN tested_at 'when it was tested; where nobody said, event time of the content',
    COMMENT COLUMN verified_at 'verification of that amendment',
    COMMENT COLUMN published_at 'its first publication',
    COMMENT COLUMN withdrawn_at 'its withdrawal',
    COMMENT COLUMN events 'events that stand, whether or not they changed anything',
    COMMENT COLUMN latest_amendment 'greatest amendment that has come, verified or not; -1 without content',
    COMMENT COLUMN original_report_number 're-inspection: the report of the same laboratory whose failure led to this one',
    COMMENT COLUMN scope 'of what it is a verdict: FULL, all that the standards require of such a product and class; PARTIAL, tested_of_required of required_by_standards; empty without content',
    COMMENT COLUMN required_by_standards 'indicators that the standards require of such a product and class; null if none says',
    COMMENT COLUMN tested_of_required 'of them with a result',
    COMMENT COLUMN remarks 'what is odd and decides nothing, as codes',
    COMMENT COLUMN remarks_zh 'the same in Chinese, with its figures',
    COMMENT COLUMN remarks_en 'the same in English';

CREATE OR REPLACE VIEW lots {on_cluster} AS
SELECT owner AS factory_id, * EXCEPT (owner, version, records, partition, next_deadline, alerts, stored_at)
FROM lot_state FINAL
WHERE inspections > 0
COMMENT 'Lots as they stand. NOT_JUDGED: the sample, the plans or the figures do not show whether the lot would be accepted; it is in no rate and no switching.';

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
    COMMENT COLUMN original_result 'ACCEPTED, NOT_ACCEPTED, NOT_JUDGED, or empty: the worst of the original inspections of its parts and stages',
    COMMENT COLUMN last_result 'the same of the last inspection',
    COMMENT COLUMN inspections 'inspections that stand',
    COMMENT COLUMN resubmissions 'of them those that said so',
    COMMENT COLUMN not_accepted_classes 'classes not accepted at any inspection',
    COMMENT COLUMN last_inspected_at 'last inspection',
    COMMENT COLUMN part_ids 'parts in which the lot was presented',
    COMMENT COLUMN by_agreement '1 if a buyer''s own plan judged an inspection of it',
    COMMENT COLUMN marks 'what is odd about its inspections, as codes',
    COMMENT COLUMN remarks_zh 'the same in Chinese, with the figures of both plans',
    COMMENT COLUMN remarks_en 'the same in English';

ALTER TABLE switching {on_cluster}
    COMMENT COLUMN lots 'original lots and parts that counted: judged by the standard''s plan, while inspection was not discontinued, and not accepted by a plan more lenient than was due',
    COMMENT COLUMN recent_accepted 'acceptance of the lots that are remembered, oldest first: on normal the last four at most, on tightened the present run of accepted ones';

ALTER TABLE measurements {on_cluster}
    COMMENT COLUMN outcome 'PASS, FAIL, NOT_JUDGED, or NOT_APPLICABLE: the standard itself frees such a product',
    COMMENT COLUMN counted '1 if the report counts';

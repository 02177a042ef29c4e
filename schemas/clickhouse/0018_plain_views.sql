-- Written by `weftline tables render --migration plain_views`.

CREATE OR REPLACE VIEW orders {on_cluster} AS
SELECT
    center_id,
    order_id,
    factory_id,
    cooperative_id,
    product_category,
    sample_type,
    style_number,
    quantity,
    status,
    on_hold,
    round,
    requested_at,
    ended_at,
    last_event_time,
    events,
    not_applied,
    marks
FROM order_state FINAL
WHERE status != ''
COMMENT 'Sample orders as they stand.';

ALTER TABLE orders {on_cluster}
    COMMENT COLUMN center_id 'the center that promised',
    COMMENT COLUMN order_id 'number of the order',
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN cooperative_id 'cooperative',
    COMMENT COLUMN product_category 'product category',
    COMMENT COLUMN sample_type 'type of sample',
    COMMENT COLUMN style_number 'the factory''s style number',
    COMMENT COLUMN quantity 'pieces ordered; what was dispatched only where nobody said',
    COMMENT COLUMN status 'status; empty if no event stands',
    COMMENT COLUMN on_hold '1 while on hold',
    COMMENT COLUMN round 'current round',
    COMMENT COLUMN requested_at 'first REQUESTED',
    COMMENT COLUMN ended_at 'APPROVED, REJECTED or CANCELLED',
    COMMENT COLUMN last_event_time 'last event that applied',
    COMMENT COLUMN events 'events that stand, whether or not they applied',
    COMMENT COLUMN not_applied 'events that stand and did not apply: order_facts says which and why',
    COMMENT COLUMN marks 'what is odd about its events, each once: step_skipped, backward, earlier_round, after_verdict, after_end, not_on_hold, unknown_status';

CREATE OR REPLACE VIEW reports {on_cluster} AS
SELECT
    owner AS factory_id,
    laboratory_id,
    report_number,
    center_id,
    cooperative_id,
    product_category,
    style_number,
    order_id,
    lot_ids,
    status,
    amendment,
    latest_amendment,
    specimen,
    purpose,
    payer,
    original_report_number,
    safety_class,
    verdict,
    scope,
    required_by_standards,
    tested_of_required,
    counted,
    failed_indicators,
    missing_indicators,
    remarks,
    remarks_zh,
    remarks_en,
    verdict_json,
    reported_at,
    tested_at,
    verified_at,
    published_at,
    withdrawn_at,
    events
FROM report_state FINAL
WHERE status != ''
COMMENT 'Laboratory reports as they stand. Nothing that confers anything may rest on a verdict whose scope is PARTIAL.';

ALTER TABLE reports {on_cluster}
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN laboratory_id 'laboratory',
    COMMENT COLUMN report_number 'number of the report',
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN cooperative_id 'cooperative',
    COMMENT COLUMN product_category 'product category',
    COMMENT COLUMN style_number 'the factory''s style number',
    COMMENT COLUMN order_id 'sample order',
    COMMENT COLUMN lot_ids 'lots',
    COMMENT COLUMN status 'of that amendment: SUBMITTED, VERIFIED, PUBLISHED or WITHDRAWN (VERIFIED after PUBLISHED stays PUBLISHED); empty if no event stands',
    COMMENT COLUMN amendment 'amendment in force: the greatest that is verified; without one, the greatest that has come; -1 without content',
    COMMENT COLUMN latest_amendment 'greatest amendment that has come, verified or not; -1 without content',
    COMMENT COLUMN specimen 'type of specimen',
    COMMENT COLUMN purpose 'why it was tested',
    COMMENT COLUMN payer 'who pays',
    COMMENT COLUMN original_report_number 're-inspection: the report of the same laboratory whose failure led to this one',
    COMMENT COLUMN safety_class 'class by which it was judged: A for an infant''s product, whatever was declared; else as declared',
    COMMENT COLUMN verdict 'PASS, FAIL, INCOMPLETE or NOT_APPLICABLE, of what scope says; empty without content',
    COMMENT COLUMN scope 'of what it is a verdict: FULL, all that the standards require of such a product and class; PARTIAL, tested_of_required of required_by_standards; empty without content',
    COMMENT COLUMN required_by_standards 'indicators that the standards require of such a product and class; null if none says',
    COMMENT COLUMN tested_of_required 'of them with a result',
    COMMENT COLUMN counted '1 if an amendment is in force and not withdrawn',
    COMMENT COLUMN failed_indicators 'indicators that fail',
    COMMENT COLUMN missing_indicators 'required and without a result',
    COMMENT COLUMN remarks 'what is odd and decides nothing, as codes',
    COMMENT COLUMN remarks_zh 'the same in Chinese, with its figures',
    COMMENT COLUMN remarks_en 'the same in English',
    COMMENT COLUMN verdict_json 'the verdict, item by item, with clauses',
    COMMENT COLUMN reported_at 'event time of the content in force',
    COMMENT COLUMN tested_at 'when it was tested; where nobody said, event time of the content',
    COMMENT COLUMN verified_at 'verification of that amendment',
    COMMENT COLUMN published_at 'its first publication',
    COMMENT COLUMN withdrawn_at 'its withdrawal',
    COMMENT COLUMN events 'events that stand, whether or not they changed anything';

CREATE OR REPLACE VIEW lots {on_cluster} AS
SELECT
    owner AS factory_id,
    lot_id,
    center_id,
    cooperative_id,
    product_category,
    style_number,
    order_id,
    lot_size,
    stage,
    original_result,
    last_result,
    inspections,
    resubmissions,
    not_accepted_classes,
    part_ids,
    by_agreement,
    marks,
    remarks_zh,
    remarks_en,
    last_inspected_at
FROM lot_state FINAL
WHERE inspections > 0
COMMENT 'Lots as they stand. NOT_JUDGED: the sample, the plans or the figures do not show whether the lot would be accepted; it is in no rate and no switching.';

ALTER TABLE lots {on_cluster}
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN lot_id 'the factory''s lot number',
    COMMENT COLUMN center_id 'sampling center',
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
    COMMENT COLUMN part_ids 'parts in which the lot was presented',
    COMMENT COLUMN by_agreement '1 if a buyer''s own plan judged an inspection of it',
    COMMENT COLUMN marks 'what is odd about its inspections, as codes',
    COMMENT COLUMN remarks_zh 'the same in Chinese, with the figures of both plans',
    COMMENT COLUMN remarks_en 'the same in English',
    COMMENT COLUMN last_inspected_at 'last inspection';

CREATE OR REPLACE VIEW failure_runs {on_cluster} AS
SELECT
    owner AS factory_id,
    indicator,
    results,
    failures,
    current_run,
    longest_run,
    last_result_at
FROM run_state FINAL
WHERE results > 0
COMMENT 'Runs of failures per factory and indicator.';

ALTER TABLE failure_runs {on_cluster}
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN indicator 'indicator',
    COMMENT COLUMN results 'verified results that were judged',
    COMMENT COLUMN failures 'of them failed',
    COMMENT COLUMN current_run 'failures in a row up to the last result',
    COMMENT COLUMN longest_run 'longest run of failures',
    COMMENT COLUMN last_result_at 'test time of the last result';

CREATE OR REPLACE VIEW switching {on_cluster} AS
SELECT
    owner AS factory_id,
    product_category,
    nonconformity_class,
    severity_due,
    since,
    lots,
    switches,
    recent_accepted,
    not_accepted_on_tightened
FROM switching_state FINAL
WHERE lots > 0
COMMENT 'Severity of inspection due, per factory, product category and class.';

ALTER TABLE switching {on_cluster}
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN product_category 'product category',
    COMMENT COLUMN nonconformity_class 'class of nonconformity',
    COMMENT COLUMN severity_due 'NORMAL, TIGHTENED or DISCONTINUED',
    COMMENT COLUMN since 'event time of the last switch',
    COMMENT COLUMN lots 'original lots and parts that counted: judged by the standard''s plan, while inspection was not discontinued, and not accepted by a plan more lenient than was due',
    COMMENT COLUMN switches 'switches so far',
    COMMENT COLUMN recent_accepted 'acceptance of the lots that are remembered, oldest first: on normal the last four at most, on tightened the present run of accepted ones',
    COMMENT COLUMN not_accepted_on_tightened 'lots not accepted since tightened inspection began';

CREATE OR REPLACE VIEW shipments {on_cluster} AS
SELECT
    owner AS shipment_id,
    center_id,
    factory_id,
    cooperative_id,
    milestone,
    disposition,
    order_ids,
    lot_ids,
    carrier_id,
    trade_mode,
    declared_value_minor,
    declared_currency,
    legs,
    first_departed_at,
    departed_at,
    arrived_at,
    delivered_at,
    expected_arrival_at,
    damaged,
    last_event_time,
    events,
    delivered_ids,
    marks
FROM shipment_state FINAL
WHERE milestone != ''
COMMENT 'Shipments as they stand.';

ALTER TABLE shipments {on_cluster}
    COMMENT COLUMN shipment_id 'shipment',
    COMMENT COLUMN center_id 'sampling center or dispatching point',
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN cooperative_id 'cooperative',
    COMMENT COLUMN milestone 'PREPARING, IN_TRANSIT, ARRIVED or DELIVERED; empty if no event stands',
    COMMENT COLUMN disposition 'last CBV disposition',
    COMMENT COLUMN order_ids 'sample orders on board',
    COMMENT COLUMN lot_ids 'lots on board',
    COMMENT COLUMN carrier_id 'carrier',
    COMMENT COLUMN trade_mode 'trade mode',
    COMMENT COLUMN declared_value_minor 'declared value in hundredths',
    COMMENT COLUMN declared_currency 'ISO 4217',
    COMMENT COLUMN legs 'legs begun and not undone',
    COMMENT COLUMN first_departed_at 'first departure',
    COMMENT COLUMN departed_at 'departure of the last leg; where only the way or an arrival was told, of its first sign',
    COMMENT COLUMN arrived_at 'arrival of all of it in the last leg; null while that is under way',
    COMMENT COLUMN delivered_at 'delivery of all of it',
    COMMENT COLUMN expected_arrival_at 'arrival expected by the last event that said so; null after the departure was undone',
    COMMENT COLUMN damaged '1 if ever seen damaged',
    COMMENT COLUMN last_event_time 'last event',
    COMMENT COLUMN events 'events that stand, whether or not they applied',
    COMMENT COLUMN delivered_ids 'lots and orders delivered by parts; empty where it was delivered as a whole',
    COMMENT COLUMN marks 'what is odd about its events, each once: step_skipped, arrival_before_departure, after_delivery, nothing_to_void, unknown_step';

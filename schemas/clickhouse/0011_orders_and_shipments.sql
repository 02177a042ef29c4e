-- What of an order or a shipment did not apply is seen; a round that was left for the next is neither open nor late; parts of a shipment.
-- What is stored is judged anew by `weftline rebuild`: the edition of the rules is a greater one.

ALTER TABLE order_facts {on_cluster}
    ADD COLUMN IF NOT EXISTS of_round Int32 COMMENT 'round to which the event was taken to belong; round is as it was sent',
    COMMENT COLUMN judgement 'applied, step_skipped, repeated, counter_proposal, confirmed_again; of what counts zero why: backward, earlier_round, after_verdict, after_end, not_on_hold, unknown_status, superseded, declared_erroneous, not_judged';

ALTER TABLE order_state {on_cluster}
    ADD COLUMN IF NOT EXISTS round_left_at Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'left for the next round without being finished, per round',
    ADD COLUMN IF NOT EXISTS not_applied UInt32 COMMENT 'events that stand and did not apply: order_facts says which and why',
    ADD COLUMN IF NOT EXISTS marks Array(LowCardinality(String)) COMMENT 'what is odd about its events, each once: step_skipped, backward, earlier_round, after_verdict, after_end, not_on_hold, unknown_status',
    COMMENT COLUMN quantity 'pieces ordered; what was dispatched only where nobody said',
    COMMENT COLUMN events 'events that stand, whether or not they applied',
    COMMENT COLUMN round_first_promised_at 'first binding promise, per round: it decides on_time',
    COMMENT COLUMN round_promised_at 'promise in force, per round: it decides whether the round is overdue';

ALTER TABLE logistics_facts {on_cluster}
    COMMENT COLUMN judgement 'applied, step_skipped, repeated, noted, partly (a part arrived or was delivered, the rest is still to come), arrival_before_departure; of what counts zero why: after_delivery, nothing_to_void, unknown_step, superseded, declared_erroneous, not_judged',
    COMMENT COLUMN leg_time_ms 'milliseconds from the departure of the leg to its arrival, on the event by which all of it has arrived; null where the departure was only implied, or is told to be later than the arrival';

ALTER TABLE shipment_state {on_cluster}
    ADD COLUMN IF NOT EXISTS delivered_ids Array(String) COMMENT 'lots and orders delivered by parts; empty where it was delivered as a whole',
    ADD COLUMN IF NOT EXISTS marks Array(LowCardinality(String)) COMMENT 'what is odd about its events, each once: step_skipped, arrival_before_departure, after_delivery, nothing_to_void, unknown_step',
    COMMENT COLUMN legs 'legs begun and not undone',
    COMMENT COLUMN departed_at 'departure of the last leg; where only the way or an arrival was told, of its first sign',
    COMMENT COLUMN arrived_at 'arrival of all of it in the last leg; null while that is under way',
    COMMENT COLUMN delivered_at 'delivery of all of it',
    COMMENT COLUMN expected_arrival_at 'arrival expected by the last event that said so; null after the departure was undone',
    COMMENT COLUMN events 'events that stand, whether or not they applied';

CREATE OR REPLACE VIEW orders {on_cluster} AS
SELECT * EXCEPT (owner, version, records, partition, next_deadline, alerts, stored_at, round_number, round_confirmed_at, round_first_promised_at, round_promised_at, round_finished_at, round_verdict, round_verdict_at, round_left_at)
FROM order_state FINAL
WHERE status != ''
COMMENT 'Sample orders as they stand.';

ALTER TABLE orders {on_cluster}
    COMMENT COLUMN center_id 'center',
    COMMENT COLUMN order_id 'sample order',
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN cooperative_id 'cooperative',
    COMMENT COLUMN product_category 'product category',
    COMMENT COLUMN sample_type 'type of sample',
    COMMENT COLUMN style_number 'the factory''s style number',
    COMMENT COLUMN quantity 'pieces ordered; what was dispatched only where nobody said',
    COMMENT COLUMN status 'what the order is',
    COMMENT COLUMN on_hold '1 while on hold',
    COMMENT COLUMN round 'round of sampling',
    COMMENT COLUMN requested_at 'first REQUESTED',
    COMMENT COLUMN ended_at 'APPROVED, REJECTED or CANCELLED',
    COMMENT COLUMN last_event_time 'last event that applied',
    COMMENT COLUMN events 'events that stand, whether or not they applied',
    COMMENT COLUMN not_applied 'of them those that did not apply: order_facts says which and why',
    COMMENT COLUMN marks 'what is odd about its events, each once: step_skipped, backward, earlier_round, after_verdict, after_end, not_on_hold, unknown_status';

CREATE OR REPLACE VIEW order_rounds {on_cluster} AS
SELECT center_id, order_id, factory_id, cooperative_id, product_category, sample_type,
    r.1 AS round, r.2 AS confirmed_at, r.3 AS first_promised_at, r.4 AS promised_at, r.5 AS finished_at,
    r.6 AS verdict, r.7 AS verdict_at, r.8 AS left_at,
    multiIf(finished_at IS NOT NULL, finished_at <= first_promised_at, left_at > first_promised_at, 0, NULL) AS on_time,
    status = 'CANCELLED' AND finished_at IS NULL AND left_at IS NULL AS cancelled,
    finished_at IS NULL AND left_at IS NULL AND NOT cancelled AS open
FROM order_state FINAL
ARRAY JOIN arrayZip(round_number, round_confirmed_at, round_first_promised_at, round_promised_at,
    round_finished_at, round_verdict, round_verdict_at, arrayResize(round_left_at, length(round_number))) AS r
WHERE order_state.status != ''
COMMENT 'Rounds of sample orders: promise, end and verdict. on_time is 1 if the round ended on or before its first promise, 0 if it ended or was left later, null while it is open, if it was left before, or if nothing was promised.';

ALTER TABLE order_rounds {on_cluster}
    COMMENT COLUMN center_id 'center',
    COMMENT COLUMN order_id 'sample order',
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN cooperative_id 'cooperative',
    COMMENT COLUMN product_category 'product category',
    COMMENT COLUMN sample_type 'type of sample',
    COMMENT COLUMN round 'round of sampling',
    COMMENT COLUMN confirmed_at 'CONFIRMED',
    COMMENT COLUMN first_promised_at 'first binding promise of the round: it decides on_time',
    COMMENT COLUMN promised_at 'promise in force: it decides whether the round is overdue',
    COMMENT COLUMN finished_at 'dispatched or later',
    COMMENT COLUMN verdict 'verdict',
    COMMENT COLUMN verdict_at 'time of the verdict, when it was first said',
    COMMENT COLUMN left_at 'left for the next round without being finished',
    COMMENT COLUMN on_time '1 if ended on or before the first promise, 0 if ended or left later, null while open, if left before, or without a promise',
    COMMENT COLUMN cancelled '1 if the order was cancelled before the round ended',
    COMMENT COLUMN open '1 while it is neither finished nor left nor cancelled';

CREATE OR REPLACE VIEW on_time_by_day {on_cluster} AS
SELECT toStartOfDay(assumeNotNull(first_promised_at)) AS day, center_id,
    count() AS due, countIf(r.on_time = 1) AS on_time, countIf(r.on_time = 0) AS late, countIf(r.open) AS open
FROM order_rounds AS r
WHERE first_promised_at IS NOT NULL AND (r.open OR r.on_time IS NOT NULL)
GROUP BY day, center_id
COMMENT 'Rounds by the day (UTC) of their first promise, per center: due, ended on time, ended late, still open. On-time rate is on_time / due over days that are past: what is due counts, not only what is finished. A round that was cancelled, or left for the next one before its promise, is not due.';

ALTER TABLE on_time_by_day {on_cluster}
    COMMENT COLUMN day 'day of the first promise (UTC)',
    COMMENT COLUMN center_id 'center',
    COMMENT COLUMN due 'rounds promised for the day',
    COMMENT COLUMN on_time 'ended on or before the first promise',
    COMMENT COLUMN late 'ended, or left for the next round, later',
    COMMENT COLUMN open 'not ended yet';

CREATE OR REPLACE VIEW finished_rounds {on_cluster} AS
SELECT event_time, center_id, cooperative_id, factory_id, order_id, product_category, sample_type,
    if(of_round > 0, of_round, order_facts.round) AS round,
    lead_time_ms / 3600000 AS lead_time_h, customer_lead_time_ms / 3600000 AS customer_lead_time_h
FROM order_facts FINAL
WHERE counts AND (lead_time_ms IS NOT NULL OR customer_lead_time_ms IS NOT NULL)
COMMENT 'Rounds of sample orders at the moment at which they ended: lead time from CONFIRMED, customer lead time from REQUESTED.';

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

CREATE OR REPLACE VIEW shipments {on_cluster} AS
SELECT owner AS shipment_id, * EXCEPT (owner, version, records, partition, next_deadline, alerts, stored_at)
FROM shipment_state FINAL
WHERE milestone != ''
COMMENT 'Shipments as they stand.';

ALTER TABLE shipments {on_cluster}
    COMMENT COLUMN shipment_id 'shipment',
    COMMENT COLUMN center_id 'center',
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN cooperative_id 'cooperative',
    COMMENT COLUMN milestone 'PREPARING, IN_TRANSIT, ARRIVED or DELIVERED',
    COMMENT COLUMN disposition 'last CBV disposition',
    COMMENT COLUMN order_ids 'sample orders on board',
    COMMENT COLUMN lot_ids 'lots on board',
    COMMENT COLUMN carrier_id 'carrier',
    COMMENT COLUMN trade_mode 'trade mode',
    COMMENT COLUMN declared_value_minor 'declared value in hundredths',
    COMMENT COLUMN declared_currency 'ISO 4217',
    COMMENT COLUMN legs 'legs begun and not undone',
    COMMENT COLUMN first_departed_at 'first departure',
    COMMENT COLUMN departed_at 'departure of the last leg; where only the way was told, its first sign',
    COMMENT COLUMN arrived_at 'arrival of all of it in the last leg; null while that is under way',
    COMMENT COLUMN delivered_at 'delivery of all of it',
    COMMENT COLUMN expected_arrival_at 'arrival expected by the last event that said so; null after the departure was undone',
    COMMENT COLUMN damaged '1 if ever seen damaged',
    COMMENT COLUMN last_event_time 'last event that applied',
    COMMENT COLUMN events 'events that stand, whether or not they applied',
    COMMENT COLUMN delivered_ids 'lots and orders delivered by parts; empty where it was delivered as a whole',
    COMMENT COLUMN marks 'what is odd about its events, each once: step_skipped, arrival_before_departure, after_delivery, nothing_to_void, unknown_step';

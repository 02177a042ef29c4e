-- What the migrations make of orders. Written by `weftline tables render`.

CREATE TABLE IF NOT EXISTS order_records {on_cluster}
(
    owner      String               COMMENT 'whose events are folded together: center_id|order_id',
    event_time DateTime64(3, 'UTC') COMMENT 'when it happened',
    source     String               COMMENT 'who published it',
    event_id   String               COMMENT 'identity within the source',
    rank       UInt64               COMMENT 'declared erroneous * 2^63 + 1 + 62 bits of a hash of the content: decides between several contents of one identity',
    value      String               COMMENT 'the message: Confluent framing and Avro, in its plain spelling',
    stored_at  DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when a processor stored it (bookkeeping)'
)
ENGINE = {engine:ReplacingMergeTree()}
ORDER BY (owner, event_time, source, event_id, rank)
SETTINGS index_granularity = 256
COMMENT 'Every order event that was received, with all that it says, corrections included.';

CREATE TABLE IF NOT EXISTS order_facts {on_cluster}
(
    minute                DateTime('UTC')        DEFAULT toStartOfMinute(event_time) COMMENT 'window of the rollup',
    center_id             LowCardinality(String) COMMENT 'sampling center of the event',
    owner                 String                 COMMENT 'whose events are folded together',
    event_time            DateTime64(3, 'UTC')   COMMENT 'when it happened',
    source                String                 COMMENT 'who published it',
    event_id              String                 COMMENT 'identity within the source',
    rev                   UInt128                COMMENT 'version: sum of the ranks of the records it was judged from, below the edition of the rules',
    counts                UInt8                  COMMENT 'whether the event counts',
    judgement             LowCardinality(String) COMMENT 'applied, step_skipped, repeated, counter_proposal, confirmed_again; of what counts zero why: backward, earlier_round, after_verdict, after_end, not_on_hold, unknown_status, superseded, declared_erroneous, not_judged',
    cooperative_id        LowCardinality(String) COMMENT 'quality cooperative',
    factory_id            LowCardinality(String) COMMENT 'factory that ordered',
    order_id              String                 COMMENT 'number of the order',
    product_category      LowCardinality(String) COMMENT 'product category',
    sample_type           LowCardinality(String) COMMENT 'type of sample',
    location_id           LowCardinality(String) COMMENT 'where it happened, if not at the center',
    status                LowCardinality(String) COMMENT 'what the order became',
    round                 Int32                  COMMENT 'round of sampling',
    requested             Int8                   COMMENT '1 if this event counts as requested',
    confirmed             Int8                   COMMENT '1 if this event counts as confirmed',
    dispatched            Int8                   COMMENT '1 if this event counts as dispatched',
    received              Int8                   COMMENT '1 if this event counts as received',
    approved              Int8                   COMMENT '1 if this event counts as approved',
    revision_requested    Int8                   COMMENT '1 if this event counts as revision requested',
    rejected              Int8                   COMMENT '1 if this event counts as rejected',
    cancelled             Int8                   COMMENT '1 if this event counts as cancelled',
    entries               Int8                   COMMENT '1 if the order entered work in progress (confirmed, not yet dispatched)',
    exits                 Int8                   COMMENT '1 if it left work in progress',
    lead_time_ms          Nullable(Int64)        COMMENT 'milliseconds from CONFIRMED to the end of the round (dispatched or later), on the event that ended it',
    customer_lead_time_ms Nullable(Int64)        COMMENT 'milliseconds from REQUESTED to the end of the round, on the event that ended it',
    of_round              Int32                  COMMENT 'round to which the event was taken to belong; round is as it was sent'
)
ENGINE = {engine:ReplacingMergeTree(rev)}
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, center_id, owner, event_time, source, event_id)
SETTINGS index_granularity = 8192, min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1
COMMENT 'One judged fact per order event.';

CREATE TABLE IF NOT EXISTS order_throughput_minute {on_cluster}
(
    minute             DateTime('UTC')        COMMENT 'start of a minute',
    center_id          LowCardinality(String) COMMENT 'sampling center',
    version            UInt256                COMMENT 'sum of the versions of what it was made from',
    events             Int64                  COMMENT 'events that stand and applied; what did not apply (backward, earlier_round, after_verdict, after_end, not_on_hold, unknown_status) is not among them',
    requested          Int64                  COMMENT 'orders requested',
    confirmed          Int64                  COMMENT 'orders confirmed',
    dispatched         Int64                  COMMENT 'orders dispatched',
    received           Int64                  COMMENT 'orders received',
    approved           Int64                  COMMENT 'orders approved',
    revision_requested Int64                  COMMENT 'orders revision requested',
    rejected           Int64                  COMMENT 'orders rejected',
    cancelled          Int64                  COMMENT 'orders cancelled',
    entries            Int64                  COMMENT 'entries to work in progress',
    exits              Int64                  COMMENT 'exits from work in progress'
)
ENGINE = {engine:ReplacingMergeTree(version)}
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, center_id)
SETTINGS index_granularity = 8192, min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1
COMMENT 'Throughput of sample orders per center and minute.';

CREATE TABLE IF NOT EXISTS order_throughput_hour {on_cluster}
(
    hour               DateTime('UTC')        COMMENT 'start of an hour',
    center_id          LowCardinality(String) COMMENT 'sampling center',
    version            UInt256                COMMENT 'sum of the versions of what it was made from',
    events             Int64                  COMMENT 'events that stand and applied; what did not apply (backward, earlier_round, after_verdict, after_end, not_on_hold, unknown_status) is not among them',
    requested          Int64                  COMMENT 'orders requested',
    confirmed          Int64                  COMMENT 'orders confirmed',
    dispatched         Int64                  COMMENT 'orders dispatched',
    received           Int64                  COMMENT 'orders received',
    approved           Int64                  COMMENT 'orders approved',
    revision_requested Int64                  COMMENT 'orders revision requested',
    rejected           Int64                  COMMENT 'orders rejected',
    cancelled          Int64                  COMMENT 'orders cancelled',
    entries            Int64                  COMMENT 'entries to work in progress',
    exits              Int64                  COMMENT 'exits from work in progress'
)
ENGINE = {engine:ReplacingMergeTree(version)}
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, center_id)
SETTINGS index_granularity = 8192, min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1
COMMENT 'Throughput of sample orders per center and hour.';

CREATE TABLE IF NOT EXISTS order_state {on_cluster}
(
    owner                   String                                COMMENT 'whose events are folded together',
    version                 UInt256                               COMMENT 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 24 bits count the deadlines that passed',
    records                 UInt64                                COMMENT 'distinct records known of the owner (bookkeeping)',
    partition               UInt16                                COMMENT 'Kafka partition of the owner (bookkeeping)',
    next_deadline           Nullable(DateTime64(3, 'UTC'))        COMMENT 'when the next alert begins to stand by itself',
    alerts                  Array(String)                         COMMENT 'alerts that stand, as JSON',
    stored_at               DateTime64(3, 'UTC')                  DEFAULT now64(3) COMMENT 'when it was stored (bookkeeping)',
    center_id               LowCardinality(String)                COMMENT 'the center that promised',
    order_id                String                                COMMENT 'number of the order',
    factory_id              LowCardinality(String)                COMMENT 'factory',
    cooperative_id          LowCardinality(String)                COMMENT 'cooperative',
    product_category        LowCardinality(String)                COMMENT 'product category',
    sample_type             LowCardinality(String)                COMMENT 'type of sample',
    style_number            String                                COMMENT 'the factory''s style number',
    quantity                Int32                                 COMMENT 'pieces ordered; what was dispatched only where nobody said',
    status                  LowCardinality(String)                COMMENT 'status; empty if no event stands',
    on_hold                 UInt8                                 COMMENT '1 while on hold',
    round                   Int32                                 COMMENT 'current round',
    requested_at            Nullable(DateTime64(3, 'UTC'))        COMMENT 'first REQUESTED',
    ended_at                Nullable(DateTime64(3, 'UTC'))        COMMENT 'APPROVED, REJECTED or CANCELLED',
    last_event_time         Nullable(DateTime64(3, 'UTC'))        COMMENT 'last event that applied',
    events                  UInt32                                COMMENT 'events that stand, whether or not they applied',
    round_number            Array(Int32)                          COMMENT 'rounds so far',
    round_confirmed_at      Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'CONFIRMED, per round',
    round_first_promised_at Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'first binding promise, per round: it decides on_time',
    round_promised_at       Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'promise in force, per round: it decides whether the round is overdue',
    round_finished_at       Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'dispatched or later, per round',
    round_verdict           Array(LowCardinality(String))         COMMENT 'verdict, per round',
    round_verdict_at        Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'time of the verdict, per round',
    round_left_at           Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'left for the next round without being finished, per round',
    not_applied             UInt32                                COMMENT 'events that stand and did not apply: order_facts says which and why',
    marks                   Array(LowCardinality(String))         COMMENT 'what is odd about its events, each once: step_skipped, backward, earlier_round, after_verdict, after_end, not_on_hold, unknown_status'
)
ENGINE = {engine:ReplacingMergeTree(version)}
ORDER BY (owner)
SETTINGS index_granularity = 256
COMMENT 'State of each sample order.';

CREATE OR REPLACE VIEW throughput_per_minute {on_cluster} AS
SELECT
    minute,
    center_id,
    events,
    requested,
    confirmed,
    dispatched,
    received,
    approved,
    revision_requested,
    rejected,
    cancelled,
    entries,
    exits
FROM order_throughput_minute FINAL
WHERE events > 0
COMMENT 'Sample orders per center and minute (UTC).';

ALTER TABLE throughput_per_minute {on_cluster}
    COMMENT COLUMN minute 'start of a minute',
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

CREATE OR REPLACE VIEW throughput_per_hour {on_cluster} AS
SELECT
    hour,
    center_id,
    events,
    requested,
    confirmed,
    dispatched,
    received,
    approved,
    revision_requested,
    rejected,
    cancelled,
    entries,
    exits
FROM order_throughput_hour FINAL
WHERE events > 0
COMMENT 'Sample orders per center and hour (UTC).';

ALTER TABLE throughput_per_hour {on_cluster}
    COMMENT COLUMN hour 'start of an hour',
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

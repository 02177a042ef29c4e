-- What the migrations make of logistics. Written by `weftline tables render`.

CREATE TABLE IF NOT EXISTS logistics_records {on_cluster}
(
    owner      String               COMMENT 'whose events are folded together: shipment_id',
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
COMMENT 'Every logistics event that was received, with all that it says, corrections included.';

CREATE TABLE IF NOT EXISTS logistics_facts {on_cluster}
(
    minute         DateTime('UTC')        DEFAULT toStartOfMinute(event_time) COMMENT 'window of the rollup',
    center_id      LowCardinality(String) COMMENT 'sampling center of the event',
    owner          String                 COMMENT 'whose events are folded together',
    event_time     DateTime64(3, 'UTC')   COMMENT 'when it happened',
    source         String                 COMMENT 'who published it',
    event_id       String                 COMMENT 'identity within the source',
    rev            UInt128                COMMENT 'version: sum of the ranks of the records it was judged from, below the edition of the rules',
    counts         UInt8                  COMMENT 'whether the event counts',
    judgement      LowCardinality(String) COMMENT 'applied, step_skipped, repeated, noted, partly (a part arrived or was delivered, the rest is still to come), arrival_before_departure; of what counts zero why: after_delivery, nothing_to_void, unknown_step, superseded, declared_erroneous, not_judged',
    cooperative_id LowCardinality(String) COMMENT 'quality cooperative',
    factory_id     LowCardinality(String) COMMENT 'factory',
    business_step  LowCardinality(String) COMMENT 'CBV business step',
    trade_mode     LowCardinality(String) COMMENT 'trade mode',
    read_point_id  LowCardinality(String) COMMENT 'EPCIS read point',
    departed       Int8                   COMMENT 'departures, -1 where void_shipping undoes one',
    arrived        Int8                   COMMENT 'arrivals',
    delivered      Int8                   COMMENT 'deliveries',
    voided         Int8                   COMMENT '1 if the shipping was undone',
    damaged        Int8                   COMMENT '1 if damage was first seen here',
    leg_time_ms    Nullable(Int64)        COMMENT 'milliseconds from the departure of the leg to its arrival, on the event by which all of it has arrived; null where the departure was only implied, or is told to be later than the arrival'
)
ENGINE = {engine:ReplacingMergeTree(rev)}
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, center_id, owner, event_time, source, event_id)
SETTINGS index_granularity = 8192, min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1
COMMENT 'One judged fact per logistics event.';

CREATE TABLE IF NOT EXISTS logistics_throughput_minute {on_cluster}
(
    minute    DateTime('UTC')        COMMENT 'start of a minute',
    center_id LowCardinality(String) COMMENT 'sampling center',
    version   UInt256                COMMENT 'sum of the versions of what it was made from',
    events    Int64                  COMMENT 'events that stand and applied or were noted; what did not apply (after_delivery, nothing_to_void, unknown_step) is not among them',
    departed  Int64                  COMMENT 'departures, less those undone',
    arrived   Int64                  COMMENT 'arrivals',
    delivered Int64                  COMMENT 'deliveries',
    voided    Int64                  COMMENT 'shippings undone',
    damaged   Int64                  COMMENT 'shipments first seen damaged'
)
ENGINE = {engine:ReplacingMergeTree(version)}
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, center_id)
SETTINGS index_granularity = 8192, min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1
COMMENT 'Movements of shipments per center and minute.';

CREATE TABLE IF NOT EXISTS logistics_throughput_hour {on_cluster}
(
    hour      DateTime('UTC')        COMMENT 'start of an hour',
    center_id LowCardinality(String) COMMENT 'sampling center',
    version   UInt256                COMMENT 'sum of the versions of what it was made from',
    events    Int64                  COMMENT 'events that stand and applied or were noted; what did not apply (after_delivery, nothing_to_void, unknown_step) is not among them',
    departed  Int64                  COMMENT 'departures, less those undone',
    arrived   Int64                  COMMENT 'arrivals',
    delivered Int64                  COMMENT 'deliveries',
    voided    Int64                  COMMENT 'shippings undone',
    damaged   Int64                  COMMENT 'shipments first seen damaged'
)
ENGINE = {engine:ReplacingMergeTree(version)}
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, center_id)
SETTINGS index_granularity = 8192, min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1
COMMENT 'Movements of shipments per center and hour.';

CREATE TABLE IF NOT EXISTS shipment_state {on_cluster}
(
    owner                String                         COMMENT 'whose events are folded together',
    version              UInt256                        COMMENT 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 24 bits count the deadlines that passed',
    records              UInt64                         COMMENT 'distinct records known of the owner (bookkeeping)',
    partition            UInt16                         COMMENT 'Kafka partition of the owner (bookkeeping)',
    next_deadline        Nullable(DateTime64(3, 'UTC')) COMMENT 'when the next alert begins to stand by itself',
    alerts               Array(String)                  COMMENT 'alerts that stand, as JSON',
    stored_at            DateTime64(3, 'UTC')           DEFAULT now64(3) COMMENT 'when it was stored (bookkeeping)',
    center_id            LowCardinality(String)         COMMENT 'sampling center or dispatching point',
    factory_id           LowCardinality(String)         COMMENT 'factory',
    cooperative_id       LowCardinality(String)         COMMENT 'cooperative',
    milestone            LowCardinality(String)         COMMENT 'PREPARING, IN_TRANSIT, ARRIVED or DELIVERED; empty if no event stands',
    disposition          LowCardinality(String)         COMMENT 'last CBV disposition',
    order_ids            Array(String)                  COMMENT 'sample orders on board',
    lot_ids              Array(String)                  COMMENT 'lots on board',
    carrier_id           LowCardinality(String)         COMMENT 'carrier',
    trade_mode           LowCardinality(String)         COMMENT 'trade mode',
    declared_value_minor Nullable(Int64)                COMMENT 'declared value in hundredths',
    declared_currency    LowCardinality(String)         COMMENT 'ISO 4217',
    legs                 UInt16                         COMMENT 'legs begun and not undone',
    first_departed_at    Nullable(DateTime64(3, 'UTC')) COMMENT 'first departure',
    departed_at          Nullable(DateTime64(3, 'UTC')) COMMENT 'departure of the last leg; where only the way or an arrival was told, of its first sign',
    arrived_at           Nullable(DateTime64(3, 'UTC')) COMMENT 'arrival of all of it in the last leg; null while that is under way',
    delivered_at         Nullable(DateTime64(3, 'UTC')) COMMENT 'delivery of all of it',
    expected_arrival_at  Nullable(DateTime64(3, 'UTC')) COMMENT 'arrival expected by the last event that said so; null after the departure was undone',
    damaged              UInt8                          COMMENT '1 if ever seen damaged',
    last_event_time      Nullable(DateTime64(3, 'UTC')) COMMENT 'last event',
    events               UInt32                         COMMENT 'events that stand, whether or not they applied',
    delivered_ids        Array(String)                  COMMENT 'lots and orders delivered by parts; empty where it was delivered as a whole',
    marks                Array(LowCardinality(String))  COMMENT 'what is odd about its events, each once: step_skipped, arrival_before_departure, after_delivery, nothing_to_void, unknown_step'
)
ENGINE = {engine:ReplacingMergeTree(version)}
ORDER BY (owner)
SETTINGS index_granularity = 256
COMMENT 'State of each shipment.';

CREATE OR REPLACE VIEW movements_per_minute {on_cluster} AS
SELECT
    minute,
    center_id,
    events,
    departed,
    arrived,
    delivered,
    voided,
    damaged
FROM logistics_throughput_minute FINAL
WHERE events > 0
COMMENT 'Movements of shipments per center and minute (UTC).';

ALTER TABLE movements_per_minute {on_cluster}
    COMMENT COLUMN minute 'start of a minute',
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN events 'events that stand and applied or were noted; what did not apply (after_delivery, nothing_to_void, unknown_step) is not among them',
    COMMENT COLUMN departed 'departures, less those undone',
    COMMENT COLUMN arrived 'arrivals',
    COMMENT COLUMN delivered 'deliveries',
    COMMENT COLUMN voided 'shippings undone',
    COMMENT COLUMN damaged 'shipments first seen damaged';

CREATE OR REPLACE VIEW movements_per_hour {on_cluster} AS
SELECT
    hour,
    center_id,
    events,
    departed,
    arrived,
    delivered,
    voided,
    damaged
FROM logistics_throughput_hour FINAL
WHERE events > 0
COMMENT 'Movements of shipments per center and hour (UTC).';

ALTER TABLE movements_per_hour {on_cluster}
    COMMENT COLUMN hour 'start of an hour',
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN events 'events that stand and applied or were noted; what did not apply (after_delivery, nothing_to_void, unknown_step) is not among them',
    COMMENT COLUMN departed 'departures, less those undone',
    COMMENT COLUMN arrived 'arrivals',
    COMMENT COLUMN delivered 'deliveries',
    COMMENT COLUMN voided 'shippings undone',
    COMMENT COLUMN damaged 'shipments first seen damaged';

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

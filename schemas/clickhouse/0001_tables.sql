-- Weftline, first edition of all tables.
--
-- {engine:X} becomes X on a single node and its replicated form on a cluster; {on_cluster} likewise. Nothing expires: a row older than
-- a TTL would vanish at insert, so that its effect would depend on when it came.

-- Records: what was sent, and only that. A set: storing one twice changes nothing. Read without FINAL; the fold drops repeats.

CREATE TABLE IF NOT EXISTS order_records {on_cluster}
(
    owner      String COMMENT 'whose events are folded together: center_id|order_id',
    event_time DateTime64(3, 'UTC') COMMENT 'when it happened',
    source     String COMMENT 'who published it',
    event_id   String COMMENT 'identity within the source',
    rank       UInt64 COMMENT 'declared erroneous * 2^63 + 1 + 62 bits of a hash of the content: decides between several contents of one identity',
    value      String COMMENT 'the message: Confluent framing and Avro',
    stored_at  DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when a processor stored it (bookkeeping)'
)
ENGINE = {engine:ReplacingMergeTree()}
ORDER BY (owner, event_time, source, event_id, rank)
SETTINGS index_granularity = 256
COMMENT 'Every order event that was received, as it was sent, corrections included.';

CREATE TABLE IF NOT EXISTS inspection_records {on_cluster}
(
    owner      String COMMENT 'whose events are folded together: factory_id',
    event_time DateTime64(3, 'UTC') COMMENT 'when it happened',
    source     String COMMENT 'who published it',
    event_id   String COMMENT 'identity within the source',
    rank       UInt64 COMMENT 'declared erroneous * 2^63 + 1 + 62 bits of a hash of the content: decides between several contents of one identity',
    value      String COMMENT 'the message: Confluent framing and Avro',
    stored_at  DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when a processor stored it (bookkeeping)'
)
ENGINE = {engine:ReplacingMergeTree()}
ORDER BY (owner, event_time, source, event_id, rank)
SETTINGS index_granularity = 256
COMMENT 'Every inspection event that was received, as it was sent, corrections included.';

CREATE TABLE IF NOT EXISTS logistics_records {on_cluster}
(
    owner      String COMMENT 'whose events are folded together: shipment_id',
    event_time DateTime64(3, 'UTC') COMMENT 'when it happened',
    source     String COMMENT 'who published it',
    event_id   String COMMENT 'identity within the source',
    rank       UInt64 COMMENT 'declared erroneous * 2^63 + 1 + 62 bits of a hash of the content: decides between several contents of one identity',
    value      String COMMENT 'the message: Confluent framing and Avro',
    stored_at  DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when a processor stored it (bookkeeping)'
)
ENGINE = {engine:ReplacingMergeTree()}
ORDER BY (owner, event_time, source, event_id, rank)
SETTINGS index_granularity = 256
COMMENT 'Every logistics event that was received, as it was sent, corrections included.';

-- Judged facts: one per event, at an address that follows from the event alone. Only flags and amounts are judged; a fact never moves.

CREATE TABLE IF NOT EXISTS order_facts {on_cluster}
(
    minute                DateTime('UTC') DEFAULT toStartOfMinute(event_time) COMMENT 'window of the rollup',
    center_id             LowCardinality(String) COMMENT 'sampling center of the event',
    owner                 String COMMENT 'whose events are folded together',
    event_time            DateTime64(3, 'UTC') COMMENT 'when it happened',
    source                String COMMENT 'who published it',
    event_id              String COMMENT 'identity within the source',
    rev                   UInt128 COMMENT 'version: sum of the ranks of the records it was judged from, below the edition of the rules',
    counts                UInt8 COMMENT 'whether the event counts',
    judgement             LowCardinality(String) COMMENT 'how it was judged; the marks are listed in the domain module of the kind',
    cooperative_id        LowCardinality(String) COMMENT 'quality cooperative',
    factory_id            LowCardinality(String) COMMENT 'factory that ordered',
    order_id              String COMMENT 'number of the order',
    product_category      LowCardinality(String) COMMENT 'product category',
    sample_type           LowCardinality(String) COMMENT 'type of sample',
    location_id           LowCardinality(String) COMMENT 'where it happened, if not at the center',
    status                LowCardinality(String) COMMENT 'what the order became',
    round                 Int32 COMMENT 'round of sampling',
    requested             Int8 COMMENT '1 if this event counts as requested',
    confirmed             Int8 COMMENT '1 if this event counts as confirmed',
    dispatched            Int8 COMMENT '1 if this event counts as dispatched',
    received              Int8 COMMENT '1 if this event counts as received',
    approved              Int8 COMMENT '1 if this event counts as approved',
    revision_requested    Int8 COMMENT '1 if this event counts as revision requested',
    rejected              Int8 COMMENT '1 if this event counts as rejected',
    cancelled             Int8 COMMENT '1 if this event counts as cancelled',
    entries               Int8 COMMENT '1 if the order entered work in progress (confirmed, not yet dispatched)',
    exits                 Int8 COMMENT '1 if it left work in progress',
    lead_time_ms          Nullable(Int64) COMMENT 'milliseconds from CONFIRMED to the end of the round (dispatched or later), on the event that ended it',
    customer_lead_time_ms Nullable(Int64) COMMENT 'milliseconds from REQUESTED to the end of the round, on the event that ended it'
)
ENGINE = {engine:ReplacingMergeTree(rev)}
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, center_id, owner, event_time, source, event_id)
COMMENT 'One judged fact per order event.';

CREATE TABLE IF NOT EXISTS inspection_facts {on_cluster}
(
    minute                    DateTime('UTC') DEFAULT toStartOfMinute(event_time) COMMENT 'window of the rollup',
    center_id                 LowCardinality(String) COMMENT 'sampling center of the event',
    owner                     String COMMENT 'whose events are folded together',
    event_time                DateTime64(3, 'UTC') COMMENT 'when it happened',
    source                    String COMMENT 'who published it',
    event_id                  String COMMENT 'identity within the source',
    rev                       UInt128 COMMENT 'version: sum of the ranks of the records it was judged from, below the edition of the rules',
    counts                    UInt8 COMMENT 'whether the event counts',
    judgement                 LowCardinality(String) COMMENT 'how it was judged; the marks are listed in the domain module of the kind',
    cooperative_id            LowCardinality(String) COMMENT 'quality cooperative',
    factory_id                LowCardinality(String) COMMENT 'factory',
    kind                      LowCardinality(String) COMMENT 'kind of inspection result',
    product_category          LowCardinality(String) COMMENT 'product category of the event',
    subject                   String COMMENT 'report (laboratory/number) or lot',
    verdict                   LowCardinality(String) COMMENT 'verdict of the content of this very event: PASS, FAIL, INCOMPLETE, ACCEPTED, NOT_ACCEPTED',
    reports                   Int32 COMMENT 'verified reports counted by this event, signed',
    reports_passed            Int32 COMMENT 'of them PASS',
    reports_failed            Int32 COMMENT 'of them FAIL',
    reports_incomplete        Int32 COMMENT 'of them INCOMPLETE',
    item_category             Array(LowCardinality(String)) COMMENT 'product category of each item',
    item_indicator            Array(LowCardinality(String)) COMMENT 'indicator of each item',
    item_tested               Array(Int32) COMMENT 'tested, signed',
    item_passed               Array(Int32) COMMENT 'passed, signed',
    item_failed               Array(Int32) COMMENT 'failed, signed',
    item_incomplete           Array(Int32) COMMENT 'required and not tested, signed',
    item_not_detected         Array(Int32) COMMENT 'not detected, signed',
    lots                      Int32 COMMENT 'original lots inspected',
    lots_accepted             Int32 COMMENT 'of them accepted',
    lots_not_accepted         Int32 COMMENT 'of them not accepted',
    lots_resubmitted          Int32 COMMENT 'resubmitted lots inspected',
    lots_resubmitted_accepted Int32 COMMENT 'of them accepted',
    units_inspected           Int32 COMMENT 'units inspected',
    units_critical            Int32 COMMENT 'units whose worst nonconformity is critical',
    units_major               Int32 COMMENT 'units whose worst nonconformity is major',
    units_minor               Int32 COMMENT 'units whose worst nonconformity is minor',
    class_name                Array(LowCardinality(String)) COMMENT 'classes of nonconformity of the lot',
    class_accepted            Array(LowCardinality(String)) COMMENT 'yes, no or not_judged, per class',
    class_severity_used       Array(LowCardinality(String)) COMMENT 'severity of the plan used, per class',
    class_severity_due        Array(LowCardinality(String)) COMMENT 'severity that the switching rules ask for, per class',
    class_marks               Array(String) COMMENT 'what is odd about the plan used, comma separated, per class'
)
ENGINE = {engine:ReplacingMergeTree(rev)}
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, center_id, owner, event_time, source, event_id)
COMMENT 'One judged fact per inspection event: a report counts once, signed amounts restate it.';

CREATE TABLE IF NOT EXISTS logistics_facts {on_cluster}
(
    minute         DateTime('UTC') DEFAULT toStartOfMinute(event_time) COMMENT 'window of the rollup',
    center_id      LowCardinality(String) COMMENT 'sampling center of the event',
    owner          String COMMENT 'whose events are folded together',
    event_time     DateTime64(3, 'UTC') COMMENT 'when it happened',
    source         String COMMENT 'who published it',
    event_id       String COMMENT 'identity within the source',
    rev            UInt128 COMMENT 'version: sum of the ranks of the records it was judged from, below the edition of the rules',
    counts         UInt8 COMMENT 'whether the event counts',
    judgement      LowCardinality(String) COMMENT 'how it was judged; the marks are listed in the domain module of the kind',
    cooperative_id LowCardinality(String) COMMENT 'quality cooperative',
    factory_id     LowCardinality(String) COMMENT 'factory',
    business_step  LowCardinality(String) COMMENT 'CBV business step',
    trade_mode     LowCardinality(String) COMMENT 'trade mode',
    read_point_id  LowCardinality(String) COMMENT 'EPCIS read point',
    departed       Int8 COMMENT 'departures, -1 where void_shipping undoes one',
    arrived        Int8 COMMENT 'arrivals',
    delivered      Int8 COMMENT 'deliveries',
    voided         Int8 COMMENT '1 if the shipping was undone',
    damaged        Int8 COMMENT '1 if damage was first seen here',
    leg_time_ms    Nullable(Int64) COMMENT 'milliseconds from departure to arrival, on the arrival'
)
ENGINE = {engine:ReplacingMergeTree(rev)}
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, center_id, owner, event_time, source, event_id)
COMMENT 'One judged fact per logistics event.';

-- Rollups per center and window: refreshed from the facts, never added to. The version grows with what the window's facts know.

CREATE TABLE IF NOT EXISTS order_throughput_minute {on_cluster}
(
    minute             DateTime('UTC') COMMENT 'start of a minute',
    center_id          LowCardinality(String) COMMENT 'sampling center',
    version            UInt256 COMMENT 'sum of the versions of what it was made from',
    events             Int64 COMMENT 'events that count',
    requested          Int64 COMMENT 'orders requested',
    confirmed          Int64 COMMENT 'orders confirmed',
    dispatched         Int64 COMMENT 'orders dispatched',
    received           Int64 COMMENT 'orders received',
    approved           Int64 COMMENT 'orders approved',
    revision_requested Int64 COMMENT 'orders revision requested',
    rejected           Int64 COMMENT 'orders rejected',
    cancelled          Int64 COMMENT 'orders cancelled',
    entries            Int64 COMMENT 'entries to work in progress',
    exits              Int64 COMMENT 'exits from work in progress'
)
ENGINE = {engine:ReplacingMergeTree(version)}
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, center_id)
COMMENT 'Throughput of sample orders per center and minute.';

CREATE TABLE IF NOT EXISTS order_throughput_hour {on_cluster}
(
    hour               DateTime('UTC') COMMENT 'start of an hour',
    center_id          LowCardinality(String) COMMENT 'sampling center',
    version            UInt256 COMMENT 'sum of the versions of what it was made from',
    events             Int64 COMMENT 'events that count',
    requested          Int64 COMMENT 'orders requested',
    confirmed          Int64 COMMENT 'orders confirmed',
    dispatched         Int64 COMMENT 'orders dispatched',
    received           Int64 COMMENT 'orders received',
    approved           Int64 COMMENT 'orders approved',
    revision_requested Int64 COMMENT 'orders revision requested',
    rejected           Int64 COMMENT 'orders rejected',
    cancelled          Int64 COMMENT 'orders cancelled',
    entries            Int64 COMMENT 'entries to work in progress',
    exits              Int64 COMMENT 'exits from work in progress'
)
ENGINE = {engine:ReplacingMergeTree(version)}
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, center_id)
COMMENT 'Throughput of sample orders per center and hour.';

CREATE TABLE IF NOT EXISTS order_throughput_day {on_cluster}
(
    day                DateTime('UTC') COMMENT 'start of a day (UTC)',
    center_id          LowCardinality(String) COMMENT 'sampling center',
    version            UInt256 COMMENT 'sum of the versions of what it was made from',
    events             Int64 COMMENT 'events that count',
    requested          Int64 COMMENT 'orders requested',
    confirmed          Int64 COMMENT 'orders confirmed',
    dispatched         Int64 COMMENT 'orders dispatched',
    received           Int64 COMMENT 'orders received',
    approved           Int64 COMMENT 'orders approved',
    revision_requested Int64 COMMENT 'orders revision requested',
    rejected           Int64 COMMENT 'orders rejected',
    cancelled          Int64 COMMENT 'orders cancelled',
    entries            Int64 COMMENT 'entries to work in progress',
    exits              Int64 COMMENT 'exits from work in progress'
)
ENGINE = {engine:ReplacingMergeTree(version)}
PARTITION BY toYear(day)
ORDER BY (day, center_id)
COMMENT 'Throughput of sample orders per center and day.';

CREATE TABLE IF NOT EXISTS inspection_throughput_minute {on_cluster}
(
    minute                    DateTime('UTC') COMMENT 'start of a minute',
    center_id                 LowCardinality(String) COMMENT 'sampling center',
    version                   UInt256 COMMENT 'sum of the versions of what it was made from',
    events                    Int64 COMMENT 'events that count',
    reports                   Int64 COMMENT 'verified reports',
    reports_passed            Int64 COMMENT 'of them PASS',
    reports_failed            Int64 COMMENT 'of them FAIL',
    reports_incomplete        Int64 COMMENT 'of them INCOMPLETE',
    lots                      Int64 COMMENT 'original lots inspected',
    lots_accepted             Int64 COMMENT 'of them accepted',
    lots_not_accepted         Int64 COMMENT 'of them not accepted',
    lots_resubmitted          Int64 COMMENT 'resubmitted lots inspected',
    lots_resubmitted_accepted Int64 COMMENT 'of them accepted',
    units_inspected           Int64 COMMENT 'units inspected',
    units_critical            Int64 COMMENT 'units critical',
    units_major               Int64 COMMENT 'units major',
    units_minor               Int64 COMMENT 'units minor'
)
ENGINE = {engine:ReplacingMergeTree(version)}
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, center_id)
COMMENT 'Tests and lots per center and minute.';

CREATE TABLE IF NOT EXISTS inspection_throughput_hour {on_cluster}
(
    hour                      DateTime('UTC') COMMENT 'start of an hour',
    center_id                 LowCardinality(String) COMMENT 'sampling center',
    version                   UInt256 COMMENT 'sum of the versions of what it was made from',
    events                    Int64 COMMENT 'events that count',
    reports                   Int64 COMMENT 'verified reports',
    reports_passed            Int64 COMMENT 'of them PASS',
    reports_failed            Int64 COMMENT 'of them FAIL',
    reports_incomplete        Int64 COMMENT 'of them INCOMPLETE',
    lots                      Int64 COMMENT 'original lots inspected',
    lots_accepted             Int64 COMMENT 'of them accepted',
    lots_not_accepted         Int64 COMMENT 'of them not accepted',
    lots_resubmitted          Int64 COMMENT 'resubmitted lots inspected',
    lots_resubmitted_accepted Int64 COMMENT 'of them accepted',
    units_inspected           Int64 COMMENT 'units inspected',
    units_critical            Int64 COMMENT 'units critical',
    units_major               Int64 COMMENT 'units major',
    units_minor               Int64 COMMENT 'units minor'
)
ENGINE = {engine:ReplacingMergeTree(version)}
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, center_id)
COMMENT 'Tests and lots per center and hour.';

CREATE TABLE IF NOT EXISTS inspection_throughput_day {on_cluster}
(
    day                       DateTime('UTC') COMMENT 'start of a day (UTC)',
    center_id                 LowCardinality(String) COMMENT 'sampling center',
    version                   UInt256 COMMENT 'sum of the versions of what it was made from',
    events                    Int64 COMMENT 'events that count',
    reports                   Int64 COMMENT 'verified reports',
    reports_passed            Int64 COMMENT 'of them PASS',
    reports_failed            Int64 COMMENT 'of them FAIL',
    reports_incomplete        Int64 COMMENT 'of them INCOMPLETE',
    lots                      Int64 COMMENT 'original lots inspected',
    lots_accepted             Int64 COMMENT 'of them accepted',
    lots_not_accepted         Int64 COMMENT 'of them not accepted',
    lots_resubmitted          Int64 COMMENT 'resubmitted lots inspected',
    lots_resubmitted_accepted Int64 COMMENT 'of them accepted',
    units_inspected           Int64 COMMENT 'units inspected',
    units_critical            Int64 COMMENT 'units critical',
    units_major               Int64 COMMENT 'units major',
    units_minor               Int64 COMMENT 'units minor'
)
ENGINE = {engine:ReplacingMergeTree(version)}
PARTITION BY toYear(day)
ORDER BY (day, center_id)
COMMENT 'Tests and lots per center and day.';

CREATE TABLE IF NOT EXISTS logistics_throughput_minute {on_cluster}
(
    minute    DateTime('UTC') COMMENT 'start of a minute',
    center_id LowCardinality(String) COMMENT 'sampling center',
    version   UInt256 COMMENT 'sum of the versions of what it was made from',
    events    Int64 COMMENT 'events that count',
    departed  Int64 COMMENT 'departures, less those undone',
    arrived   Int64 COMMENT 'arrivals',
    delivered Int64 COMMENT 'deliveries',
    voided    Int64 COMMENT 'shippings undone',
    damaged   Int64 COMMENT 'shipments first seen damaged'
)
ENGINE = {engine:ReplacingMergeTree(version)}
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, center_id)
COMMENT 'Movements of shipments per center and minute.';

CREATE TABLE IF NOT EXISTS logistics_throughput_hour {on_cluster}
(
    hour      DateTime('UTC') COMMENT 'start of an hour',
    center_id LowCardinality(String) COMMENT 'sampling center',
    version   UInt256 COMMENT 'sum of the versions of what it was made from',
    events    Int64 COMMENT 'events that count',
    departed  Int64 COMMENT 'departures, less those undone',
    arrived   Int64 COMMENT 'arrivals',
    delivered Int64 COMMENT 'deliveries',
    voided    Int64 COMMENT 'shippings undone',
    damaged   Int64 COMMENT 'shipments first seen damaged'
)
ENGINE = {engine:ReplacingMergeTree(version)}
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, center_id)
COMMENT 'Movements of shipments per center and hour.';

CREATE TABLE IF NOT EXISTS logistics_throughput_day {on_cluster}
(
    day       DateTime('UTC') COMMENT 'start of a day (UTC)',
    center_id LowCardinality(String) COMMENT 'sampling center',
    version   UInt256 COMMENT 'sum of the versions of what it was made from',
    events    Int64 COMMENT 'events that count',
    departed  Int64 COMMENT 'departures, less those undone',
    arrived   Int64 COMMENT 'arrivals',
    delivered Int64 COMMENT 'deliveries',
    voided    Int64 COMMENT 'shippings undone',
    damaged   Int64 COMMENT 'shipments first seen damaged'
)
ENGINE = {engine:ReplacingMergeTree(version)}
PARTITION BY toYear(day)
ORDER BY (day, center_id)
COMMENT 'Movements of shipments per center and day.';

-- State: one row per subject, replaced by whoever knows more. The alerts that stand are part of the row in which they are judged.

CREATE TABLE IF NOT EXISTS order_state {on_cluster}
(
    owner                   String COMMENT 'whose events are folded together',
    version                 UInt256 COMMENT 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 8 bits count the deadlines that passed',
    records                 UInt64 COMMENT 'distinct records known of the owner (bookkeeping)',
    partition               UInt16 COMMENT 'Kafka partition of the owner (bookkeeping)',
    next_deadline           Nullable(DateTime64(3, 'UTC')) COMMENT 'when the next alert begins to stand by itself',
    alerts                  Array(String) COMMENT 'alerts that stand, as JSON',
    stored_at               DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when it was stored (bookkeeping)',
    center_id               LowCardinality(String) COMMENT 'the center that promised',
    order_id                String COMMENT 'number of the order',
    factory_id              LowCardinality(String) COMMENT 'factory',
    cooperative_id          LowCardinality(String) COMMENT 'cooperative',
    product_category        LowCardinality(String) COMMENT 'product category',
    sample_type             LowCardinality(String) COMMENT 'type of sample',
    style_number            String COMMENT 'the factory''s style number',
    quantity                Int32 COMMENT 'pieces',
    status                  LowCardinality(String) COMMENT 'status; empty if no event stands',
    on_hold                 UInt8 COMMENT '1 while on hold',
    round                   Int32 COMMENT 'current round',
    requested_at            Nullable(DateTime64(3, 'UTC')) COMMENT 'first REQUESTED',
    ended_at                Nullable(DateTime64(3, 'UTC')) COMMENT 'APPROVED, REJECTED or CANCELLED',
    last_event_time         Nullable(DateTime64(3, 'UTC')) COMMENT 'last event that applied',
    events                  UInt32 COMMENT 'events that stand',
    round_number            Array(Int32) COMMENT 'rounds so far',
    round_confirmed_at      Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'CONFIRMED, per round',
    round_first_promised_at Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'first promise, per round',
    round_promised_at       Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'promise in force, per round',
    round_finished_at       Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'dispatched or later, per round',
    round_verdict           Array(LowCardinality(String)) COMMENT 'verdict, per round',
    round_verdict_at        Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'time of the verdict, per round'
)
ENGINE = {engine:ReplacingMergeTree(version)}
ORDER BY (owner)
SETTINGS index_granularity = 256
COMMENT 'State of each sample order.';

CREATE TABLE IF NOT EXISTS report_state {on_cluster}
(
    owner              String COMMENT 'whose events are folded together',
    laboratory_id      LowCardinality(String) COMMENT 'laboratory',
    report_number      String COMMENT 'number of the report',
    version            UInt256 COMMENT 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 8 bits count the deadlines that passed',
    records            UInt64 COMMENT 'distinct records known of the owner (bookkeeping)',
    partition          UInt16 COMMENT 'Kafka partition of the owner (bookkeeping)',
    next_deadline      Nullable(DateTime64(3, 'UTC')) COMMENT 'when the next alert begins to stand by itself',
    alerts             Array(String) COMMENT 'alerts that stand, as JSON',
    stored_at          DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when it was stored (bookkeeping)',
    center_id          LowCardinality(String) COMMENT 'sampling center',
    cooperative_id     LowCardinality(String) COMMENT 'cooperative',
    product_category   LowCardinality(String) COMMENT 'product category',
    style_number       String COMMENT 'the factory''s style number',
    order_id           String COMMENT 'sample order',
    lot_ids            Array(String) COMMENT 'lots',
    status             LowCardinality(String) COMMENT 'SUBMITTED, VERIFIED, PUBLISHED or WITHDRAWN; empty if no event stands',
    amendment          Int32 COMMENT 'amendment in force, -1 without content',
    specimen           LowCardinality(String) COMMENT 'type of specimen',
    purpose            LowCardinality(String) COMMENT 'why it was tested',
    payer              LowCardinality(String) COMMENT 'who pays',
    safety_class       LowCardinality(String) COMMENT 'GB 18401 class',
    verdict            LowCardinality(String) COMMENT 'PASS, FAIL or INCOMPLETE; empty without content',
    counted            UInt8 COMMENT '1 if verified and not withdrawn',
    failed_indicators  Array(LowCardinality(String)) COMMENT 'indicators that fail',
    missing_indicators Array(LowCardinality(String)) COMMENT 'required and not tested',
    verdict_json       String COMMENT 'the verdict, item by item, with clauses',
    reported_at        Nullable(DateTime64(3, 'UTC')) COMMENT 'event time of the content in force',
    tested_at          Nullable(DateTime64(3, 'UTC')) COMMENT 'when it was tested',
    verified_at        Nullable(DateTime64(3, 'UTC')) COMMENT 'first verification',
    published_at       Nullable(DateTime64(3, 'UTC')) COMMENT 'first publication',
    withdrawn_at       Nullable(DateTime64(3, 'UTC')) COMMENT 'withdrawal',
    events             UInt32 COMMENT 'events that stand'
)
ENGINE = {engine:ReplacingMergeTree(version)}
ORDER BY (owner, laboratory_id, report_number)
SETTINGS index_granularity = 256
COMMENT 'State of each laboratory report.';

CREATE TABLE IF NOT EXISTS lot_state {on_cluster}
(
    owner                String COMMENT 'whose events are folded together',
    lot_id               String COMMENT 'the factory''s lot number',
    version              UInt256 COMMENT 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 8 bits count the deadlines that passed',
    records              UInt64 COMMENT 'distinct records known of the owner (bookkeeping)',
    partition            UInt16 COMMENT 'Kafka partition of the owner (bookkeeping)',
    next_deadline        Nullable(DateTime64(3, 'UTC')) COMMENT 'when the next alert begins to stand by itself',
    alerts               Array(String) COMMENT 'alerts that stand, as JSON',
    stored_at            DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when it was stored (bookkeeping)',
    center_id            LowCardinality(String) COMMENT 'sampling center',
    cooperative_id       LowCardinality(String) COMMENT 'cooperative',
    product_category     LowCardinality(String) COMMENT 'product category',
    style_number         String COMMENT 'the factory''s style number',
    order_id             String COMMENT 'sample order',
    lot_size             Int32 COMMENT 'units in the lot',
    stage                LowCardinality(String) COMMENT 'stage of the last inspection',
    original_result      LowCardinality(String) COMMENT 'ACCEPTED, NOT_ACCEPTED, NOT_JUDGED, or empty: the original inspection',
    last_result          LowCardinality(String) COMMENT 'the same of the last inspection',
    inspections          UInt32 COMMENT 'inspections that stand',
    resubmissions        UInt32 COMMENT 'of them resubmitted',
    not_accepted_classes Array(LowCardinality(String)) COMMENT 'classes not accepted at any inspection',
    last_inspected_at    Nullable(DateTime64(3, 'UTC')) COMMENT 'last inspection'
)
ENGINE = {engine:ReplacingMergeTree(version)}
ORDER BY (owner, lot_id)
SETTINGS index_granularity = 256
COMMENT 'State of each inspected lot.';

CREATE TABLE IF NOT EXISTS run_state {on_cluster}
(
    owner          String COMMENT 'whose events are folded together',
    indicator      LowCardinality(String) COMMENT 'indicator',
    version        UInt256 COMMENT 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 8 bits count the deadlines that passed',
    records        UInt64 COMMENT 'distinct records known of the owner (bookkeeping)',
    partition      UInt16 COMMENT 'Kafka partition of the owner (bookkeeping)',
    next_deadline  Nullable(DateTime64(3, 'UTC')) COMMENT 'when the next alert begins to stand by itself',
    alerts         Array(String) COMMENT 'alerts that stand, as JSON',
    stored_at      DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when it was stored (bookkeeping)',
    results        UInt32 COMMENT 'verified results that were judged',
    failures       UInt32 COMMENT 'of them failed',
    current_run    UInt32 COMMENT 'failures in a row up to the last result',
    longest_run    UInt32 COMMENT 'longest run of failures',
    last_result_at Nullable(DateTime64(3, 'UTC')) COMMENT 'test time of the last result'
)
ENGINE = {engine:ReplacingMergeTree(version)}
ORDER BY (owner, indicator)
SETTINGS index_granularity = 256
COMMENT 'Runs of failures of one indicator at a factory.';

CREATE TABLE IF NOT EXISTS switching_state {on_cluster}
(
    owner                     String COMMENT 'whose events are folded together',
    product_category          LowCardinality(String) COMMENT 'product category',
    nonconformity_class       LowCardinality(String) COMMENT 'class of nonconformity',
    version                   UInt256 COMMENT 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 8 bits count the deadlines that passed',
    records                   UInt64 COMMENT 'distinct records known of the owner (bookkeeping)',
    partition                 UInt16 COMMENT 'Kafka partition of the owner (bookkeeping)',
    next_deadline             Nullable(DateTime64(3, 'UTC')) COMMENT 'when the next alert begins to stand by itself',
    alerts                    Array(String) COMMENT 'alerts that stand, as JSON',
    stored_at                 DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when it was stored (bookkeeping)',
    severity_due              LowCardinality(String) COMMENT 'NORMAL, TIGHTENED or DISCONTINUED',
    since                     Nullable(DateTime64(3, 'UTC')) COMMENT 'event time of the last switch',
    lots                      UInt32 COMMENT 'original lots that counted',
    switches                  UInt32 COMMENT 'switches so far',
    recent_accepted           Array(UInt8) COMMENT 'acceptance of the lots in the present window, oldest first',
    not_accepted_on_tightened UInt32 COMMENT 'lots not accepted since tightened inspection began'
)
ENGINE = {engine:ReplacingMergeTree(version)}
ORDER BY (owner, product_category, nonconformity_class)
SETTINGS index_granularity = 256
COMMENT 'Severity of inspection that is due, per product category and class (ISO 2859-1).';

CREATE TABLE IF NOT EXISTS shipment_state {on_cluster}
(
    owner                String COMMENT 'whose events are folded together',
    version              UInt256 COMMENT 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 8 bits count the deadlines that passed',
    records              UInt64 COMMENT 'distinct records known of the owner (bookkeeping)',
    partition            UInt16 COMMENT 'Kafka partition of the owner (bookkeeping)',
    next_deadline        Nullable(DateTime64(3, 'UTC')) COMMENT 'when the next alert begins to stand by itself',
    alerts               Array(String) COMMENT 'alerts that stand, as JSON',
    stored_at            DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when it was stored (bookkeeping)',
    center_id            LowCardinality(String) COMMENT 'sampling center or dispatching point',
    factory_id           LowCardinality(String) COMMENT 'factory',
    cooperative_id       LowCardinality(String) COMMENT 'cooperative',
    milestone            LowCardinality(String) COMMENT 'PREPARING, IN_TRANSIT, ARRIVED or DELIVERED; empty if no event stands',
    disposition          LowCardinality(String) COMMENT 'last CBV disposition',
    order_ids            Array(String) COMMENT 'sample orders on board',
    lot_ids              Array(String) COMMENT 'lots on board',
    carrier_id           LowCardinality(String) COMMENT 'carrier',
    trade_mode           LowCardinality(String) COMMENT 'trade mode',
    declared_value_minor Nullable(Int64) COMMENT 'declared value in hundredths',
    declared_currency    LowCardinality(String) COMMENT 'ISO 4217',
    legs                 UInt16 COMMENT 'legs begun',
    first_departed_at    Nullable(DateTime64(3, 'UTC')) COMMENT 'first departure',
    departed_at          Nullable(DateTime64(3, 'UTC')) COMMENT 'last departure',
    arrived_at           Nullable(DateTime64(3, 'UTC')) COMMENT 'last arrival',
    delivered_at         Nullable(DateTime64(3, 'UTC')) COMMENT 'delivery',
    expected_arrival_at  Nullable(DateTime64(3, 'UTC')) COMMENT 'arrival expected by the last event that said so',
    damaged              UInt8 COMMENT '1 if ever seen damaged',
    last_event_time      Nullable(DateTime64(3, 'UTC')) COMMENT 'last event',
    events               UInt32 COMMENT 'events that stand'
)
ENGINE = {engine:ReplacingMergeTree(version)}
ORDER BY (owner)
SETTINGS index_granularity = 256
COMMENT 'State of each shipment.';

-- Alerts, with their outbox, and dead letters.

CREATE TABLE IF NOT EXISTS alerts {on_cluster}
(
    kind             LowCardinality(String) COMMENT 'processor that keeps it',
    owner            String COMMENT 'whose events made it true',
    alert_id         String COMMENT 'derived from the rule and its business subject',
    version          UInt256 COMMENT 'version of the state in which it was judged, and whether it was published',
    partition        UInt16 COMMENT 'Kafka partition of the owner (bookkeeping)',
    subject_table    LowCardinality(String) COMMENT 'state table in which it is judged',
    subject_key      Array(String) COMMENT 'key of the state row below the owner',
    revision         UInt64 COMMENT 'revision published',
    status           LowCardinality(String) COMMENT 'RAISED, UPDATED or WITHDRAWN',
    published        UInt8 COMMENT '1 once Kafka acknowledged it (bookkeeping)',
    historic         UInt8 COMMENT '1 if it was older than 48 h when first seen, and so not sent to anybody (bookkeeping)',
    rule             LowCardinality(String) COMMENT 'rule',
    severity         LowCardinality(String) COMMENT 'MINOR, MAJOR or CRITICAL',
    occurred_at      DateTime64(3, 'UTC') COMMENT 'when it became true',
    cooperative_id   LowCardinality(String) COMMENT 'cooperative',
    center_id        LowCardinality(String) COMMENT 'center',
    factory_id       LowCardinality(String) COMMENT 'factory that it is for',
    product_category LowCardinality(String) COMMENT 'product category',
    subject          String COMMENT 'business subject',
    text_zh          String COMMENT 'one sentence in Chinese',
    text_en          String COMMENT 'one sentence in English',
    replaces         String COMMENT 'alert whose place it takes, when a run moved (history)',
    content          String COMMENT 'the whole alert as JSON: evidence, lots, style, order',
    stored_at        DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when it was stored (bookkeeping)'
)
ENGINE = {engine:ReplacingMergeTree(version)}
ORDER BY (kind, owner, alert_id)
SETTINGS index_granularity = 256
COMMENT 'Quality alerts: the last revision of each. Unpublished rows are the outbox.';

CREATE TABLE IF NOT EXISTS dead_letters {on_cluster}
(
    topic       LowCardinality(String) COMMENT 'topic it came from',
    partition   Int32 COMMENT 'partition',
    offset      Int64 COMMENT 'offset',
    reason      LowCardinality(String) COMMENT 'undecodable, contract, not_judged or processing_failed',
    field       String COMMENT 'field that is wrong, if one is',
    detail      String COMMENT 'what is wrong',
    schema_id   Nullable(UInt32) COMMENT 'schema id in the framing, if there is one',
    key         Nullable(String) COMMENT 'Kafka key',
    value       Nullable(String) COMMENT 'Kafka value, byte for byte; null for a tombstone',
    received_at DateTime64(3, 'UTC') COMMENT 'time stamp of the broker',
    stored_at   DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when it was stored'
)
ENGINE = {engine:ReplacingMergeTree(stored_at)}
ORDER BY (topic, partition, offset, reason)
COMMENT 'Records that could not be read or judged; the bytes stand here and in the dead-letter topic.';

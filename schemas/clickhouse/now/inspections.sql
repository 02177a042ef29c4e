-- What the migrations make of inspections. Written by `weftline tables render`.

CREATE TABLE IF NOT EXISTS inspection_records {on_cluster}
(
    owner      String               COMMENT 'whose events are folded together: factory_id',
    event_time DateTime64(3, 'UTC') COMMENT 'when it happened',
    source     String               COMMENT 'who published it',
    event_id   String               COMMENT 'identity within the source',
    rank       UInt64               COMMENT 'declared erroneous * 2^63 + 1 + 62 bits of a hash of the content: decides between several contents of one identity',
    value      String               COMMENT 'the message: Confluent framing and Avro, in its plain spelling',
    stored_at  DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when a processor stored it (bookkeeping)',
    strand     String               COMMENT 'which of the owner''s events it is judged together with; empty where a former version stored it, until a rebuild'
)
ENGINE = {engine:ReplacingMergeTree()}
ORDER BY (owner, event_time, source, event_id, rank)
SETTINGS index_granularity = 256
COMMENT 'Every inspection event that was received, with all that it says, corrections included.';

CREATE TABLE IF NOT EXISTS inspection_facts {on_cluster}
(
    minute                     DateTime('UTC')               DEFAULT toStartOfMinute(event_time) COMMENT 'window of the rollup',
    center_id                  LowCardinality(String)        COMMENT 'sampling center of the event',
    owner                      String                        COMMENT 'whose events are folded together',
    event_time                 DateTime64(3, 'UTC')          COMMENT 'when it happened',
    source                     String                        COMMENT 'who published it',
    event_id                   String                        COMMENT 'identity within the source',
    rev                        UInt128                       COMMENT 'version: sum of the ranks of the records it was judged from, below the edition of the rules',
    counts                     UInt8                         COMMENT 'whether the event counts',
    judgement                  LowCardinality(String)        COMMENT 'how it was judged; the marks are listed in the domain module of the kind',
    cooperative_id             LowCardinality(String)        COMMENT 'quality cooperative',
    factory_id                 LowCardinality(String)        COMMENT 'factory',
    kind                       LowCardinality(String)        COMMENT 'kind of inspection result',
    product_category           LowCardinality(String)        COMMENT 'product category of the event',
    subject                    String                        COMMENT 'report (laboratory/number) or lot',
    verdict                    LowCardinality(String)        COMMENT 'verdict of the content of this very event: PASS, FAIL, INCOMPLETE, NOT_APPLICABLE, ACCEPTED, NOT_ACCEPTED, NOT_JUDGED',
    reports                    Int32                         COMMENT 'verified reports counted by this event, signed',
    reports_passed             Int32                         COMMENT 'of them PASS',
    reports_failed             Int32                         COMMENT 'of them FAIL',
    reports_incomplete         Int32                         COMMENT 'of them INCOMPLETE',
    reports_not_applicable     Int32                         COMMENT 'of them NOT_APPLICABLE: no standard is about such a product',
    reports_full               Int32                         COMMENT 'of them with a verdict on all that the standards require (scope FULL)',
    reports_full_passed        Int32                         COMMENT 'of those PASS',
    reports_full_failed        Int32                         COMMENT 'of those FAIL',
    item_category              Array(LowCardinality(String)) COMMENT 'product category of each item',
    item_indicator             Array(LowCardinality(String)) COMMENT 'indicator of each item',
    item_tested                Array(Int32)                  COMMENT 'tested, signed',
    item_passed                Array(Int32)                  COMMENT 'passed, signed',
    item_failed                Array(Int32)                  COMMENT 'failed, signed',
    item_incomplete            Array(Int32)                  COMMENT 'required and not tested, signed',
    item_not_detected          Array(Int32)                  COMMENT 'not detected, signed',
    lots                       Int32                         COMMENT 'original lots and parts judged by the standard''s plan, signed',
    lots_accepted              Int32                         COMMENT 'of them accepted',
    lots_not_accepted          Int32                         COMMENT 'of them not accepted',
    lots_resubmitted           Int32                         COMMENT 'resubmitted ones, judged likewise',
    lots_resubmitted_accepted  Int32                         COMMENT 'of them accepted',
    lots_not_judged            Int32                         COMMENT 'lots and parts that could not be judged; in no other count of lots',
    lots_by_agreement          Int32                         COMMENT 'lots and parts judged by a buyer''s own plan; in no other count of lots',
    lots_by_agreement_accepted Int32                         COMMENT 'of them accepted',
    units_inspected            Int32                         COMMENT 'units inspected',
    units_critical             Int32                         COMMENT 'units whose worst nonconformity is critical',
    units_major                Int32                         COMMENT 'units whose worst nonconformity is major',
    units_minor                Int32                         COMMENT 'units whose worst nonconformity is minor',
    class_name                 Array(LowCardinality(String)) COMMENT 'classes of nonconformity of the lot',
    class_accepted             Array(LowCardinality(String)) COMMENT 'yes, no or not_judged, per class',
    class_severity_used        Array(LowCardinality(String)) COMMENT 'severity of the plan used, per class',
    class_severity_due         Array(LowCardinality(String)) COMMENT 'severity that the switching rules ask for, per class',
    class_marks                Array(String)                 COMMENT 'what is odd about the plan used, comma separated, per class'
)
ENGINE = {engine:ReplacingMergeTree(rev)}
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, center_id, owner, event_time, source, event_id)
SETTINGS index_granularity = 8192, min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1
COMMENT 'One judged fact per inspection event: a report counts once, signed amounts restate it.';

CREATE TABLE IF NOT EXISTS inspection_throughput_minute {on_cluster}
(
    minute                     DateTime('UTC')        COMMENT 'start of a minute',
    center_id                  LowCardinality(String) COMMENT 'sampling center',
    version                    UInt256                COMMENT 'sum of the versions of what it was made from',
    events                     Int64                  COMMENT 'events that stand, also those that changed nothing: a step after a withdrawal, an amendment that is not in force, a status that nobody knows',
    reports                    Int64                  COMMENT 'verified reports',
    reports_passed             Int64                  COMMENT 'of them PASS',
    reports_failed             Int64                  COMMENT 'of them FAIL',
    reports_incomplete         Int64                  COMMENT 'of them INCOMPLETE',
    reports_not_applicable     Int64                  COMMENT 'of them NOT_APPLICABLE: no standard is about such a product',
    reports_full               Int64                  COMMENT 'of them with a verdict on all that the standards require (scope FULL)',
    reports_full_passed        Int64                  COMMENT 'of those PASS',
    reports_full_failed        Int64                  COMMENT 'of those FAIL',
    lots                       Int64                  COMMENT 'original lots and parts judged by the standard''s plan',
    lots_accepted              Int64                  COMMENT 'of them accepted',
    lots_not_accepted          Int64                  COMMENT 'of them not accepted',
    lots_resubmitted           Int64                  COMMENT 'resubmitted ones, judged likewise',
    lots_resubmitted_accepted  Int64                  COMMENT 'of them accepted',
    lots_not_judged            Int64                  COMMENT 'lots and parts that could not be judged; in no other count of lots',
    lots_by_agreement          Int64                  COMMENT 'lots and parts judged by a buyer''s own plan; in no other count of lots',
    lots_by_agreement_accepted Int64                  COMMENT 'of them accepted',
    units_inspected            Int64                  COMMENT 'units inspected',
    units_critical             Int64                  COMMENT 'units critical',
    units_major                Int64                  COMMENT 'units major',
    units_minor                Int64                  COMMENT 'units minor'
)
ENGINE = {engine:ReplacingMergeTree(version)}
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, center_id)
SETTINGS index_granularity = 8192, min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1
COMMENT 'Tests and lots per center and minute.';

CREATE TABLE IF NOT EXISTS inspection_throughput_hour {on_cluster}
(
    hour                       DateTime('UTC')        COMMENT 'start of an hour',
    center_id                  LowCardinality(String) COMMENT 'sampling center',
    version                    UInt256                COMMENT 'sum of the versions of what it was made from',
    events                     Int64                  COMMENT 'events that stand, also those that changed nothing: a step after a withdrawal, an amendment that is not in force, a status that nobody knows',
    reports                    Int64                  COMMENT 'verified reports',
    reports_passed             Int64                  COMMENT 'of them PASS',
    reports_failed             Int64                  COMMENT 'of them FAIL',
    reports_incomplete         Int64                  COMMENT 'of them INCOMPLETE',
    reports_not_applicable     Int64                  COMMENT 'of them NOT_APPLICABLE: no standard is about such a product',
    reports_full               Int64                  COMMENT 'of them with a verdict on all that the standards require (scope FULL)',
    reports_full_passed        Int64                  COMMENT 'of those PASS',
    reports_full_failed        Int64                  COMMENT 'of those FAIL',
    lots                       Int64                  COMMENT 'original lots and parts judged by the standard''s plan',
    lots_accepted              Int64                  COMMENT 'of them accepted',
    lots_not_accepted          Int64                  COMMENT 'of them not accepted',
    lots_resubmitted           Int64                  COMMENT 'resubmitted ones, judged likewise',
    lots_resubmitted_accepted  Int64                  COMMENT 'of them accepted',
    lots_not_judged            Int64                  COMMENT 'lots and parts that could not be judged; in no other count of lots',
    lots_by_agreement          Int64                  COMMENT 'lots and parts judged by a buyer''s own plan; in no other count of lots',
    lots_by_agreement_accepted Int64                  COMMENT 'of them accepted',
    units_inspected            Int64                  COMMENT 'units inspected',
    units_critical             Int64                  COMMENT 'units critical',
    units_major                Int64                  COMMENT 'units major',
    units_minor                Int64                  COMMENT 'units minor'
)
ENGINE = {engine:ReplacingMergeTree(version)}
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, center_id)
SETTINGS index_granularity = 8192, min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1
COMMENT 'Tests and lots per center and hour.';

CREATE TABLE IF NOT EXISTS strand_state {on_cluster}
(
    owner         String                         COMMENT 'whose events are folded together',
    strand        String                         COMMENT 'which of the factory''s events are judged together: laboratory and number of a report, or lots',
    version       UInt256                        COMMENT 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 24 bits count the deadlines that passed',
    records       UInt64                         COMMENT 'distinct records known of the owner (bookkeeping)',
    partition     UInt16                         COMMENT 'Kafka partition of the owner (bookkeeping)',
    next_deadline Nullable(DateTime64(3, 'UTC')) COMMENT 'when the next alert begins to stand by itself',
    alerts        Array(String)                  COMMENT 'alerts that stand, as JSON',
    stored_at     DateTime64(3, 'UTC')           DEFAULT now64(3) COMMENT 'when it was stored (bookkeeping)',
    ranks         UInt64                         COMMENT 'sum of the ranks of the records it was judged from, modulo 2^64 (bookkeeping)',
    tested_at     Nullable(DateTime64(3, 'UTC')) COMMENT 'when it was tested; null if it counts for nothing',
    laboratory_id LowCardinality(String)         COMMENT 'laboratory',
    report_number String                         COMMENT 'number of the report',
    indicators    Array(LowCardinality(String))  COMMENT 'indicators that passed or failed',
    failed        Array(UInt8)                   COMMENT 'of each, whether it failed',
    told          Array(String)                  COMMENT 'of each that failed, what an alert would say of it, as JSON; else empty'
)
ENGINE = {engine:ReplacingMergeTree(version)}
ORDER BY (owner, strand)
SETTINGS index_granularity = 256
COMMENT 'What each report of a factory says of runs of failures, and how much of it is known.';

CREATE TABLE IF NOT EXISTS report_state {on_cluster}
(
    owner                  String                         COMMENT 'whose events are folded together',
    laboratory_id          LowCardinality(String)         COMMENT 'laboratory',
    report_number          String                         COMMENT 'number of the report',
    version                UInt256                        COMMENT 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 24 bits count the deadlines that passed',
    records                UInt64                         COMMENT 'distinct records known of the owner (bookkeeping)',
    partition              UInt16                         COMMENT 'Kafka partition of the owner (bookkeeping)',
    next_deadline          Nullable(DateTime64(3, 'UTC')) COMMENT 'when the next alert begins to stand by itself',
    alerts                 Array(String)                  COMMENT 'alerts that stand, as JSON',
    stored_at              DateTime64(3, 'UTC')           DEFAULT now64(3) COMMENT 'when it was stored (bookkeeping)',
    center_id              LowCardinality(String)         COMMENT 'sampling center',
    cooperative_id         LowCardinality(String)         COMMENT 'cooperative',
    product_category       LowCardinality(String)         COMMENT 'product category',
    style_number           String                         COMMENT 'the factory''s style number',
    order_id               String                         COMMENT 'sample order',
    lot_ids                Array(String)                  COMMENT 'lots',
    status                 LowCardinality(String)         COMMENT 'of that amendment: SUBMITTED, VERIFIED, PUBLISHED or WITHDRAWN (VERIFIED after PUBLISHED stays PUBLISHED); empty if no event stands',
    amendment              Int32                          COMMENT 'amendment in force: the greatest that is verified; without one, the greatest that has come; -1 without content',
    latest_amendment       Int32                          COMMENT 'greatest amendment that has come, verified or not; -1 without content',
    specimen               LowCardinality(String)         COMMENT 'type of specimen',
    purpose                LowCardinality(String)         COMMENT 'why it was tested',
    payer                  LowCardinality(String)         COMMENT 'who pays',
    original_report_number String                         COMMENT 're-inspection: the report of the same laboratory whose failure led to this one',
    safety_class           LowCardinality(String)         COMMENT 'class by which it was judged: A for an infant''s product, whatever was declared; else as declared',
    verdict                LowCardinality(String)         COMMENT 'PASS, FAIL, INCOMPLETE or NOT_APPLICABLE, of what scope says; empty without content',
    scope                  LowCardinality(String)         COMMENT 'of what it is a verdict: FULL, all that the standards require of such a product and class; PARTIAL, tested_of_required of required_by_standards; empty without content',
    required_by_standards  Nullable(Int32)                COMMENT 'indicators that the standards require of such a product and class; null if none says',
    tested_of_required     Int32                          COMMENT 'of them with a result',
    counted                UInt8                          COMMENT '1 if an amendment is in force and not withdrawn',
    failed_indicators      Array(LowCardinality(String))  COMMENT 'indicators that fail',
    missing_indicators     Array(LowCardinality(String))  COMMENT 'required and without a result',
    remarks                Array(LowCardinality(String))  COMMENT 'what is odd and decides nothing, as codes',
    remarks_zh             Array(String)                  COMMENT 'the same in Chinese, with its figures',
    remarks_en             Array(String)                  COMMENT 'the same in English',
    verdict_json           String                         COMMENT 'the verdict, item by item, with clauses',
    reported_at            Nullable(DateTime64(3, 'UTC')) COMMENT 'event time of the content in force',
    tested_at              Nullable(DateTime64(3, 'UTC')) COMMENT 'when it was tested; where nobody said, event time of the content',
    verified_at            Nullable(DateTime64(3, 'UTC')) COMMENT 'verification of that amendment',
    published_at           Nullable(DateTime64(3, 'UTC')) COMMENT 'its first publication',
    withdrawn_at           Nullable(DateTime64(3, 'UTC')) COMMENT 'its withdrawal',
    events                 UInt32                         COMMENT 'events that stand, whether or not they changed anything'
)
ENGINE = {engine:ReplacingMergeTree(version)}
ORDER BY (owner, laboratory_id, report_number)
SETTINGS index_granularity = 256
COMMENT 'State of each laboratory report.';

CREATE TABLE IF NOT EXISTS lot_state {on_cluster}
(
    owner                String                         COMMENT 'whose events are folded together',
    lot_id               String                         COMMENT 'the factory''s lot number',
    version              UInt256                        COMMENT 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 24 bits count the deadlines that passed',
    records              UInt64                         COMMENT 'distinct records known of the owner (bookkeeping)',
    partition            UInt16                         COMMENT 'Kafka partition of the owner (bookkeeping)',
    next_deadline        Nullable(DateTime64(3, 'UTC')) COMMENT 'when the next alert begins to stand by itself',
    alerts               Array(String)                  COMMENT 'alerts that stand, as JSON',
    stored_at            DateTime64(3, 'UTC')           DEFAULT now64(3) COMMENT 'when it was stored (bookkeeping)',
    center_id            LowCardinality(String)         COMMENT 'sampling center',
    cooperative_id       LowCardinality(String)         COMMENT 'cooperative',
    product_category     LowCardinality(String)         COMMENT 'product category',
    style_number         String                         COMMENT 'the factory''s style number',
    order_id             String                         COMMENT 'sample order',
    lot_size             Int32                          COMMENT 'units in the lot',
    stage                LowCardinality(String)         COMMENT 'stage of the last inspection',
    original_result      LowCardinality(String)         COMMENT 'ACCEPTED, NOT_ACCEPTED, NOT_JUDGED, or empty: the worst of the original inspections of its parts and stages',
    last_result          LowCardinality(String)         COMMENT 'the same of the last inspection',
    inspections          UInt32                         COMMENT 'inspections that stand',
    resubmissions        UInt32                         COMMENT 'of them those that said so',
    not_accepted_classes Array(LowCardinality(String))  COMMENT 'classes not accepted at any inspection',
    part_ids             Array(String)                  COMMENT 'parts in which the lot was presented',
    by_agreement         UInt8                          COMMENT '1 if a buyer''s own plan judged an inspection of it',
    marks                Array(LowCardinality(String))  COMMENT 'what is odd about its inspections, as codes',
    remarks_zh           Array(String)                  COMMENT 'the same in Chinese, with the figures of both plans',
    remarks_en           Array(String)                  COMMENT 'the same in English',
    last_inspected_at    Nullable(DateTime64(3, 'UTC')) COMMENT 'last inspection'
)
ENGINE = {engine:ReplacingMergeTree(version)}
ORDER BY (owner, lot_id)
SETTINGS index_granularity = 256
COMMENT 'State of each inspected lot.';

CREATE TABLE IF NOT EXISTS run_state {on_cluster}
(
    owner          String                         COMMENT 'whose events are folded together',
    indicator      LowCardinality(String)         COMMENT 'indicator',
    version        UInt256                        COMMENT 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 24 bits count the deadlines that passed',
    records        UInt64                         COMMENT 'distinct records known of the owner (bookkeeping)',
    partition      UInt16                         COMMENT 'Kafka partition of the owner (bookkeeping)',
    next_deadline  Nullable(DateTime64(3, 'UTC')) COMMENT 'when the next alert begins to stand by itself',
    alerts         Array(String)                  COMMENT 'alerts that stand, as JSON',
    stored_at      DateTime64(3, 'UTC')           DEFAULT now64(3) COMMENT 'when it was stored (bookkeeping)',
    results        UInt32                         COMMENT 'verified results that were judged',
    failures       UInt32                         COMMENT 'of them failed',
    current_run    UInt32                         COMMENT 'failures in a row up to the last result',
    longest_run    UInt32                         COMMENT 'longest run of failures',
    last_result_at Nullable(DateTime64(3, 'UTC')) COMMENT 'test time of the last result'
)
ENGINE = {engine:ReplacingMergeTree(version)}
ORDER BY (owner, indicator)
SETTINGS index_granularity = 256
COMMENT 'Runs of failures of one indicator at a factory.';

CREATE TABLE IF NOT EXISTS switching_state {on_cluster}
(
    owner                     String                         COMMENT 'whose events are folded together',
    product_category          LowCardinality(String)         COMMENT 'product category',
    nonconformity_class       LowCardinality(String)         COMMENT 'class of nonconformity',
    version                   UInt256                        COMMENT 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 24 bits count the deadlines that passed',
    records                   UInt64                         COMMENT 'distinct records known of the owner (bookkeeping)',
    partition                 UInt16                         COMMENT 'Kafka partition of the owner (bookkeeping)',
    next_deadline             Nullable(DateTime64(3, 'UTC')) COMMENT 'when the next alert begins to stand by itself',
    alerts                    Array(String)                  COMMENT 'alerts that stand, as JSON',
    stored_at                 DateTime64(3, 'UTC')           DEFAULT now64(3) COMMENT 'when it was stored (bookkeeping)',
    severity_due              LowCardinality(String)         COMMENT 'NORMAL, TIGHTENED or DISCONTINUED',
    since                     Nullable(DateTime64(3, 'UTC')) COMMENT 'event time of the last switch',
    lots                      UInt32                         COMMENT 'original lots and parts that counted: judged by the standard''s plan, while inspection was not discontinued, and not accepted by a plan more lenient than was due',
    switches                  UInt32                         COMMENT 'switches so far',
    recent_accepted           Array(UInt8)                   COMMENT 'acceptance of the lots that are remembered, oldest first: on normal the last four at most, on tightened the present run of accepted ones',
    not_accepted_on_tightened UInt32                         COMMENT 'lots not accepted since tightened inspection began'
)
ENGINE = {engine:ReplacingMergeTree(version)}
ORDER BY (owner, product_category, nonconformity_class)
SETTINGS index_granularity = 256
COMMENT 'Severity of inspection that is due, per product category and class (ISO 2859-1).';

CREATE OR REPLACE VIEW tests_per_minute {on_cluster} AS
SELECT
    minute,
    center_id,
    events,
    reports,
    reports_passed,
    reports_failed,
    reports_incomplete,
    reports_not_applicable,
    reports_full,
    reports_full_passed,
    reports_full_failed,
    lots,
    lots_accepted,
    lots_not_accepted,
    lots_resubmitted,
    lots_resubmitted_accepted,
    lots_not_judged,
    lots_by_agreement,
    lots_by_agreement_accepted,
    units_inspected,
    units_critical,
    units_major,
    units_minor
FROM inspection_throughput_minute FINAL
WHERE events > 0
COMMENT 'Tests and lots per center and minute (UTC).';

ALTER TABLE tests_per_minute {on_cluster}
    COMMENT COLUMN minute 'start of a minute',
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

CREATE OR REPLACE VIEW tests_per_hour {on_cluster} AS
SELECT
    hour,
    center_id,
    events,
    reports,
    reports_passed,
    reports_failed,
    reports_incomplete,
    reports_not_applicable,
    reports_full,
    reports_full_passed,
    reports_full_failed,
    lots,
    lots_accepted,
    lots_not_accepted,
    lots_resubmitted,
    lots_resubmitted_accepted,
    lots_not_judged,
    lots_by_agreement,
    lots_by_agreement_accepted,
    units_inspected,
    units_critical,
    units_major,
    units_minor
FROM inspection_throughput_hour FINAL
WHERE events > 0
COMMENT 'Tests and lots per center and hour (UTC).';

ALTER TABLE tests_per_hour {on_cluster}
    COMMENT COLUMN hour 'start of an hour',
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

CREATE OR REPLACE VIEW report_results {on_cluster} AS
SELECT
    owner AS factory_id,
    tested_at,
    laboratory_id,
    report_number,
    indicators,
    failed
FROM strand_state FINAL
WHERE notEmpty(indicators)
COMMENT 'What each report of a factory counts for in runs of failures.';

ALTER TABLE report_results {on_cluster}
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN tested_at 'when it was tested; null if it counts for nothing',
    COMMENT COLUMN laboratory_id 'laboratory',
    COMMENT COLUMN report_number 'number of the report',
    COMMENT COLUMN indicators 'indicators that passed or failed',
    COMMENT COLUMN failed 'of each, whether it failed';

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

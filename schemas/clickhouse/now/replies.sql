-- What the migrations make of replies. Written by `weftline tables render`.

CREATE TABLE IF NOT EXISTS reply_records {on_cluster}
(
    owner      String               COMMENT 'whose events are folded together: factory_id',
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
COMMENT 'Every reply event that was received, with all that it says, corrections included.';

CREATE TABLE IF NOT EXISTS reply_facts {on_cluster}
(
    minute         DateTime('UTC')                DEFAULT toStartOfMinute(event_time) COMMENT 'window of the rollup',
    center_id      LowCardinality(String)         COMMENT 'sampling center of the event',
    owner          String                         COMMENT 'whose events are folded together',
    event_time     DateTime64(3, 'UTC')           COMMENT 'when it happened',
    source         String                         COMMENT 'who published it',
    event_id       String                         COMMENT 'identity within the source',
    rev            UInt128                        COMMENT 'version: sum of the ranks of the records it was judged from, below the edition of the rules',
    counts         UInt8                          COMMENT 'whether the event counts',
    judgement      LowCardinality(String)         COMMENT 'applied; of what counts zero why: no_edge (from the state in which it was this reply leads nowhere), not_forwarded (the supplier has no notification of this alert), no_such_problem, unknown_reply, superseded, declared_erroneous, not_judged',
    cooperative_id LowCardinality(String)         COMMENT 'quality cooperative',
    factory_id     LowCardinality(String)         COMMENT 'factory',
    reply          LowCardinality(String)         COMMENT 'what was said',
    alert_id       String                         COMMENT 'alert that is answered; empty if none',
    supplier_id    String                         COMMENT 'supplier whose notification is meant; empty for the factory''s own',
    problem_id     String                         COMMENT 'problem under which lots are meant; empty if none',
    target_at      Nullable(DateTime64(3, 'UTC')) COMMENT 'by when it shall be dealt with, as said here',
    replied_by     String                         COMMENT 'who said it',
    reason         String                         COMMENT 'why',
    acknowledged   UInt8                          COMMENT '1 if a notification was acknowledged',
    accepted       UInt8                          COMMENT '1 if it was accepted',
    declined       UInt8                          COMMENT '1 if it was declined',
    closed         UInt8                          COMMENT '1 if it was closed',
    forwarded      UInt8                          COMMENT '1 if it was sent to a supplier',
    lots_blocked   Int32                          COMMENT 'lots that a problem holds back from now on',
    lots_lifted    Int32                          COMMENT 'lots that a problem holds back no longer'
)
ENGINE = {engine:ReplacingMergeTree(rev)}
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, center_id, owner, event_time, source, event_id)
SETTINGS index_granularity = 8192, min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1
COMMENT 'One judged fact per reply to an alert, and per word about lots that are held back.';

CREATE TABLE IF NOT EXISTS reply_throughput_minute {on_cluster}
(
    minute       DateTime('UTC')        COMMENT 'start of a minute',
    center_id    LowCardinality(String) COMMENT 'sampling center',
    version      UInt256                COMMENT 'sum of the versions of what it was made from',
    events       Int64                  COMMENT 'replies that stand and led on',
    acknowledged Int64                  COMMENT 'notifications acknowledged',
    accepted     Int64                  COMMENT 'notifications accepted',
    declined     Int64                  COMMENT 'notifications declined',
    closed       Int64                  COMMENT 'notifications closed',
    forwarded    Int64                  COMMENT 'notifications sent to suppliers',
    lots_blocked Int64                  COMMENT 'lots held back, once for each problem',
    lots_lifted  Int64                  COMMENT 'lots set free, once for each problem'
)
ENGINE = {engine:ReplacingMergeTree(version)}
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, center_id)
SETTINGS index_granularity = 8192, min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1
COMMENT 'Answers to alerts per center and minute.';

CREATE TABLE IF NOT EXISTS reply_throughput_hour {on_cluster}
(
    hour         DateTime('UTC')        COMMENT 'start of an hour',
    center_id    LowCardinality(String) COMMENT 'sampling center',
    version      UInt256                COMMENT 'sum of the versions of what it was made from',
    events       Int64                  COMMENT 'replies that stand and led on',
    acknowledged Int64                  COMMENT 'notifications acknowledged',
    accepted     Int64                  COMMENT 'notifications accepted',
    declined     Int64                  COMMENT 'notifications declined',
    closed       Int64                  COMMENT 'notifications closed',
    forwarded    Int64                  COMMENT 'notifications sent to suppliers',
    lots_blocked Int64                  COMMENT 'lots held back, once for each problem',
    lots_lifted  Int64                  COMMENT 'lots set free, once for each problem'
)
ENGINE = {engine:ReplacingMergeTree(version)}
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, center_id)
SETTINGS index_granularity = 8192, min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1
COMMENT 'Answers to alerts per center and hour.';

CREATE TABLE IF NOT EXISTS answer_state {on_cluster}
(
    owner           String                         COMMENT 'whose events are folded together',
    alert_id        String                         COMMENT 'alert',
    receiver_id     String                         COMMENT 'who is notified: the factory, or a supplier to whom it was forwarded',
    version         UInt256                        COMMENT 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 24 bits count the deadlines that passed',
    records         UInt64                         COMMENT 'distinct records known of the owner (bookkeeping)',
    partition       UInt16                         COMMENT 'Kafka partition of the owner (bookkeeping)',
    next_deadline   Nullable(DateTime64(3, 'UTC')) COMMENT 'when the next alert begins to stand by itself',
    alerts          Array(String)                  COMMENT 'alerts that stand, as JSON',
    stored_at       DateTime64(3, 'UTC')           DEFAULT now64(3) COMMENT 'when it was stored (bookkeeping)',
    center_id       LowCardinality(String)         COMMENT 'sampling center',
    cooperative_id  LowCardinality(String)         COMMENT 'cooperative',
    state           LowCardinality(String)         COMMENT 'CREATED, SENT, RECEIVED, ACKNOWLEDGED, ACCEPTED, DECLINED, CLOSED or CANCELED; empty if no reply stands',
    tier            UInt16                         COMMENT '0 for the factory, 1 for a supplier to whom it forwarded the alert, and so on',
    sender_id       String                         COMMENT 'who forwarded it; empty for the factory''s own',
    severity        LowCardinality(String)         COMMENT 'how grave it is held to be by the last reply that said so; UNKNOWN: not said',
    target_at       Nullable(DateTime64(3, 'UTC')) COMMENT 'by when it shall be dealt with, as said last',
    acknowledged_at Nullable(DateTime64(3, 'UTC')) COMMENT 'when it was acknowledged',
    acknowledged_by String                         COMMENT 'by whom',
    decided_at      Nullable(DateTime64(3, 'UTC')) COMMENT 'when it was accepted or declined',
    decided_by      String                         COMMENT 'who accepted or declined it',
    ended_at        Nullable(DateTime64(3, 'UTC')) COMMENT 'when it was closed or canceled',
    ended_by        String                         COMMENT 'who closed or canceled it',
    reason          String                         COMMENT 'the last reason that was given',
    open_problems   Array(String)                  COMMENT 'problems that hold lots back because of the alert; of the factory''s own notification',
    replies         UInt32                         COMMENT 'replies that stand and led on',
    last_reply_at   Nullable(DateTime64(3, 'UTC')) COMMENT 'the last of them',
    marks           Array(LowCardinality(String))  COMMENT 'what is odd about other replies, each once: no_edge, not_forwarded'
)
ENGINE = {engine:ReplacingMergeTree(version)}
ORDER BY (owner, alert_id, receiver_id)
SETTINGS index_granularity = 256
COMMENT 'The answer to each alert: the factory''s, and those of suppliers to whom it was forwarded.';

CREATE TABLE IF NOT EXISTS block_state {on_cluster}
(
    owner           String                         COMMENT 'whose events are folded together',
    lot_id          String                         COMMENT 'lot',
    version         UInt256                        COMMENT 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 24 bits count the deadlines that passed',
    records         UInt64                         COMMENT 'distinct records known of the owner (bookkeeping)',
    partition       UInt16                         COMMENT 'Kafka partition of the owner (bookkeeping)',
    next_deadline   Nullable(DateTime64(3, 'UTC')) COMMENT 'when the next alert begins to stand by itself',
    alerts          Array(String)                  COMMENT 'alerts that stand, as JSON',
    stored_at       DateTime64(3, 'UTC')           DEFAULT now64(3) COMMENT 'when it was stored (bookkeeping)',
    center_id       LowCardinality(String)         COMMENT 'sampling center',
    cooperative_id  LowCardinality(String)         COMMENT 'cooperative',
    blocked         UInt8                          COMMENT '1 while at least one problem holds it back',
    problem_ids     Array(String)                  COMMENT 'problems that hold it back, by the numbers of whoever began them',
    counterpart_ids Array(String)                  COMMENT 'their numbers on the other side; several are joined by commas, empty if none is known',
    problem_reasons Array(String)                  COMMENT 'why, for each',
    lifted_ids      Array(String)                  COMMENT 'problems that hold it back no longer',
    alert_ids       Array(String)                  COMMENT 'alerts because of which it is held back',
    severity        LowCardinality(String)         COMMENT 'the gravest of its open problems; UNKNOWN: not said',
    target_at       Nullable(DateTime64(3, 'UTC')) COMMENT 'the last of their target dates',
    blocked_since   Nullable(DateTime64(3, 'UTC')) COMMENT 'since when the oldest of its open problems holds it back; null while it is free',
    lifted_at       Nullable(DateTime64(3, 'UTC')) COMMENT 'when a problem was last lifted from it'
)
ENGINE = {engine:ReplacingMergeTree(version)}
ORDER BY (owner, lot_id)
SETTINGS index_granularity = 256
COMMENT 'What holds each lot back.';

CREATE OR REPLACE VIEW answers_per_minute {on_cluster} AS
SELECT
    minute,
    center_id,
    events,
    acknowledged,
    accepted,
    declined,
    closed,
    forwarded,
    lots_blocked,
    lots_lifted
FROM reply_throughput_minute FINAL
WHERE events > 0
COMMENT 'Answers to alerts per center and minute (UTC).';

ALTER TABLE answers_per_minute {on_cluster}
    COMMENT COLUMN minute 'start of a minute',
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN events 'replies that stand and led on',
    COMMENT COLUMN acknowledged 'notifications acknowledged',
    COMMENT COLUMN accepted 'notifications accepted',
    COMMENT COLUMN declined 'notifications declined',
    COMMENT COLUMN closed 'notifications closed',
    COMMENT COLUMN forwarded 'notifications sent to suppliers',
    COMMENT COLUMN lots_blocked 'lots held back, once for each problem',
    COMMENT COLUMN lots_lifted 'lots set free, once for each problem';

CREATE OR REPLACE VIEW answers_per_hour {on_cluster} AS
SELECT
    hour,
    center_id,
    events,
    acknowledged,
    accepted,
    declined,
    closed,
    forwarded,
    lots_blocked,
    lots_lifted
FROM reply_throughput_hour FINAL
WHERE events > 0
COMMENT 'Answers to alerts per center and hour (UTC).';

ALTER TABLE answers_per_hour {on_cluster}
    COMMENT COLUMN hour 'start of an hour',
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN events 'replies that stand and led on',
    COMMENT COLUMN acknowledged 'notifications acknowledged',
    COMMENT COLUMN accepted 'notifications accepted',
    COMMENT COLUMN declined 'notifications declined',
    COMMENT COLUMN closed 'notifications closed',
    COMMENT COLUMN forwarded 'notifications sent to suppliers',
    COMMENT COLUMN lots_blocked 'lots held back, once for each problem',
    COMMENT COLUMN lots_lifted 'lots set free, once for each problem';

CREATE OR REPLACE VIEW answers_per_day {on_cluster} AS
SELECT
    toStartOfDay(hour, 'UTC') AS day,
    center_id,
    sum(events) AS events,
    sum(acknowledged) AS acknowledged,
    sum(accepted) AS accepted,
    sum(declined) AS declined,
    sum(closed) AS closed,
    sum(forwarded) AS forwarded,
    sum(lots_blocked) AS lots_blocked,
    sum(lots_lifted) AS lots_lifted
FROM reply_throughput_hour FINAL
GROUP BY day, center_id
HAVING events > 0
COMMENT 'Answers to alerts per center and day (UTC).';

ALTER TABLE answers_per_day {on_cluster}
    COMMENT COLUMN day 'start of a day (UTC)',
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN events 'replies that stand and led on',
    COMMENT COLUMN acknowledged 'notifications acknowledged',
    COMMENT COLUMN accepted 'notifications accepted',
    COMMENT COLUMN declined 'notifications declined',
    COMMENT COLUMN closed 'notifications closed',
    COMMENT COLUMN forwarded 'notifications sent to suppliers',
    COMMENT COLUMN lots_blocked 'lots held back, once for each problem',
    COMMENT COLUMN lots_lifted 'lots set free, once for each problem';

CREATE OR REPLACE VIEW answers {on_cluster} AS
SELECT
    owner AS factory_id,
    alert_id,
    receiver_id,
    center_id,
    cooperative_id,
    state,
    tier,
    sender_id,
    severity,
    target_at,
    acknowledged_at,
    acknowledged_by,
    decided_at,
    decided_by,
    ended_at,
    ended_by,
    reason,
    open_problems,
    replies,
    last_reply_at,
    marks
FROM answer_state FINAL
WHERE state != ''
COMMENT 'Answers to alerts as they stand, one for each alert and receiver. Not yet in it: alerts that nobody has answered.';

ALTER TABLE answers {on_cluster}
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN alert_id 'alert',
    COMMENT COLUMN receiver_id 'who is notified: the factory, or a supplier to whom it was forwarded',
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN cooperative_id 'cooperative',
    COMMENT COLUMN state 'CREATED, SENT, RECEIVED, ACKNOWLEDGED, ACCEPTED, DECLINED, CLOSED or CANCELED; empty if no reply stands',
    COMMENT COLUMN tier '0 for the factory, 1 for a supplier to whom it forwarded the alert, and so on',
    COMMENT COLUMN sender_id 'who forwarded it; empty for the factory''s own',
    COMMENT COLUMN severity 'how grave it is held to be by the last reply that said so; UNKNOWN: not said',
    COMMENT COLUMN target_at 'by when it shall be dealt with, as said last',
    COMMENT COLUMN acknowledged_at 'when it was acknowledged',
    COMMENT COLUMN acknowledged_by 'by whom',
    COMMENT COLUMN decided_at 'when it was accepted or declined',
    COMMENT COLUMN decided_by 'who accepted or declined it',
    COMMENT COLUMN ended_at 'when it was closed or canceled',
    COMMENT COLUMN ended_by 'who closed or canceled it',
    COMMENT COLUMN reason 'the last reason that was given',
    COMMENT COLUMN open_problems 'problems that hold lots back because of the alert; of the factory''s own notification',
    COMMENT COLUMN replies 'replies that stand and led on',
    COMMENT COLUMN last_reply_at 'the last of them',
    COMMENT COLUMN marks 'what is odd about other replies, each once: no_edge, not_forwarded';

CREATE OR REPLACE VIEW blocks {on_cluster} AS
SELECT
    owner AS factory_id,
    lot_id,
    center_id,
    cooperative_id,
    blocked,
    problem_ids,
    counterpart_ids,
    problem_reasons,
    lifted_ids,
    alert_ids,
    severity,
    target_at,
    blocked_since,
    lifted_at
FROM block_state FINAL
WHERE blocked OR notEmpty(lifted_ids)
COMMENT 'Lots that are, or were, held back by problems.';

ALTER TABLE blocks {on_cluster}
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN lot_id 'lot',
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN cooperative_id 'cooperative',
    COMMENT COLUMN blocked '1 while at least one problem holds it back',
    COMMENT COLUMN problem_ids 'problems that hold it back, by the numbers of whoever began them',
    COMMENT COLUMN counterpart_ids 'their numbers on the other side; several are joined by commas, empty if none is known',
    COMMENT COLUMN problem_reasons 'why, for each',
    COMMENT COLUMN lifted_ids 'problems that hold it back no longer',
    COMMENT COLUMN alert_ids 'alerts because of which it is held back',
    COMMENT COLUMN severity 'the gravest of its open problems; UNKNOWN: not said',
    COMMENT COLUMN target_at 'the last of their target dates',
    COMMENT COLUMN blocked_since 'since when the oldest of its open problems holds it back; null while it is free',
    COMMENT COLUMN lifted_at 'when a problem was last lifted from it';

-- How far the log is in these tables, and what was lost. The marks lie beside the tables that they are about, so that they are lost, or
-- restored older, together with them: a mark behind Kafka's committed offset says that the tables were.

CREATE TABLE IF NOT EXISTS reading_marks {on_cluster}
(
    kind       LowCardinality(String) COMMENT 'processor',
    partition  UInt16 COMMENT 'partition of its topic',
    topic_id   String COMMENT 'id that Kafka gave the topic when it was made; empty if the broker has none',
    `offset`   Int64 COMMENT 'every record of the partition below this offset is stored, or is a dead letter',
    records    UInt64 COMMENT 'how many of them were stored, as far as is known; 0 means nothing of use to compare with',
    tables     Map(LowCardinality(String), String) COMMENT 'tables of the kind, each with the id that ClickHouse gave it, as they were when the partition was taken over',
    reread_at  DateTime64(3, 'UTC') COMMENT 'the last request to read again that was heeded',
    stored_at  DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'version: the last mark holds'
)
ENGINE = {engine:ReplacingMergeTree(stored_at)}
ORDER BY (kind, partition)
COMMENT 'Up to where each partition of the log is in the tables. Written before Kafka is told.';

CREATE TABLE IF NOT EXISTS losses {on_cluster}
(
    kind       LowCardinality(String) COMMENT 'processor',
    topic      LowCardinality(String) COMMENT 'its topic',
    topic_id   String COMMENT 'id of the topic when the loss was noticed',
    partition  UInt16 COMMENT 'partition',
    what       LowCardinality(String) COMMENT 'retention: deleted before it was read; recreated: the topic was made anew; truncated: the log is shorter than what was read of it; tables: the tables lack what was read; derived: tables that are made from the records were lost',
    first      Int64 COMMENT 'first offset that it is about',
    last       Int64 COMMENT 'first offset that it is no longer about',
    detail     String COMMENT 'what happened, and what to do',
    state      LowCardinality(String) COMMENT 'open; mended: read again, or rebuilt; accepted: somebody knows',
    found_at   DateTime64(3, 'UTC') COMMENT 'when it was noticed',
    changed_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'version: the last state holds'
)
ENGINE = {engine:ReplacingMergeTree(changed_at)}
ORDER BY (kind, topic_id, partition, what, first, last)
COMMENT 'What was lost or had to be read again: one row per loss.';

CREATE TABLE IF NOT EXISTS reread_requests {on_cluster}
(
    kind      LowCardinality(String) COMMENT 'processor',
    partition UInt16 COMMENT 'partition',
    `offset`  Int64 COMMENT 'read again from here on',
    asked_at  DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'version: the last request holds'
)
ENGINE = {engine:ReplacingMergeTree(asked_at)}
ORDER BY (kind, partition)
COMMENT 'Requests of weftline reread, heeded by whoever holds the partition.';

CREATE OR REPLACE VIEW open_losses {on_cluster} AS
SELECT kind, topic, topic_id, partition, what, first, last, detail, found_at FROM losses FINAL WHERE state = 'open'
COMMENT 'Losses that nobody has mended or accepted yet (weftline losses).';

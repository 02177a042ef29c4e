-- What people did about dead letters. Nothing is deleted: a letter that was replayed or dropped stays, and is no longer open.

CREATE TABLE IF NOT EXISTS dead_letter_actions {on_cluster}
(
    topic     LowCardinality(String) COMMENT 'topic of the record',
    partition Int32 COMMENT 'partition of the record',
    offset    Int64 COMMENT 'offset of the record',
    action    LowCardinality(String) COMMENT 'replayed or dropped',
    note      String COMMENT 'why it was dropped; empty for a replay',
    acted_at  DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when'
)
ENGINE = {engine:ReplacingMergeTree()}
ORDER BY (topic, partition, offset, acted_at, action)
COMMENT 'What was done about dead letters (weftline dlq). A replayed record that fails again is a dead letter at its new offset.';

CREATE VIEW IF NOT EXISTS dead_letter_status {on_cluster} AS
SELECT
    l.topic AS topic, l.partition AS partition, l.offset AS offset, l.reason AS reason, l.field AS field, l.detail AS detail,
    l.schema_id AS schema_id, l.key AS key, l.value AS value, l.received_at AS received_at, l.stored_at AS stored_at,
    if(a.done = '', 'open', a.done) AS status, a.why AS note
FROM dead_letters AS l FINAL
LEFT JOIN
(
    SELECT topic, partition, offset, argMax(action, (acted_at, action)) AS done, argMax(note, (acted_at, action)) AS why
    FROM dead_letter_actions
    GROUP BY topic, partition, offset
) AS a ON l.topic = a.topic AND l.partition = a.partition AND l.offset = a.offset
COMMENT 'Dead letters, each open, replayed or dropped.';

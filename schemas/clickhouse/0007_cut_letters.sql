-- Dead letters that are not whole, and what a processor that died was trying.

ALTER TABLE dead_letters {on_cluster} ADD COLUMN IF NOT EXISTS cut String DEFAULT '' COMMENT 'why key and value are not, or not wholly, here; empty: they are whole';
ALTER TABLE dead_letters {on_cluster} ADD COLUMN IF NOT EXISTS size Nullable(UInt64) DEFAULT length(value) COMMENT 'bytes of the value as it came; null: none, or nobody knows';
ALTER TABLE dead_letters {on_cluster} ADD COLUMN IF NOT EXISTS sha256 String DEFAULT '' COMMENT 'SHA-256 (hexadecimal) of the first bytes of a value that is cut; empty: not known';
ALTER TABLE dead_letters {on_cluster} ADD COLUMN IF NOT EXISTS hashed UInt64 DEFAULT 0 COMMENT 'of how many bytes, counted from the first';

CREATE OR REPLACE VIEW dead_letter_status {on_cluster} AS
SELECT
    l.topic AS topic, l.partition AS partition, l.offset AS offset, l.reason AS reason, l.field AS field, l.detail AS detail,
    l.schema_id AS schema_id, l.key AS key, l.value AS value, l.received_at AS received_at, l.stored_at AS stored_at,
    if(a.done = '', 'open', a.done) AS status, a.why AS note, l.cut AS cut, l.size AS size, l.sha256 AS sha256, l.hashed AS hashed
FROM dead_letters AS l FINAL
LEFT JOIN
(
    SELECT topic, partition, offset, argMax(action, (acted_at, action)) AS done, argMax(note, (acted_at, action)) AS why
    FROM dead_letter_actions
    GROUP BY topic, partition, offset
) AS a ON l.topic = a.topic AND l.partition = a.partition AND l.offset = a.offset
COMMENT 'Dead letters, each open, replayed or dropped.';

CREATE TABLE IF NOT EXISTS processing_attempts {on_cluster}
(
    kind      LowCardinality(String) COMMENT 'processor: orders, inspections or logistics',
    partition UInt16 COMMENT 'partition of its topic',
    first     Int64 COMMENT 'offset of the first record of what was tried',
    last      Int64 COMMENT 'offset of the last',
    times     UInt32 COMMENT 'how often in a row a worker began with these and did not live to store them; 0: they are through',
    tried_at  DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'when it began, or ended'
)
ENGINE = {engine:ReplacingMergeTree(tried_at)}
ORDER BY (kind, partition)
COMMENT 'What each partition was last seen at: how a worker learns which records its predecessor died of.';

-- Who may publish for whom, and what was refused because nobody had granted it.

CREATE TABLE IF NOT EXISTS publisher_grants {on_cluster}
(
    publisher_id String COMMENT 'publisher, as the reference data call it',
    public_key   String COMMENT 'Ed25519 public key in base64url, or unsigned: whoever speaks for these sources need not sign',
    valid_from   Date COMMENT 'it holds for events that happened on this day (UTC) or later',
    valid_until  Nullable(Date) COMMENT 'and before this day; null: without end',
    revoked_from Nullable(DateTime64(3, 'UTC')) COMMENT 'what the broker took from then on is refused; null: not revoked',
    sources      Array(String) COMMENT 'sources for which it may speak; a * at the end stands for all that begin so',
    centers      Array(String) COMMENT 'sampling centers, likewise',
    cooperatives Array(String) COMMENT 'cooperatives, likewise',
    laboratories Array(String) COMMENT 'laboratories, likewise',
    source       String COMMENT 'who said so',
    loaded_at    DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when it was loaded'
)
ENGINE = {engine:ReplacingMergeTree(loaded_at)}
ORDER BY (publisher_id, public_key, valid_from)
COMMENT 'Which key may speak for which source, center, cooperative and laboratory (weftline reference).';

CREATE TABLE IF NOT EXISTS dead_letter_signatures {on_cluster}
(
    topic     LowCardinality(String) COMMENT 'topic of the record',
    partition Int32 COMMENT 'partition of the record',
    offset    Int64 COMMENT 'offset of the record',
    signature String COMMENT 'its header weftline_signature, byte for byte'
)
ENGINE = {engine:ReplacingMergeTree()}
ORDER BY (topic, partition, offset)
COMMENT 'Signatures of dead letters, with which they are replayed.';

CREATE VIEW IF NOT EXISTS not_allowed {on_cluster} AS
SELECT l.topic AS topic, l.partition AS partition, l.offset AS offset, l.received_at AS received_at, l.status AS status,
    l.field AS field, l.detail AS detail, splitByChar('.', s.signature)[1] AS public_key
FROM dead_letter_status AS l
LEFT JOIN dead_letter_signatures AS s FINAL ON l.topic = s.topic AND l.partition = s.partition AND l.offset = s.offset
WHERE l.reason = 'not_allowed'
COMMENT 'Records that were refused because whoever published them may not speak for whom they name. They count nowhere.';

-- Who published and who read what over the gateway.

CREATE TABLE IF NOT EXISTS partner_log {on_cluster}
(
    at         DateTime64(3, 'UTC') COMMENT 'when the request came, by the clock of the gateway',
    entry_id   String COMMENT 'id of the entry: an entry that was written twice is one row',
    partner_id String COMMENT 'who asked, as `weftline partner` calls him',
    token_id   String COMMENT 'by which of his tokens he was known; no secret',
    address    String COMMENT 'address from which the request came',
    method     LowCardinality(String) COMMENT 'method of the request',
    asked      String COMMENT 'path and query: what was read, or where was published',
    status     UInt16 COMMENT 'what was answered (HTTP)',
    events     UInt32 COMMENT 'events that were acknowledged to a publisher'
)
ENGINE = {engine:ReplacingMergeTree()}
PARTITION BY toYYYYMM(at)
ORDER BY (partner_id, at, entry_id)
COMMENT 'Audit log of the HTTP gateway: one row for each request of a partner (weftline partner log).';

-- What the columns of partners' spreadsheets mean, for whoever sends them to the gateway.

CREATE TABLE IF NOT EXISTS partner_mappings {on_cluster}
(
    partner_id String COMMENT 'whose it is',
    name       String COMMENT 'what the partner calls it',
    mapping    String COMMENT 'the mapping, as `weftline map init` writes one (YAML)',
    digest     String COMMENT 'SHA-256 of it, hexadecimal',
    changed_at DateTime64(3, 'UTC') COMMENT 'when this was said'
)
ENGINE = {engine:ReplacingMergeTree(changed_at)}
ORDER BY (partner_id, name)
COMMENT 'Mappings of spreadsheets, by partner (PUT /v1/mappings).';

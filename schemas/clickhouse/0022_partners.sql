-- Who uses the HTTP gateway: partners, what each may say and see, and the hashes of their tokens.

CREATE TABLE IF NOT EXISTS partners {on_cluster}
(
    partner_id   String COMMENT 'partner, as `weftline partner` calls it',
    role         LowCardinality(String) COMMENT 'center: publishes as itself; factory: reads its own alerts; officer: those of its cooperatives; operator: all',
    sources      Array(String) COMMENT 'sources as which it publishes; a * at the end stands for all that begin so',
    centers      Array(String) COMMENT 'sampling centers, likewise',
    cooperatives Array(String) COMMENT 'cooperatives: as which a center publishes, of which an officer reads',
    laboratories Array(String) COMMENT 'laboratories as which it publishes',
    factories    Array(String) COMMENT 'factories whose alerts it reads',
    per_minute   UInt32 COMMENT 'requests, or events published, that it may send a minute',
    disabled     UInt8 COMMENT '1: none of its tokens is taken',
    changed_at   DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when this was said'
)
ENGINE = {engine:ReplacingMergeTree(changed_at)}
ORDER BY (partner_id)
COMMENT 'Partners of the HTTP gateway, and what each may say and see (weftline partner).';

CREATE TABLE IF NOT EXISTS partner_tokens {on_cluster}
(
    partner_id String COMMENT 'whose it is',
    token_id   String COMMENT 'name of the token, which it begins with; no secret',
    digest     String COMMENT 'SHA-256 of the token, hexadecimal; the token itself, 256 random bits, is nowhere',
    made_at    DateTime64(3, 'UTC') COMMENT 'when it was made',
    expires_at Nullable(DateTime64(3, 'UTC')) COMMENT 'it is not taken from then on; null: without end',
    revoked_at Nullable(DateTime64(3, 'UTC')) COMMENT 'nor from then on: another took its place; null: it stands',
    changed_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when this was said'
)
ENGINE = {engine:ReplacingMergeTree(changed_at)}
ORDER BY (partner_id, token_id)
COMMENT 'Tokens of partners, as hashes.';

CREATE TABLE IF NOT EXISTS partner_uses {on_cluster}
(
    token_id String COMMENT 'token',
    used_at  DateTime64(3, 'UTC') COMMENT 'when it was last taken, to about a minute (bookkeeping)'
)
ENGINE = {engine:ReplacingMergeTree(used_at)}
ORDER BY (token_id)
COMMENT 'When each token was last taken.';

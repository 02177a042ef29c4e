-- Webhooks that partners register with the gateway, and what became of each delivery to them.

CREATE TABLE IF NOT EXISTS partner_webhooks {on_cluster}
(
    partner_id String COMMENT 'whose it is: it is told of the alerts of this partner and of nobody else',
    webhook_id String COMMENT 'webhook, as the gateway called it when it was registered',
    url        String COMMENT 'address to which alerts are posted',
    severities Array(String) COMMENT 'severities of which it is told; empty: all',
    rules      Array(String) COMMENT 'rules of which it is told; empty: all',
    generation UInt32 COMMENT 'which of its secrets signs; the secret itself is made of the key of links and is nowhere',
    key_id     String COMMENT 'tells of which key of links its secret was made when it was last shown; no secret',
    made_at    DateTime64(3, 'UTC') COMMENT 'when it was registered',
    rotated_at Nullable(DateTime64(3, 'UTC')) COMMENT 'when this generation took the place of the one before, which signs too for a day; null: it is the first',
    removed    UInt8 COMMENT '1: nothing is sent to it any more',
    changed_at DateTime64(3, 'UTC') COMMENT 'when this was said'
)
ENGINE = {engine:ReplacingMergeTree(changed_at)}
ORDER BY (partner_id, webhook_id)
COMMENT 'Webhooks of partners (POST /v1/webhooks).';

CREATE TABLE IF NOT EXISTS partner_deliveries {on_cluster}
(
    webhook_id String COMMENT 'webhook',
    alert_id   String COMMENT 'alert, or the name of a message of the dispatcher itself',
    revision   UInt64 COMMENT 'its revision',
    state      LowCardinality(String) COMMENT 'waiting, sent, parked or superseded, as `weftline notify list` has it',
    attempts   UInt32 COMMENT 'how often it was tried',
    arrived_at DateTime64(3, 'UTC') COMMENT 'when the dispatcher read it',
    last_at    Nullable(DateTime64(3, 'UTC')) COMMENT 'when it was last tried; null: never',
    next_at    Nullable(DateTime64(3, 'UTC')) COMMENT 'when it is tried again at the earliest; null: it does not wait',
    answer     String COMMENT 'what came of it last',
    changed_at DateTime64(3, 'UTC') COMMENT 'when this was said'
)
ENGINE = {engine:ReplacingMergeTree(changed_at)}
ORDER BY (webhook_id, alert_id, revision)
COMMENT 'What became of each delivery to a webhook of a partner, some seconds after the dispatcher knows it.';

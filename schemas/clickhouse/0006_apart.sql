-- Owners whose history is too large to be folded within a step: what is stored of them, and what a fold apart has seen.

CREATE TABLE IF NOT EXISTS owners_apart {on_cluster}
(
    kind      LowCardinality(String) COMMENT 'orders, inspections or logistics',
    owner     String COMMENT 'whose events are folded together',
    partition SimpleAggregateFunction(max, UInt16) COMMENT 'Kafka partition of the owner',
    stored    SimpleAggregateFunction(max, UInt64) COMMENT 'distinct records that were stored when the owner was last met',
    folded    SimpleAggregateFunction(max, UInt64) COMMENT 'distinct records that the last complete fold has seen; below stored: it waits to be folded',
    folded_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'when that fold began, by the clock of the server'
)
ENGINE = {engine:AggregatingMergeTree()}
ORDER BY (kind, owner)
COMMENT 'Owners that are folded apart from the steps of their processor, and how far that has come (bookkeeping).';

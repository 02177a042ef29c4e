-- What publishers should mend: one identity under which several things were said, also of two orders, factories or shipments; and a
-- declaration that an event is erroneous where there is no such event.

-- Found by hashes, so that a group takes 40 bytes and not the names: of ten million events few are in conflict.
CREATE OR REPLACE VIEW identity_conflicts {on_cluster} AS
SELECT 'orders' AS kind, owners[1] AS owner, source, event_id, groupUniqArray(event_time) AS event_times,
    uniqExactIf((order_records.owner, event_time, rank), rank < 9223372036854775808) AS contents, arraySort(groupUniqArray(order_records.owner)) AS owners
FROM order_records
WHERE sipHash64(source, event_id) IN
(
    SELECT sipHash64(source, event_id) FROM order_records GROUP BY 1
    HAVING min(sipHash64(owner, event_time)) != max(sipHash64(owner, event_time)) OR minIf(rank, rank < 9223372036854775808) != maxIf(rank, rank < 9223372036854775808)
)
GROUP BY source, event_id
HAVING contents > 1 OR length(event_times) > 1 OR length(owners) > 1
UNION ALL
SELECT 'inspections' AS kind, owners[1] AS owner, source, event_id, groupUniqArray(event_time) AS event_times,
    uniqExactIf((inspection_records.owner, event_time, rank), rank < 9223372036854775808) AS contents, arraySort(groupUniqArray(inspection_records.owner)) AS owners
FROM inspection_records
WHERE sipHash64(source, event_id) IN
(
    SELECT sipHash64(source, event_id) FROM inspection_records GROUP BY 1
    HAVING min(sipHash64(owner, event_time)) != max(sipHash64(owner, event_time)) OR minIf(rank, rank < 9223372036854775808) != maxIf(rank, rank < 9223372036854775808)
)
GROUP BY source, event_id
HAVING contents > 1 OR length(event_times) > 1 OR length(owners) > 1
UNION ALL
SELECT 'logistics' AS kind, owners[1] AS owner, source, event_id, groupUniqArray(event_time) AS event_times,
    uniqExactIf((logistics_records.owner, event_time, rank), rank < 9223372036854775808) AS contents, arraySort(groupUniqArray(logistics_records.owner)) AS owners
FROM logistics_records
WHERE sipHash64(source, event_id) IN
(
    SELECT sipHash64(source, event_id) FROM logistics_records GROUP BY 1
    HAVING min(sipHash64(owner, event_time)) != max(sipHash64(owner, event_time)) OR minIf(rank, rank < 9223372036854775808) != maxIf(rank, rank < 9223372036854775808)
)
GROUP BY source, event_id
HAVING contents > 1 OR length(event_times) > 1 OR length(owners) > 1
COMMENT 'Identities under which a source published several contents, or the same of several owners: its fault. Of one owner the greatest rank stands, of several event times the earliest that is not declared erroneous; of several owners each stands for itself. A declaration beside its event is no conflict.';

CREATE OR REPLACE VIEW unmatched_declarations {on_cluster} AS
SELECT 'orders' AS kind, owner, source, event_id, declared AS event_time, if(empty(events), 'NO_EVENT', 'OTHER_TIME') AS what,
    arraySort(events) AS event_times, declared_since AS since
FROM
(
    SELECT owner, source, event_id, groupUniqArrayIf(event_time, rank >= 9223372036854775808) AS declarations,
        groupUniqArrayIf(event_time, rank < 9223372036854775808) AS events, minIf(stored_at, rank >= 9223372036854775808) AS declared_since
    FROM order_records
    WHERE (owner, source, event_id) IN (SELECT owner, source, event_id FROM order_records WHERE rank >= 9223372036854775808)
    GROUP BY owner, source, event_id
)
ARRAY JOIN declarations AS declared
WHERE NOT has(events, declared)
UNION ALL
SELECT 'inspections' AS kind, owner, source, event_id, declared AS event_time, if(empty(events), 'NO_EVENT', 'OTHER_TIME') AS what,
    arraySort(events) AS event_times, declared_since AS since
FROM
(
    SELECT owner, source, event_id, groupUniqArrayIf(event_time, rank >= 9223372036854775808) AS declarations,
        groupUniqArrayIf(event_time, rank < 9223372036854775808) AS events, minIf(stored_at, rank >= 9223372036854775808) AS declared_since
    FROM inspection_records
    WHERE (owner, source, event_id) IN (SELECT owner, source, event_id FROM inspection_records WHERE rank >= 9223372036854775808)
    GROUP BY owner, source, event_id
)
ARRAY JOIN declarations AS declared
WHERE NOT has(events, declared)
UNION ALL
SELECT 'logistics' AS kind, owner, source, event_id, declared AS event_time, if(empty(events), 'NO_EVENT', 'OTHER_TIME') AS what,
    arraySort(events) AS event_times, declared_since AS since
FROM
(
    SELECT owner, source, event_id, groupUniqArrayIf(event_time, rank >= 9223372036854775808) AS declarations,
        groupUniqArrayIf(event_time, rank < 9223372036854775808) AS events, minIf(stored_at, rank >= 9223372036854775808) AS declared_since
    FROM logistics_records
    WHERE (owner, source, event_id) IN (SELECT owner, source, event_id FROM logistics_records WHERE rank >= 9223372036854775808)
    GROUP BY owner, source, event_id
)
ARRAY JOIN declarations AS declared
WHERE NOT has(events, declared)
COMMENT 'Events that were declared erroneous and are not there, or are there with another event time: the declaration changes nothing. One that came before its event goes away when the event comes. weftline retract makes the right one.';

ALTER TABLE identity_conflicts {on_cluster}
    COMMENT COLUMN kind 'orders, inspections or logistics',
    COMMENT COLUMN owner 'whose events made it true; of several the first',
    COMMENT COLUMN source 'who published it',
    COMMENT COLUMN event_id 'identity within the source',
    COMMENT COLUMN event_times 'event times under the identity',
    COMMENT COLUMN contents 'contents that are not declared erroneous',
    COMMENT COLUMN owners 'all whose events carry it: orders with their center, factories, shipments';

ALTER TABLE unmatched_declarations {on_cluster}
    COMMENT COLUMN kind 'orders, inspections or logistics',
    COMMENT COLUMN owner 'order with its center, factory, or shipment that the declaration names',
    COMMENT COLUMN source 'who published it',
    COMMENT COLUMN event_id 'identity of the event that is meant',
    COMMENT COLUMN event_time 'its time, as the declaration says',
    COMMENT COLUMN what 'NO_EVENT: nothing of this owner has the identity; OTHER_TIME: it happened at another time',
    COMMENT COLUMN event_times 'the times at which events of that identity happened',
    COMMENT COLUMN since 'when the declaration was first stored';

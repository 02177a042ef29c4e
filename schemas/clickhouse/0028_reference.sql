-- Reference data beyond centers and factories: cooperatives, what a center can do per resource, products, contacts, and what a source
-- calls somebody. All hold from a day on; they enrich reads and take part in no fold.

CREATE TABLE IF NOT EXISTS cooperative_reference {on_cluster}
(
    cooperative_id String COMMENT 'quality cooperative, as in its events',
    valid_from     Date COMMENT 'from when on it holds',
    name_zh        String COMMENT 'name in Chinese',
    name_en        String COMMENT 'name in English',
    source         String COMMENT 'who said so',
    loaded_at      DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when it was loaded'
)
ENGINE = {engine:ReplacingMergeTree(loaded_at)}
ORDER BY (cooperative_id, valid_from)
COMMENT 'Quality cooperatives: names, by validity date (weftline reference).';

CREATE TABLE IF NOT EXISTS product_reference {on_cluster}
(
    factory_id       String COMMENT 'factory whose product it is',
    style_number     String COMMENT 'style, as in its events',
    valid_from       Date COMMENT 'from when on it holds',
    product_category String COMMENT 'category; empty if nobody said',
    name_zh          String COMMENT 'name in Chinese',
    name_en          String COMMENT 'name in English',
    source           String COMMENT 'who said so',
    loaded_at        DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when it was loaded'
)
ENGINE = {engine:ReplacingMergeTree(loaded_at)}
ORDER BY (factory_id, style_number, valid_from)
COMMENT 'Products of factories: names and category, by validity date (weftline reference).';

CREATE TABLE IF NOT EXISTS contact_reference {on_cluster}
(
    factory_id     String COMMENT 'factory whose contact it is; empty: of another party',
    cooperative_id String COMMENT 'cooperative whose contact it is; empty: of another party',
    center_id      String COMMENT 'sampling center whose contact it is; empty: of another party',
    contact        LowCardinality(String) COMMENT 'first: called at once; second: if the first does not answer',
    valid_from     Date COMMENT 'from when on it holds',
    receiver       String COMMENT 'receiver of `weftline notify` by which the contact is reached; empty: nobody any more',
    name           String COMMENT 'what is shown: an office rather than a person',
    source         String COMMENT 'who said so',
    loaded_at      DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when it was loaded'
)
ENGINE = {engine:ReplacingMergeTree(loaded_at)}
ORDER BY (factory_id, cooperative_id, center_id, contact, valid_from)
COMMENT 'Who of a party is called, by validity date (weftline reference).';

CREATE TABLE IF NOT EXISTS alias_reference {on_cluster}
(
    kind       LowCardinality(String) COMMENT 'cooperative, center or factory',
    used_by    String COMMENT 'source whose events say it',
    alias      String COMMENT 'what they say',
    valid_from Date COMMENT 'from when on it holds',
    id         String COMMENT 'party that is meant; empty: none any more',
    source     String COMMENT 'who said so',
    loaded_at  DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when it was loaded'
)
ENGINE = {engine:ReplacingMergeTree(loaded_at)}
ORDER BY (kind, used_by, alias, valid_from)
COMMENT 'What a source of events calls a party, by validity date (weftline reference).';

ALTER TABLE center_reference {on_cluster}
    ADD COLUMN IF NOT EXISTS capacity Map(String, Float64) COMMENT 'resource to sample rounds that it can take on a working day; empty if nobody said' AFTER live_from;

CREATE OR REPLACE VIEW centers {on_cluster} AS
SELECT center_id, argMax(cooperative_id, valid_from) AS cooperative_id, argMax(name_zh, valid_from) AS name_zh,
    argMax(name_en, valid_from) AS name_en, tupleElement(argMax(tuple(rounds_per_day), valid_from), 1) AS rounds_per_day,
    any(went_live) AS live_from, argMax(capacity, valid_from) AS capacity
FROM
(
    SELECT center_id, valid_from, cooperative_id, name_zh, name_en, rounds_per_day, capacity,
        argMax(live_from, valid_from) OVER (PARTITION BY center_id) AS went_live
    FROM center_reference FINAL
)
WHERE valid_from <= today()
GROUP BY center_id
COMMENT 'Sampling centers as reference data describe them today.';

ALTER TABLE centers {on_cluster}
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN cooperative_id 'quality cooperative; empty if it serves several',
    COMMENT COLUMN name_zh 'name in Chinese',
    COMMENT COLUMN name_en 'name in English',
    COMMENT COLUMN rounds_per_day 'sample rounds that it can finish on a working day; null if nobody said',
    COMMENT COLUMN live_from 'when it went live: nobody is told of what happened before; null if nobody said, then all is told',
    COMMENT COLUMN capacity 'resource to sample rounds that it can take on a working day; empty if nobody said';

CREATE OR REPLACE VIEW cooperatives {on_cluster} AS
SELECT cooperative_id, argMax(name_zh, valid_from) AS name_zh, argMax(name_en, valid_from) AS name_en
FROM cooperative_reference FINAL
WHERE valid_from <= today()
GROUP BY cooperative_id
COMMENT 'Quality cooperatives as reference data describe them today.';

ALTER TABLE cooperatives {on_cluster}
    COMMENT COLUMN cooperative_id 'quality cooperative',
    COMMENT COLUMN name_zh 'name in Chinese',
    COMMENT COLUMN name_en 'name in English';

CREATE OR REPLACE VIEW products {on_cluster} AS
SELECT factory_id, style_number, argMax(product_category, valid_from) AS product_category, argMax(name_zh, valid_from) AS name_zh,
    argMax(name_en, valid_from) AS name_en
FROM product_reference FINAL
WHERE valid_from <= today()
GROUP BY factory_id, style_number
COMMENT 'Products of factories as reference data describe them today.';

ALTER TABLE products {on_cluster}
    COMMENT COLUMN factory_id 'factory',
    COMMENT COLUMN style_number 'style, as in its events',
    COMMENT COLUMN product_category 'category; empty if nobody said',
    COMMENT COLUMN name_zh 'name in Chinese',
    COMMENT COLUMN name_en 'name in English';

CREATE OR REPLACE VIEW contacts {on_cluster} AS
SELECT factory_id, cooperative_id, center_id, contact, argMax(receiver, valid_from) AS reached_by, argMax(name, valid_from) AS called
FROM contact_reference FINAL
WHERE valid_from <= today()
GROUP BY factory_id, cooperative_id, center_id, contact
HAVING reached_by != ''
COMMENT 'Contacts of factories, cooperatives and centers as reference data have them today.';

ALTER TABLE contacts {on_cluster}
    COMMENT COLUMN factory_id 'factory whose contact it is; empty: of another party',
    COMMENT COLUMN cooperative_id 'cooperative whose contact it is; empty: of another party',
    COMMENT COLUMN center_id 'sampling center whose contact it is; empty: of another party',
    COMMENT COLUMN contact 'first: called at once; second: if the first does not answer',
    COMMENT COLUMN reached_by 'receiver of `weftline notify` by which the contact is reached',
    COMMENT COLUMN called 'what is shown: an office rather than a person';

CREATE OR REPLACE VIEW aliases {on_cluster} AS
SELECT kind, used_by, alias, argMax(id, valid_from) AS party
FROM alias_reference FINAL
WHERE valid_from <= today()
GROUP BY kind, used_by, alias
HAVING party != ''
COMMENT 'What sources of events call parties, as reference data have it today.';

ALTER TABLE aliases {on_cluster}
    COMMENT COLUMN kind 'cooperative, center or factory',
    COMMENT COLUMN used_by 'source whose events say it',
    COMMENT COLUMN alias 'what they say',
    COMMENT COLUMN party 'party that is meant';

-- What an entry says on the day of the event, not today: a factory that left its cooperative was a member when its goods failed.
CREATE OR REPLACE VIEW named_events {on_cluster} AS
SELECT e.kind AS kind, e.event_time AS event_time, e.source AS source, e.event_id AS event_id, e.counts AS counts,
    e.center_id AS center_id, e.center AS center, c.name_zh AS center_zh, c.name_en AS center_en,
    e.factory_id AS factory_id, e.factory AS factory, f.name_zh AS factory_zh, f.name_en AS factory_en, f.cooperative_id AS member_of
FROM
(
    SELECT x.*, if(a.id = '', x.factory_id, a.id) AS factory
    FROM
    (
        SELECT y.*, if(b.id = '', y.center_id, b.id) AS center
        FROM
        (
            SELECT 'orders' AS kind, toDate(event_time) AS day, event_time, source, event_id, counts, center_id, factory_id FROM order_facts FINAL
            UNION ALL SELECT 'inspections', toDate(event_time), event_time, source, event_id, counts, center_id, factory_id FROM inspection_facts FINAL
            UNION ALL SELECT 'logistics', toDate(event_time), event_time, source, event_id, counts, center_id, factory_id FROM logistics_facts FINAL
            UNION ALL SELECT 'replies', toDate(event_time), event_time, source, event_id, counts, center_id, factory_id FROM reply_facts FINAL
            UNION ALL SELECT 'cooperative', toDate(event_time), event_time, source, event_id, counts, center_id, factory_id FROM cooperative_facts FINAL
        ) AS y
        ASOF LEFT JOIN (SELECT used_by, alias, valid_from, id FROM alias_reference FINAL WHERE kind = 'center') AS b
            ON y.source = b.used_by AND y.center_id = b.alias AND y.day >= b.valid_from
    ) AS x
    ASOF LEFT JOIN (SELECT used_by, alias, valid_from, id FROM alias_reference FINAL WHERE kind = 'factory') AS a
        ON x.source = a.used_by AND x.factory_id = a.alias AND x.day >= a.valid_from
) AS e
ASOF LEFT JOIN (SELECT center_id, valid_from, name_zh, name_en FROM center_reference FINAL) AS c
    ON e.center = c.center_id AND e.day >= c.valid_from
ASOF LEFT JOIN (SELECT factory_id, valid_from, name_zh, name_en, cooperative_id FROM factory_reference FINAL) AS f
    ON e.factory = f.factory_id AND e.day >= f.valid_from
COMMENT 'Events with who their parties were on the day (UTC) on which it happened, by the reference data; in names that nobody knows nothing.';

ALTER TABLE named_events {on_cluster}
    COMMENT COLUMN kind 'orders, inspections, logistics, replies or cooperative',
    COMMENT COLUMN event_time 'when it happened',
    COMMENT COLUMN source 'who published it',
    COMMENT COLUMN event_id 'its identity, within the source',
    COMMENT COLUMN counts '1 if it counts',
    COMMENT COLUMN center_id 'sampling center, as the event names it',
    COMMENT COLUMN center 'the same, by its own id where the source has an alias for it',
    COMMENT COLUMN center_zh 'name of the center on that day, in Chinese; empty if nobody knows it',
    COMMENT COLUMN center_en 'name of the center on that day, in English',
    COMMENT COLUMN factory_id 'factory, as the event names it',
    COMMENT COLUMN factory 'the same, by its own id where the source has an alias for it',
    COMMENT COLUMN factory_zh 'name of the factory on that day, in Chinese; empty if nobody knows it',
    COMMENT COLUMN factory_en 'name of the factory on that day, in English',
    COMMENT COLUMN member_of 'cooperative of which the factory was a member on that day; empty: of none, or nobody knows';

-- Written by `weftline tables render --migration cooperative`.

CREATE TABLE IF NOT EXISTS cooperative_records {on_cluster}
(
    owner      String               COMMENT 'whose events are folded together: cooperative_id|factory_id',
    event_time DateTime64(3, 'UTC') COMMENT 'when it happened',
    source     String               COMMENT 'who published it',
    event_id   String               COMMENT 'identity within the source',
    rank       UInt64               COMMENT 'declared erroneous * 2^63 + 1 + 62 bits of a hash of the content: decides between several contents of one identity',
    value      String               COMMENT 'the message: Confluent framing and Avro, in its plain spelling',
    stored_at  DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when a processor stored it (bookkeeping)'
)
ENGINE = {engine:ReplacingMergeTree()}
ORDER BY (owner, event_time, source, event_id, rank)
SETTINGS index_granularity = 256
COMMENT 'Every cooperative event that was received, with all that it says, corrections included.';

CREATE TABLE IF NOT EXISTS cooperative_facts {on_cluster}
(
    minute               DateTime('UTC')        DEFAULT toStartOfMinute(event_time) COMMENT 'window of the rollup',
    center_id            LowCardinality(String) COMMENT 'sampling center of the event',
    owner                String                 COMMENT 'whose events are folded together',
    event_time           DateTime64(3, 'UTC')   COMMENT 'when it happened',
    source               String                 COMMENT 'who published it',
    event_id             String                 COMMENT 'identity within the source',
    rev                  UInt128                COMMENT 'version: sum of the ranks of the records it was judged from, below the edition of the rules',
    counts               UInt8                  COMMENT 'whether the event counts',
    judgement            LowCardinality(String) COMMENT 'applied, out_of_step (the step before it was not told; it applies), repeated; of what counts zero why: after_end, unknown_step, superseded, declared_erroneous, not_judged',
    cooperative_id       LowCardinality(String) COMMENT 'quality cooperative',
    factory_id           LowCardinality(String) COMMENT 'member; of what is the cooperative''s own, the cooperative',
    kind                 LowCardinality(String) COMMENT 'kind of matter',
    step                 LowCardinality(String) COMMENT 'what happened in it',
    matter_id            String                 COMMENT 'the matter among those of its kind; empty for the membership',
    joined               Int32                  COMMENT '1 if the member joined',
    left                 Int32                  COMMENT '1 if the member left',
    tests_requested      Int32                  COMMENT 'batches requested of the testing fund',
    tests_approved       Int32                  COMMENT 'batches approved',
    tests_given_back     Int32                  COMMENT 'batches refused, or cancelled',
    tests_done           Int32                  COMMENT 'batches tested',
    checks_failed        Int32                  COMMENT '1 if a spot check failed',
    reinspections_passed Int32                  COMMENT '1 if a re-inspection was passed',
    listed               Int32                  COMMENT '1 if an entry on a list was decided',
    lifted               Int32                  COMMENT '1 if an entry on a list was lifted'
)
ENGINE = {engine:ReplacingMergeTree(rev)}
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, center_id, owner, event_time, source, event_id)
COMMENT 'One judged fact per event of a cooperative.';

CREATE TABLE IF NOT EXISTS cooperative_throughput_minute {on_cluster}
(
    minute               DateTime('UTC')        COMMENT 'start of a minute',
    center_id            LowCardinality(String) COMMENT 'sampling center',
    version              UInt256                COMMENT 'sum of the versions of what it was made from',
    events               Int64                  COMMENT 'events that stand and applied or were repeated; what did not apply (after_end, unknown_step) is not among them',
    joined               Int64                  COMMENT 'members that joined',
    left                 Int64                  COMMENT 'members that left',
    tests_requested      Int64                  COMMENT 'batches requested of the testing fund',
    tests_approved       Int64                  COMMENT 'batches approved',
    tests_given_back     Int64                  COMMENT 'batches refused, or cancelled',
    tests_done           Int64                  COMMENT 'batches tested',
    checks_failed        Int64                  COMMENT 'spot checks that failed',
    reinspections_passed Int64                  COMMENT 're-inspections passed',
    listed               Int64                  COMMENT 'entries on lists decided',
    lifted               Int64                  COMMENT 'entries on lists lifted'
)
ENGINE = {engine:ReplacingMergeTree(version)}
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, center_id)
COMMENT 'Events of a cooperative per center and minute.';

CREATE TABLE IF NOT EXISTS cooperative_throughput_hour {on_cluster}
(
    hour                 DateTime('UTC')        COMMENT 'start of an hour',
    center_id            LowCardinality(String) COMMENT 'sampling center',
    version              UInt256                COMMENT 'sum of the versions of what it was made from',
    events               Int64                  COMMENT 'events that stand and applied or were repeated; what did not apply (after_end, unknown_step) is not among them',
    joined               Int64                  COMMENT 'members that joined',
    left                 Int64                  COMMENT 'members that left',
    tests_requested      Int64                  COMMENT 'batches requested of the testing fund',
    tests_approved       Int64                  COMMENT 'batches approved',
    tests_given_back     Int64                  COMMENT 'batches refused, or cancelled',
    tests_done           Int64                  COMMENT 'batches tested',
    checks_failed        Int64                  COMMENT 'spot checks that failed',
    reinspections_passed Int64                  COMMENT 're-inspections passed',
    listed               Int64                  COMMENT 'entries on lists decided',
    lifted               Int64                  COMMENT 'entries on lists lifted'
)
ENGINE = {engine:ReplacingMergeTree(version)}
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, center_id)
COMMENT 'Events of a cooperative per center and hour.';

CREATE TABLE IF NOT EXISTS member_state {on_cluster}
(
    owner                  String                         COMMENT 'whose events are folded together',
    version                UInt256                        COMMENT 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 8 bits count the deadlines that passed',
    records                UInt64                         COMMENT 'distinct records known of the owner (bookkeeping)',
    partition              UInt16                         COMMENT 'Kafka partition of the owner (bookkeeping)',
    next_deadline          Nullable(DateTime64(3, 'UTC')) COMMENT 'when the next alert begins to stand by itself',
    alerts                 Array(String)                  COMMENT 'alerts that stand, as JSON',
    stored_at              DateTime64(3, 'UTC')           DEFAULT now64(3) COMMENT 'when it was stored (bookkeeping)',
    cooperative_id         LowCardinality(String)         COMMENT 'quality cooperative',
    factory_id             LowCardinality(String)         COMMENT 'member; of what is the cooperative''s own, the cooperative',
    membership             LowCardinality(String)         COMMENT 'last step of the membership: JOINED, PLEDGE_SIGNED, SUSPENDED, RESUMED, LEFT; empty if none is told',
    joined_at              Nullable(DateTime64(3, 'UTC')) COMMENT 'when it joined last',
    pledge_signed_at       Nullable(DateTime64(3, 'UTC')) COMMENT 'when it signed the pledge last',
    left_at                Nullable(DateTime64(3, 'UTC')) COMMENT 'when it left last',
    size_class             LowCardinality(String)         COMMENT 'MICRO, SMALL, MEDIUM or LARGE; empty if not told',
    sells_online           UInt8                          COMMENT '1 if it sells in electronic commerce',
    limited_means          UInt8                          COMMENT '1 if it is counted among those without means of their own for testing',
    chief_quality_officers UInt16                         COMMENT 'chief quality officers in office',
    quality_specialists    UInt16                         COMMENT 'quality specialists in office',
    trained                UInt16                         COMMENT 'of both those who passed a training',
    certificates           Array(String)                  COMMENT 'schemes of certificates that were not suspended or withdrawn; expiry stands with each',
    official_grade         LowCardinality(String)         COMMENT 'official grade of the last year that has one; no score of Weftline',
    official_grade_year    UInt16                         COMMENT 'that year; 0 if there is none',
    tests_waiting          UInt32                         COMMENT 'batches requested of the fund and not decided',
    tests_reserved         UInt32                         COMMENT 'batches approved and not tested',
    tests_done             UInt32                         COMMENT 'batches tested',
    reports                UInt32                         COMMENT 'verified laboratory reports of the factory that count, of whatever center',
    reports_failed         UInt32                         COMMENT 'of them FAIL',
    last_tested_at         Nullable(DateTime64(3, 'UTC')) COMMENT 'when the last of them was tested',
    credit_score           Int32                          COMMENT 'score of the cooperative''s own credit, in hundredths of a point; a proposal where its rules are',
    credit_grade           LowCardinality(String)         COMMENT 'grade of that score; never mixed with the official one',
    trademark_eligible     UInt8                          COMMENT '1 if it meets all conditions of the collective trademark',
    rules_edition          LowCardinality(String)         COMMENT 'edition of the cooperative''s rules by which it is judged',
    open_cases             UInt16                         COMMENT 'enforcement cases that no re-inspection has ended',
    red_listed             UInt8                          COMMENT '1 if on the cooperative''s own red list; an appeal suspends',
    black_listed           UInt8                          COMMENT '1 if on the cooperative''s own black list, which is not the market regulator''s; an appeal suspends',
    trademarks             Array(String)                  COMMENT 'collective trademarks that it may carry',
    standards              UInt16                         COMMENT 'standards that it led, joined or issued',
    brands                 UInt16                         COMMENT 'registered marks and honours',
    last_event_time        Nullable(DateTime64(3, 'UTC')) COMMENT 'last event',
    events                 UInt32                         COMMENT 'events that stand, whether or not they applied',
    marks                  Array(LowCardinality(String))  COMMENT 'what is odd about its events, each once: out_of_step, after_end, unknown_step'
)
ENGINE = {engine:ReplacingMergeTree(version)}
ORDER BY (owner)
SETTINGS index_granularity = 256
COMMENT 'State of each member, and of what is a cooperative''s own.';

CREATE TABLE IF NOT EXISTS matter_state {on_cluster}
(
    owner          String                         COMMENT 'whose events are folded together',
    kind           LowCardinality(String)         COMMENT 'kind of matter',
    matter_id      String                         COMMENT 'the matter among those of its kind; empty for the membership',
    version        UInt256                        COMMENT 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 8 bits count the deadlines that passed',
    records        UInt64                         COMMENT 'distinct records known of the owner (bookkeeping)',
    partition      UInt16                         COMMENT 'Kafka partition of the owner (bookkeeping)',
    next_deadline  Nullable(DateTime64(3, 'UTC')) COMMENT 'when the next alert begins to stand by itself',
    alerts         Array(String)                  COMMENT 'alerts that stand, as JSON',
    stored_at      DateTime64(3, 'UTC')           DEFAULT now64(3) COMMENT 'when it was stored (bookkeeping)',
    cooperative_id LowCardinality(String)         COMMENT 'quality cooperative',
    factory_id     LowCardinality(String)         COMMENT 'member; of what is the cooperative''s own, the cooperative',
    center_id      LowCardinality(String)         COMMENT 'station or center of the last event',
    step           LowCardinality(String)         COMMENT 'last step that applied; empty if no event stands',
    ended          UInt8                          COMMENT '1 if nothing more is to come of it',
    about          LowCardinality(String)         COMMENT 'size class, role, scheme, grade, product category, level, list or mark, as its kind has it',
    opened_at      Nullable(DateTime64(3, 'UTC')) COMMENT 'first step',
    changed_at     Nullable(DateTime64(3, 'UTC')) COMMENT 'last step',
    until          Nullable(DateTime64(3, 'UTC')) COMMENT 'when it expires, or its next step is due, as was last said',
    year           UInt16                         COMMENT 'year of the fund, or of an official grade; 0 for what has none',
    batches        UInt32                         COMMENT 'batches of a free test',
    amount_minor   Nullable(Int64)                COMMENT 'budget, price per batch or what was paid, in hundredths',
    currency       LowCardinality(String)         COMMENT 'ISO 4217',
    by_exception   UInt8                          COMMENT '1 if a free test was approved beyond quota or budget',
    case_id        String                         COMMENT 'enforcement case whose re-inspection a free test is',
    laboratory_id  LowCardinality(String)         COMMENT 'laboratory of the report that it rests on',
    report_number  String                         COMMENT 'number of that report',
    indicators     Array(LowCardinality(String))  COMMENT 'indicators that failed a spot check',
    evidence_ids   Array(String)                  COMMENT 'what an entry on a list rests on',
    reason         String                         COMMENT 'why, in words',
    events         UInt32                         COMMENT 'events that stand, whether or not they applied',
    marks          Array(LowCardinality(String))  COMMENT 'what is odd about its events, each once: out_of_step, after_end, unknown_step'
)
ENGINE = {engine:ReplacingMergeTree(version)}
ORDER BY (owner, kind, matter_id)
SETTINGS index_granularity = 256
COMMENT 'State of each matter of a member: membership, officers, certificates, grades, free tests, cases, entries on lists, marks.';

CREATE OR REPLACE VIEW cooperative_activity_per_minute {on_cluster} AS
SELECT
    minute,
    center_id,
    events,
    joined,
    left,
    tests_requested,
    tests_approved,
    tests_given_back,
    tests_done,
    checks_failed,
    reinspections_passed,
    listed,
    lifted
FROM cooperative_throughput_minute FINAL
WHERE events > 0
COMMENT 'Events of a cooperative per center and minute (UTC).';

ALTER TABLE cooperative_activity_per_minute {on_cluster}
    COMMENT COLUMN minute 'start of a minute',
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN events 'events that stand and applied or were repeated; what did not apply (after_end, unknown_step) is not among them',
    COMMENT COLUMN joined 'members that joined',
    COMMENT COLUMN left 'members that left',
    COMMENT COLUMN tests_requested 'batches requested of the testing fund',
    COMMENT COLUMN tests_approved 'batches approved',
    COMMENT COLUMN tests_given_back 'batches refused, or cancelled',
    COMMENT COLUMN tests_done 'batches tested',
    COMMENT COLUMN checks_failed 'spot checks that failed',
    COMMENT COLUMN reinspections_passed 're-inspections passed',
    COMMENT COLUMN listed 'entries on lists decided',
    COMMENT COLUMN lifted 'entries on lists lifted';

CREATE OR REPLACE VIEW cooperative_activity_per_hour {on_cluster} AS
SELECT
    hour,
    center_id,
    events,
    joined,
    left,
    tests_requested,
    tests_approved,
    tests_given_back,
    tests_done,
    checks_failed,
    reinspections_passed,
    listed,
    lifted
FROM cooperative_throughput_hour FINAL
WHERE events > 0
COMMENT 'Events of a cooperative per center and hour (UTC).';

ALTER TABLE cooperative_activity_per_hour {on_cluster}
    COMMENT COLUMN hour 'start of an hour',
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN events 'events that stand and applied or were repeated; what did not apply (after_end, unknown_step) is not among them',
    COMMENT COLUMN joined 'members that joined',
    COMMENT COLUMN left 'members that left',
    COMMENT COLUMN tests_requested 'batches requested of the testing fund',
    COMMENT COLUMN tests_approved 'batches approved',
    COMMENT COLUMN tests_given_back 'batches refused, or cancelled',
    COMMENT COLUMN tests_done 'batches tested',
    COMMENT COLUMN checks_failed 'spot checks that failed',
    COMMENT COLUMN reinspections_passed 're-inspections passed',
    COMMENT COLUMN listed 'entries on lists decided',
    COMMENT COLUMN lifted 'entries on lists lifted';

CREATE OR REPLACE VIEW cooperative_activity_per_day {on_cluster} AS
SELECT
    toStartOfDay(hour, 'UTC') AS day,
    center_id,
    sum(events) AS events,
    sum(joined) AS joined,
    sum(left) AS left,
    sum(tests_requested) AS tests_requested,
    sum(tests_approved) AS tests_approved,
    sum(tests_given_back) AS tests_given_back,
    sum(tests_done) AS tests_done,
    sum(checks_failed) AS checks_failed,
    sum(reinspections_passed) AS reinspections_passed,
    sum(listed) AS listed,
    sum(lifted) AS lifted
FROM cooperative_throughput_hour FINAL
GROUP BY day, center_id
HAVING events > 0
COMMENT 'Events of a cooperative per center and day (UTC).';

ALTER TABLE cooperative_activity_per_day {on_cluster}
    COMMENT COLUMN day 'start of a day (UTC)',
    COMMENT COLUMN center_id 'sampling center',
    COMMENT COLUMN events 'events that stand and applied or were repeated; what did not apply (after_end, unknown_step) is not among them',
    COMMENT COLUMN joined 'members that joined',
    COMMENT COLUMN left 'members that left',
    COMMENT COLUMN tests_requested 'batches requested of the testing fund',
    COMMENT COLUMN tests_approved 'batches approved',
    COMMENT COLUMN tests_given_back 'batches refused, or cancelled',
    COMMENT COLUMN tests_done 'batches tested',
    COMMENT COLUMN checks_failed 'spot checks that failed',
    COMMENT COLUMN reinspections_passed 're-inspections passed',
    COMMENT COLUMN listed 'entries on lists decided',
    COMMENT COLUMN lifted 'entries on lists lifted';

CREATE OR REPLACE VIEW members {on_cluster} AS
SELECT
    cooperative_id,
    factory_id,
    membership,
    joined_at,
    pledge_signed_at,
    left_at,
    size_class,
    sells_online,
    limited_means,
    chief_quality_officers,
    quality_specialists,
    trained,
    certificates,
    official_grade,
    official_grade_year,
    tests_waiting,
    tests_reserved,
    tests_done,
    reports,
    reports_failed,
    last_tested_at,
    credit_score,
    credit_grade,
    trademark_eligible,
    rules_edition,
    open_cases,
    red_listed,
    black_listed,
    trademarks,
    standards,
    brands,
    last_event_time,
    events,
    marks
FROM member_state FINAL
WHERE events > 0 AND factory_id != cooperative_id
COMMENT 'Members of a cooperative as they stand; lists are the cooperative''s own.';

ALTER TABLE members {on_cluster}
    COMMENT COLUMN cooperative_id 'quality cooperative',
    COMMENT COLUMN factory_id 'member; of what is the cooperative''s own, the cooperative',
    COMMENT COLUMN membership 'last step of the membership: JOINED, PLEDGE_SIGNED, SUSPENDED, RESUMED, LEFT; empty if none is told',
    COMMENT COLUMN joined_at 'when it joined last',
    COMMENT COLUMN pledge_signed_at 'when it signed the pledge last',
    COMMENT COLUMN left_at 'when it left last',
    COMMENT COLUMN size_class 'MICRO, SMALL, MEDIUM or LARGE; empty if not told',
    COMMENT COLUMN sells_online '1 if it sells in electronic commerce',
    COMMENT COLUMN limited_means '1 if it is counted among those without means of their own for testing',
    COMMENT COLUMN chief_quality_officers 'chief quality officers in office',
    COMMENT COLUMN quality_specialists 'quality specialists in office',
    COMMENT COLUMN trained 'of both those who passed a training',
    COMMENT COLUMN certificates 'schemes of certificates that were not suspended or withdrawn; expiry stands with each',
    COMMENT COLUMN official_grade 'official grade of the last year that has one; no score of Weftline',
    COMMENT COLUMN official_grade_year 'that year; 0 if there is none',
    COMMENT COLUMN tests_waiting 'batches requested of the fund and not decided',
    COMMENT COLUMN tests_reserved 'batches approved and not tested',
    COMMENT COLUMN tests_done 'batches tested',
    COMMENT COLUMN reports 'verified laboratory reports of the factory that count, of whatever center',
    COMMENT COLUMN reports_failed 'of them FAIL',
    COMMENT COLUMN last_tested_at 'when the last of them was tested',
    COMMENT COLUMN credit_score 'score of the cooperative''s own credit, in hundredths of a point; a proposal where its rules are',
    COMMENT COLUMN credit_grade 'grade of that score; never mixed with the official one',
    COMMENT COLUMN trademark_eligible '1 if it meets all conditions of the collective trademark',
    COMMENT COLUMN rules_edition 'edition of the cooperative''s rules by which it is judged',
    COMMENT COLUMN open_cases 'enforcement cases that no re-inspection has ended',
    COMMENT COLUMN red_listed '1 if on the cooperative''s own red list; an appeal suspends',
    COMMENT COLUMN black_listed '1 if on the cooperative''s own black list, which is not the market regulator''s; an appeal suspends',
    COMMENT COLUMN trademarks 'collective trademarks that it may carry',
    COMMENT COLUMN standards 'standards that it led, joined or issued',
    COMMENT COLUMN brands 'registered marks and honours',
    COMMENT COLUMN last_event_time 'last event',
    COMMENT COLUMN events 'events that stand, whether or not they applied',
    COMMENT COLUMN marks 'what is odd about its events, each once: out_of_step, after_end, unknown_step';

CREATE OR REPLACE VIEW matters {on_cluster} AS
SELECT
    kind,
    matter_id,
    cooperative_id,
    factory_id,
    center_id,
    step,
    ended,
    about,
    opened_at,
    changed_at,
    until,
    year,
    batches,
    amount_minor,
    currency,
    by_exception,
    case_id,
    laboratory_id,
    report_number,
    indicators,
    evidence_ids,
    reason,
    events,
    marks
FROM matter_state FINAL
WHERE step != ''
COMMENT 'Matters of members and of the cooperatives themselves, as they stand.';

ALTER TABLE matters {on_cluster}
    COMMENT COLUMN kind 'kind of matter',
    COMMENT COLUMN matter_id 'the matter among those of its kind; empty for the membership',
    COMMENT COLUMN cooperative_id 'quality cooperative',
    COMMENT COLUMN factory_id 'member; of what is the cooperative''s own, the cooperative',
    COMMENT COLUMN center_id 'station or center of the last event',
    COMMENT COLUMN step 'last step that applied; empty if no event stands',
    COMMENT COLUMN ended '1 if nothing more is to come of it',
    COMMENT COLUMN about 'size class, role, scheme, grade, product category, level, list or mark, as its kind has it',
    COMMENT COLUMN opened_at 'first step',
    COMMENT COLUMN changed_at 'last step',
    COMMENT COLUMN until 'when it expires, or its next step is due, as was last said',
    COMMENT COLUMN year 'year of the fund, or of an official grade; 0 for what has none',
    COMMENT COLUMN batches 'batches of a free test',
    COMMENT COLUMN amount_minor 'budget, price per batch or what was paid, in hundredths',
    COMMENT COLUMN currency 'ISO 4217',
    COMMENT COLUMN by_exception '1 if a free test was approved beyond quota or budget',
    COMMENT COLUMN case_id 'enforcement case whose re-inspection a free test is',
    COMMENT COLUMN laboratory_id 'laboratory of the report that it rests on',
    COMMENT COLUMN report_number 'number of that report',
    COMMENT COLUMN indicators 'indicators that failed a spot check',
    COMMENT COLUMN evidence_ids 'what an entry on a list rests on',
    COMMENT COLUMN reason 'why, in words',
    COMMENT COLUMN events 'events that stand, whether or not they applied',
    COMMENT COLUMN marks 'what is odd about its events, each once: out_of_step, after_end, unknown_step';

-- What publishers should mend, of this kind too (0023_replies.sql). Found by hashes, so that a group takes 40 bytes and not the names.
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
UNION ALL
SELECT 'replies' AS kind, owners[1] AS owner, source, event_id, groupUniqArray(event_time) AS event_times,
    uniqExactIf((reply_records.owner, event_time, rank), rank < 9223372036854775808) AS contents, arraySort(groupUniqArray(reply_records.owner)) AS owners
FROM reply_records
WHERE sipHash64(source, event_id) IN
(
    SELECT sipHash64(source, event_id) FROM reply_records GROUP BY 1
    HAVING min(sipHash64(owner, event_time)) != max(sipHash64(owner, event_time)) OR minIf(rank, rank < 9223372036854775808) != maxIf(rank, rank < 9223372036854775808)
)
GROUP BY source, event_id
HAVING contents > 1 OR length(event_times) > 1 OR length(owners) > 1
UNION ALL
SELECT 'cooperative' AS kind, owners[1] AS owner, source, event_id, groupUniqArray(event_time) AS event_times,
    uniqExactIf((cooperative_records.owner, event_time, rank), rank < 9223372036854775808) AS contents, arraySort(groupUniqArray(cooperative_records.owner)) AS owners
FROM cooperative_records
WHERE sipHash64(source, event_id) IN
(
    SELECT sipHash64(source, event_id) FROM cooperative_records GROUP BY 1
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
UNION ALL
SELECT 'replies' AS kind, owner, source, event_id, declared AS event_time, if(empty(events), 'NO_EVENT', 'OTHER_TIME') AS what,
    arraySort(events) AS event_times, declared_since AS since
FROM
(
    SELECT owner, source, event_id, groupUniqArrayIf(event_time, rank >= 9223372036854775808) AS declarations,
        groupUniqArrayIf(event_time, rank < 9223372036854775808) AS events, minIf(stored_at, rank >= 9223372036854775808) AS declared_since
    FROM reply_records
    WHERE (owner, source, event_id) IN (SELECT owner, source, event_id FROM reply_records WHERE rank >= 9223372036854775808)
    GROUP BY owner, source, event_id
)
ARRAY JOIN declarations AS declared
WHERE NOT has(events, declared)
UNION ALL
SELECT 'cooperative' AS kind, owner, source, event_id, declared AS event_time, if(empty(events), 'NO_EVENT', 'OTHER_TIME') AS what,
    arraySort(events) AS event_times, declared_since AS since
FROM
(
    SELECT owner, source, event_id, groupUniqArrayIf(event_time, rank >= 9223372036854775808) AS declarations,
        groupUniqArrayIf(event_time, rank < 9223372036854775808) AS events, minIf(stored_at, rank >= 9223372036854775808) AS declared_since
    FROM cooperative_records
    WHERE (owner, source, event_id) IN (SELECT owner, source, event_id FROM cooperative_records WHERE rank >= 9223372036854775808)
    GROUP BY owner, source, event_id
)
ARRAY JOIN declarations AS declared
WHERE NOT has(events, declared)
COMMENT 'Events that were declared erroneous and are not there, or are there with another event time: the declaration changes nothing. One that came before its event goes away when the event comes. weftline retract makes the right one.';

ALTER TABLE identity_conflicts {on_cluster}
    COMMENT COLUMN kind 'orders, inspections, logistics, replies or cooperative',
    COMMENT COLUMN owner 'whose events made it true; of several the first',
    COMMENT COLUMN source 'who published it',
    COMMENT COLUMN event_id 'identity within the source',
    COMMENT COLUMN event_times 'event times under the identity',
    COMMENT COLUMN contents 'contents that are not declared erroneous',
    COMMENT COLUMN owners 'all whose events carry it: orders with their center, factories, shipments';

ALTER TABLE unmatched_declarations {on_cluster}
    COMMENT COLUMN kind 'orders, inspections, logistics, replies or cooperative',
    COMMENT COLUMN owner 'order with its center, factory, or shipment that the declaration names',
    COMMENT COLUMN source 'who published it',
    COMMENT COLUMN event_id 'identity of the event that is meant',
    COMMENT COLUMN event_time 'its time, as the declaration says',
    COMMENT COLUMN what 'NO_EVENT: nothing of this owner has the identity; OTHER_TIME: it happened at another time',
    COMMENT COLUMN event_times 'the times at which events of that identity happened',
    COMMENT COLUMN since 'when the declaration was first stored';

-- What the migrations make of cooperative. Written by `weftline tables render`.

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
SETTINGS index_granularity = 8192, min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1
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
SETTINGS index_granularity = 8192, min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1
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
SETTINGS index_granularity = 8192, min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1
COMMENT 'Events of a cooperative per center and hour.';

CREATE TABLE IF NOT EXISTS member_state {on_cluster}
(
    owner                  String                         COMMENT 'whose events are folded together',
    version                UInt256                        COMMENT 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 24 bits count the deadlines that passed',
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
    version        UInt256                        COMMENT 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 24 bits count the deadlines that passed',
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

CREATE TABLE IF NOT EXISTS desk_state {on_cluster}
(
    owner                    String                                COMMENT 'whose events are folded together',
    version                  UInt256                               COMMENT 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 24 bits count the deadlines that passed',
    records                  UInt64                                COMMENT 'distinct records known of the owner (bookkeeping)',
    partition                UInt16                                COMMENT 'Kafka partition of the owner (bookkeeping)',
    next_deadline            Nullable(DateTime64(3, 'UTC'))        COMMENT 'when the next alert begins to stand by itself',
    alerts                   Array(String)                         COMMENT 'alerts that stand, as JSON',
    stored_at                DateTime64(3, 'UTC')                  DEFAULT now64(3) COMMENT 'when it was stored (bookkeeping)',
    cooperative_id           LowCardinality(String)                COMMENT 'quality cooperative',
    factory_id               LowCardinality(String)                COMMENT 'member; of what is the cooperative''s own, the cooperative',
    is_member                UInt8                                 COMMENT '1 if it is a member now, and not suspended',
    events                   UInt32                                COMMENT 'events that stand',
    tests_passed             UInt32                                COMMENT 'verified reports that count, of all that the standards require, that passed',
    tests_failed             UInt32                                COMMENT 'verified reports that count and failed',
    conditions_failing       UInt16                                COMMENT 'conditions of the collective trademark that are not met',
    mark_places              UInt16                                COMMENT 'places that the cooperative''s rules give for the collective trademark',
    test_next                Int32                                 COMMENT 'how much speaks for testing it soon; 0 if nothing does',
    fund_year                Array(UInt16)                         COMMENT 'year of the testing fund',
    fund_quota               Array(UInt32)                         COMMENT 'batches that the member may have tested in it, free of charge',
    fund_quota_by            Array(String)                         COMMENT 'rules that make the quota, with their batches',
    fund_reserved            Array(UInt32)                         COMMENT 'batches that are asked for or approved, and not tested',
    fund_used                Array(UInt32)                         COMMENT 'batches tested that charge the quota',
    fund_left                Array(UInt32)                         COMMENT 'batches that may still be asked for',
    fund_free                Array(UInt32)                         COMMENT 'batches of re-inspections after rectification, which charge nothing',
    fund_outside             Array(UInt32)                         COMMENT 'reports that the fund paid and of which no request says that it is done',
    request_id               Array(String)                         COMMENT 'free test',
    request_year             Array(UInt16)                         COMMENT 'year of the fund',
    request_step             Array(LowCardinality(String))         COMMENT 'REQUESTED, APPROVED, REFUSED, CANCELLED or DONE',
    request_at               Array(DateTime64(3, 'UTC'))           COMMENT 'when it was first heard of',
    request_last_at          Array(DateTime64(3, 'UTC'))           COMMENT 'last step',
    request_batches          Array(UInt32)                         COMMENT 'batches',
    request_charges          Array(UInt32)                         COMMENT 'batches that it takes from the quota',
    request_category         Array(LowCardinality(String))         COMMENT 'product category; empty if not told',
    request_paid_minor       Array(Nullable(Int64))                COMMENT 'what was paid, in hundredths; null if nobody said',
    request_currency         Array(LowCardinality(String))         COMMENT 'ISO 4217; empty if not told',
    request_report           Array(String)                         COMMENT 'laboratory and number of its report; empty if none is told',
    request_marks            Array(String)                         COMMENT 'FREE_REINSPECTION, OVER_QUOTA, BY_EXCEPTION, UNPROVEN (no report that the fund paid is known), NO_MEMBER',
    case_id                  Array(String)                         COMMENT 'enforcement case; of a failed report without one, laboratory and number',
    case_by_authority        Array(UInt8)                          COMMENT '1 if an authority opened it, 0 if a failed report is one by itself',
    case_level               Array(LowCardinality(String))         COMMENT 'level of the spot check',
    case_stage               Array(LowCardinality(String))         COMMENT 'what is waited for: RECTIFY, ACCEPT, REINSPECT, SECOND_ROUND; or how it ended: PASSED, FAILED',
    case_failed_at           Array(DateTime64(3, 'UTC'))           COMMENT 'failure',
    case_began_at            Array(DateTime64(3, 'UTC'))           COMMENT 'since when its clocks run: the order, without one the failure',
    case_rectify_by          Array(DateTime64(3, 'UTC'))           COMMENT 'last moment to report what was put right',
    case_reinspect_by        Array(DateTime64(3, 'UTC'))           COMMENT 'last moment to be re-inspected',
    case_second_from         Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'first moment of the second re-inspection',
    case_second_by           Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'last moment of the second re-inspection',
    case_due                 Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'the deadline that runs now; null if nothing is due by a day',
    case_overdue             Array(UInt8)                          COMMENT '1 if something is overdue now',
    case_rectified_at        Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'when the member said that it was put right',
    case_closed_at           Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'end',
    case_lenient             Array(LowCardinality(String))         COMMENT 'whether it may go unpunished, which a person decides: OPEN, MAY_BE or NO',
    case_against             Array(String)                         COMMENT 'what speaks against that: NOT_FIRST, SAFETY_ITEM, NOT_SLIGHT, NOT_CORRECTED',
    case_evidence            Array(String)                         COMMENT 'events and reports that it rests on',
    entry_id                 Array(String)                         COMMENT 'entry on a list of the cooperative''s own',
    entry_list               Array(LowCardinality(String))         COMMENT 'RED or BLACK; never the market regulator''s',
    entry_state              Array(LowCardinality(String))         COMMENT 'PROPOSED, LISTED, APPEALED (suspended until it is answered), LIFTED or EXPIRED',
    entry_ground             Array(String)                         COMMENT 'ground',
    entry_proposed_at        Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'proposal',
    entry_decided_at         Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'decision',
    entry_decided_by         Array(String)                         COMMENT 'who decided',
    entry_until              Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'last moment at which it holds',
    entry_appealed_at        Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'appeal that is not answered',
    entry_answer_by          Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'by when that appeal is to be answered',
    entry_early_removal_from Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'of the black list: from when early removal may be asked for',
    entry_ended_at           Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'when it was lifted',
    entry_evidence_ids       Array(String)                         COMMENT 'what its events say that it rests on',
    entry_evidence           Array(String)                         COMMENT 'events and reports that it rests on',
    listed_entry_id          Array(String)                         COMMENT 'entry on a list of the cooperative''s own',
    listed_list              Array(LowCardinality(String))         COMMENT 'RED or BLACK',
    listed_since             Array(DateTime64(3, 'UTC'))           COMMENT 'since when the member is or was on the list by it',
    listed_until             Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'first moment at which it is not any more: an appeal, an end; null: for good',
    proposal_rule            Array(LowCardinality(String))         COMMENT 'rule that proposes the member for a list',
    proposal_list            Array(LowCardinality(String))         COMMENT 'RED or BLACK',
    proposal_since           Array(DateTime64(3, 'UTC'))           COMMENT 'newest of what the rule rests on',
    proposal_zh              Array(String)                         COMMENT 'the rule in Chinese',
    proposal_en              Array(String)                         COMMENT 'the rule in English',
    proposal_evidence        Array(String)                         COMMENT 'events and reports that it rests on',
    gate_rule                Array(LowCardinality(String))         COMMENT 'condition of the collective trademark',
    gate_met                 Array(UInt8)                          COMMENT '1 if it is met',
    gate_zh                  Array(String)                         COMMENT 'the condition in Chinese',
    gate_en                  Array(String)                         COMMENT 'the condition in English',
    gate_cure_zh             Array(String)                         COMMENT 'what would cure it, in Chinese; empty if it is met',
    gate_cure_en             Array(String)                         COMMENT 'what would cure it, in English; empty if it is met',
    gate_is_proposal         Array(UInt8)                          COMMENT '1 if nobody of the cooperative has confirmed the rule',
    gate_evidence            Array(String)                         COMMENT 'events and reports that it rests on',
    mark_id                  Array(String)                         COMMENT 'collective trademark',
    mark_standing            Array(LowCardinality(String))         COMMENT 'APPLIED, HOLDS, FELL_OUT (holds it, and does not meet its conditions), REFUSED, SUSPENDED, WITHDRAWN, EXPIRED',
    mark_since               Array(DateTime64(3, 'UTC'))           COMMENT 'last step',
    mark_until               Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'last moment at which the right holds',
    row_rule                 Array(LowCardinality(String))         COMMENT 'which of the six unifications',
    row_done                 Array(UInt8)                          COMMENT '1 if it is done',
    row_zh                   Array(String)                         COMMENT 'its name in Chinese',
    row_en                   Array(String)                         COMMENT 'its name in English',
    row_evidence             Array(String)                         COMMENT 'events and reports that it rests on',
    point_rule               Array(LowCardinality(String))         COMMENT 'rule of the cooperative''s own credit',
    point_zh                 Array(String)                         COMMENT 'the rule in Chinese',
    point_en                 Array(String)                         COMMENT 'the rule in English',
    point_points             Array(Int32)                          COMMENT 'points, in hundredths',
    point_at                 Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'when what it rests on happened',
    point_is_proposal        Array(UInt8)                          COMMENT '1 if nobody of the cooperative has confirmed the rule',
    point_evidence           Array(String)                         COMMENT 'events and reports that it rests on',
    reason_rule              Array(LowCardinality(String))         COMMENT 'rule by which it should be tested soon',
    reason_zh                Array(String)                         COMMENT 'the rule in Chinese',
    reason_en                Array(String)                         COMMENT 'the rule in English',
    reason_weight            Array(Int32)                          COMMENT 'how much that weighs',
    reason_evidence          Array(String)                         COMMENT 'events and reports that it rests on',
    work_task                Array(LowCardinality(String))         COMMENT 'RECTIFY, ACCEPT, REINSPECT, REQUEST, PROPOSAL, LISTING, APPEAL, EARLY_REMOVAL, APPLICATION, FELL_OUT, EXPIRING or RESULT',
    work_desk                Array(LowCardinality(String))         COMMENT 'for whom: MEMBER or OFFICER',
    work_about               Array(String)                         COMMENT 'case, request, rule, entry, mark, certificate or report',
    work_since               Array(DateTime64(3, 'UTC'))           COMMENT 'since when it waits',
    work_due                 Array(Nullable(DateTime64(3, 'UTC'))) COMMENT 'by when; null: by no day',
    work_evidence            Array(String)                         COMMENT 'events and reports that it rests on',
    budget_year              Array(UInt16)                         COMMENT 'year of the fund',
    budget_what              Array(LowCardinality(String))         COMMENT 'BUDGET_SET or PRICE_SET',
    budget_category          Array(LowCardinality(String))         COMMENT 'product category of a price; empty: of all that have none of their own',
    budget_amount_minor      Array(Int64)                          COMMENT 'budget, or price of a batch, as it was set last, in hundredths',
    budget_currency          Array(LowCardinality(String))         COMMENT 'ISO 4217',
    threshold_year           Array(UInt16)                         COMMENT 'year of the fund',
    threshold_rule           Array(LowCardinality(String))         COMMENT 'rule by which an officer is shown that the budget comes to its end',
    threshold_zh             Array(String)                         COMMENT 'the rule in Chinese',
    threshold_en             Array(String)                         COMMENT 'the rule in English',
    threshold_is_proposal    Array(UInt8)                          COMMENT '1 if nobody of the cooperative has confirmed the rule',
    threshold_share          Array(UInt16)                         COMMENT 'used and reserved so much of the budget, in hundredths of a percent',
    threshold_pace_days      Array(UInt16)                         COMMENT 'spending of so many of the last days is taken for the pace',
    threshold_begins_at      Array(DateTime64(3, 'UTC'))           COMMENT 'first moment of the year there',
    threshold_ends_at        Array(DateTime64(3, 'UTC'))           COMMENT 'first moment after it'
)
ENGINE = {engine:ReplacingMergeTree(version)}
ORDER BY (owner)
SETTINGS index_granularity = 256
COMMENT 'What the rules of a cooperative say of each member, thing by thing; of what is a cooperative''s own, budgets and prices.';

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

CREATE OR REPLACE VIEW desks {on_cluster} AS
SELECT
    cooperative_id,
    factory_id,
    is_member,
    events,
    tests_passed,
    tests_failed,
    conditions_failing,
    mark_places,
    test_next
FROM desk_state FINAL
WHERE events > 0 AND factory_id != cooperative_id
COMMENT 'Members of a cooperative, by what a ranking and a plan of tests rest on.';

ALTER TABLE desks {on_cluster}
    COMMENT COLUMN cooperative_id 'quality cooperative',
    COMMENT COLUMN factory_id 'member; of what is the cooperative''s own, the cooperative',
    COMMENT COLUMN is_member '1 if it is a member now, and not suspended',
    COMMENT COLUMN events 'events that stand',
    COMMENT COLUMN tests_passed 'verified reports that count, of all that the standards require, that passed',
    COMMENT COLUMN tests_failed 'verified reports that count and failed',
    COMMENT COLUMN conditions_failing 'conditions of the collective trademark that are not met',
    COMMENT COLUMN mark_places 'places that the cooperative''s rules give for the collective trademark',
    COMMENT COLUMN test_next 'how much speaks for testing it soon; 0 if nothing does';

CREATE OR REPLACE VIEW fund_years {on_cluster} AS
SELECT
    cooperative_id,
    factory_id,
    is_member,
    fund_year AS year,
    fund_quota AS quota,
    fund_quota_by AS quota_by,
    fund_reserved AS reserved,
    fund_used AS used,
    fund_left AS left,
    fund_free AS free,
    fund_outside AS outside
FROM desk_state FINAL
ARRAY JOIN
    fund_year, fund_quota, fund_quota_by, fund_reserved, fund_used, fund_left, fund_free, fund_outside
WHERE events > 0
COMMENT 'Testing fund of each member and year: quota, reserved, used, left.';

ALTER TABLE fund_years {on_cluster}
    COMMENT COLUMN cooperative_id 'quality cooperative',
    COMMENT COLUMN factory_id 'member; of what is the cooperative''s own, the cooperative',
    COMMENT COLUMN is_member '1 if it is a member now, and not suspended',
    COMMENT COLUMN year 'year of the testing fund',
    COMMENT COLUMN quota 'batches that the member may have tested in it, free of charge',
    COMMENT COLUMN quota_by 'rules that make the quota, with their batches',
    COMMENT COLUMN reserved 'batches that are asked for or approved, and not tested',
    COMMENT COLUMN used 'batches tested that charge the quota',
    COMMENT COLUMN left 'batches that may still be asked for',
    COMMENT COLUMN free 'batches of re-inspections after rectification, which charge nothing',
    COMMENT COLUMN outside 'reports that the fund paid and of which no request says that it is done';

CREATE OR REPLACE VIEW free_tests {on_cluster} AS
SELECT
    cooperative_id,
    factory_id,
    is_member,
    request_id AS id,
    request_year AS year,
    request_step AS step,
    request_at AS at,
    request_last_at AS last_at,
    request_batches AS batches,
    request_charges AS charges,
    request_category AS category,
    request_paid_minor AS paid_minor,
    request_currency AS currency,
    request_report AS report,
    request_marks AS marks
FROM desk_state FINAL
ARRAY JOIN
    request_id, request_year, request_step, request_at, request_last_at, request_batches, request_charges, request_category, request_paid_minor, request_currency, request_report, request_marks
WHERE events > 0
COMMENT 'Free tests of each member, with what is to be seen about them.';

ALTER TABLE free_tests {on_cluster}
    COMMENT COLUMN cooperative_id 'quality cooperative',
    COMMENT COLUMN factory_id 'member; of what is the cooperative''s own, the cooperative',
    COMMENT COLUMN is_member '1 if it is a member now, and not suspended',
    COMMENT COLUMN id 'free test',
    COMMENT COLUMN year 'year of the fund',
    COMMENT COLUMN step 'REQUESTED, APPROVED, REFUSED, CANCELLED or DONE',
    COMMENT COLUMN at 'when it was first heard of',
    COMMENT COLUMN last_at 'last step',
    COMMENT COLUMN batches 'batches',
    COMMENT COLUMN charges 'batches that it takes from the quota',
    COMMENT COLUMN category 'product category; empty if not told',
    COMMENT COLUMN paid_minor 'what was paid, in hundredths; null if nobody said',
    COMMENT COLUMN currency 'ISO 4217; empty if not told',
    COMMENT COLUMN report 'laboratory and number of its report; empty if none is told',
    COMMENT COLUMN marks 'FREE_REINSPECTION, OVER_QUOTA, BY_EXCEPTION, UNPROVEN (no report that the fund paid is known), NO_MEMBER';

CREATE OR REPLACE VIEW cases {on_cluster} AS
SELECT
    cooperative_id,
    factory_id,
    is_member,
    case_id AS id,
    case_by_authority AS by_authority,
    case_level AS level,
    case_stage AS stage,
    case_failed_at AS failed_at,
    case_began_at AS began_at,
    case_rectify_by AS rectify_by,
    case_reinspect_by AS reinspect_by,
    case_second_from AS second_from,
    case_second_by AS second_by,
    case_due AS due,
    case_overdue AS overdue,
    case_rectified_at AS rectified_at,
    case_closed_at AS closed_at,
    case_lenient AS lenient,
    case_against AS against,
    case_evidence AS evidence
FROM desk_state FINAL
ARRAY JOIN
    case_id, case_by_authority, case_level, case_stage, case_failed_at, case_began_at, case_rectify_by, case_reinspect_by, case_second_from, case_second_by, case_due, case_overdue, case_rectified_at, case_closed_at, case_lenient, case_against, case_evidence
WHERE events > 0
COMMENT 'Failures that are to be put right, with the dates of their clocks.';

ALTER TABLE cases {on_cluster}
    COMMENT COLUMN cooperative_id 'quality cooperative',
    COMMENT COLUMN factory_id 'member; of what is the cooperative''s own, the cooperative',
    COMMENT COLUMN is_member '1 if it is a member now, and not suspended',
    COMMENT COLUMN id 'enforcement case; of a failed report without one, laboratory and number',
    COMMENT COLUMN by_authority '1 if an authority opened it, 0 if a failed report is one by itself',
    COMMENT COLUMN level 'level of the spot check',
    COMMENT COLUMN stage 'what is waited for: RECTIFY, ACCEPT, REINSPECT, SECOND_ROUND; or how it ended: PASSED, FAILED',
    COMMENT COLUMN failed_at 'failure',
    COMMENT COLUMN began_at 'since when its clocks run: the order, without one the failure',
    COMMENT COLUMN rectify_by 'last moment to report what was put right',
    COMMENT COLUMN reinspect_by 'last moment to be re-inspected',
    COMMENT COLUMN second_from 'first moment of the second re-inspection',
    COMMENT COLUMN second_by 'last moment of the second re-inspection',
    COMMENT COLUMN due 'the deadline that runs now; null if nothing is due by a day',
    COMMENT COLUMN overdue '1 if something is overdue now',
    COMMENT COLUMN rectified_at 'when the member said that it was put right',
    COMMENT COLUMN closed_at 'end',
    COMMENT COLUMN lenient 'whether it may go unpunished, which a person decides: OPEN, MAY_BE or NO',
    COMMENT COLUMN against 'what speaks against that: NOT_FIRST, SAFETY_ITEM, NOT_SLIGHT, NOT_CORRECTED',
    COMMENT COLUMN evidence 'events and reports that it rests on';

CREATE OR REPLACE VIEW list_entries {on_cluster} AS
SELECT
    cooperative_id,
    factory_id,
    is_member,
    entry_id AS id,
    entry_list AS list,
    entry_state AS state,
    entry_ground AS ground,
    entry_proposed_at AS proposed_at,
    entry_decided_at AS decided_at,
    entry_decided_by AS decided_by,
    entry_until AS until,
    entry_appealed_at AS appealed_at,
    entry_answer_by AS answer_by,
    entry_early_removal_from AS early_removal_from,
    entry_ended_at AS ended_at,
    entry_evidence_ids AS evidence_ids,
    entry_evidence AS evidence
FROM desk_state FINAL
ARRAY JOIN
    entry_id, entry_list, entry_state, entry_ground, entry_proposed_at, entry_decided_at, entry_decided_by, entry_until, entry_appealed_at, entry_answer_by, entry_early_removal_from, entry_ended_at, entry_evidence_ids, entry_evidence
WHERE events > 0
COMMENT 'Entries on the lists of a cooperative''s own, and proposals of people; never the market regulator''s list.';

ALTER TABLE list_entries {on_cluster}
    COMMENT COLUMN cooperative_id 'quality cooperative',
    COMMENT COLUMN factory_id 'member; of what is the cooperative''s own, the cooperative',
    COMMENT COLUMN is_member '1 if it is a member now, and not suspended',
    COMMENT COLUMN id 'entry on a list of the cooperative''s own',
    COMMENT COLUMN list 'RED or BLACK; never the market regulator''s',
    COMMENT COLUMN state 'PROPOSED, LISTED, APPEALED (suspended until it is answered), LIFTED or EXPIRED',
    COMMENT COLUMN ground 'ground',
    COMMENT COLUMN proposed_at 'proposal',
    COMMENT COLUMN decided_at 'decision',
    COMMENT COLUMN decided_by 'who decided',
    COMMENT COLUMN until 'last moment at which it holds',
    COMMENT COLUMN appealed_at 'appeal that is not answered',
    COMMENT COLUMN answer_by 'by when that appeal is to be answered',
    COMMENT COLUMN early_removal_from 'of the black list: from when early removal may be asked for',
    COMMENT COLUMN ended_at 'when it was lifted',
    COMMENT COLUMN evidence_ids 'what its events say that it rests on',
    COMMENT COLUMN evidence 'events and reports that it rests on';

CREATE OR REPLACE VIEW listed {on_cluster} AS
SELECT
    cooperative_id,
    factory_id,
    is_member,
    listed_entry_id AS entry_id,
    listed_list AS list,
    listed_since AS since,
    listed_until AS until
FROM desk_state FINAL
ARRAY JOIN
    listed_entry_id, listed_list, listed_since, listed_until
WHERE events > 0
COMMENT 'Who was on which list of a cooperative''s own from when until when.';

ALTER TABLE listed {on_cluster}
    COMMENT COLUMN cooperative_id 'quality cooperative',
    COMMENT COLUMN factory_id 'member; of what is the cooperative''s own, the cooperative',
    COMMENT COLUMN is_member '1 if it is a member now, and not suspended',
    COMMENT COLUMN entry_id 'entry on a list of the cooperative''s own',
    COMMENT COLUMN list 'RED or BLACK',
    COMMENT COLUMN since 'since when the member is or was on the list by it',
    COMMENT COLUMN until 'first moment at which it is not any more: an appeal, an end; null: for good';

CREATE OR REPLACE VIEW list_proposals {on_cluster} AS
SELECT
    cooperative_id,
    factory_id,
    is_member,
    proposal_rule AS rule,
    proposal_list AS list,
    proposal_since AS since,
    proposal_zh AS zh,
    proposal_en AS en,
    proposal_evidence AS evidence
FROM desk_state FINAL
ARRAY JOIN
    proposal_rule, proposal_list, proposal_since, proposal_zh, proposal_en, proposal_evidence
WHERE events > 0
COMMENT 'Whom the rules propose for a list, and nobody decided; a person decides.';

ALTER TABLE list_proposals {on_cluster}
    COMMENT COLUMN cooperative_id 'quality cooperative',
    COMMENT COLUMN factory_id 'member; of what is the cooperative''s own, the cooperative',
    COMMENT COLUMN is_member '1 if it is a member now, and not suspended',
    COMMENT COLUMN rule 'rule that proposes the member for a list',
    COMMENT COLUMN list 'RED or BLACK',
    COMMENT COLUMN since 'newest of what the rule rests on',
    COMMENT COLUMN zh 'the rule in Chinese',
    COMMENT COLUMN en 'the rule in English',
    COMMENT COLUMN evidence 'events and reports that it rests on';

CREATE OR REPLACE VIEW trademark_conditions {on_cluster} AS
SELECT
    cooperative_id,
    factory_id,
    is_member,
    gate_rule AS rule,
    gate_met AS met,
    gate_zh AS zh,
    gate_en AS en,
    gate_cure_zh AS cure_zh,
    gate_cure_en AS cure_en,
    gate_is_proposal AS is_proposal,
    gate_evidence AS evidence
FROM desk_state FINAL
ARRAY JOIN
    gate_rule, gate_met, gate_zh, gate_en, gate_cure_zh, gate_cure_en, gate_is_proposal, gate_evidence
WHERE events > 0
COMMENT 'Conditions of the collective trademark, member by member: met, or what would cure it.';

ALTER TABLE trademark_conditions {on_cluster}
    COMMENT COLUMN cooperative_id 'quality cooperative',
    COMMENT COLUMN factory_id 'member; of what is the cooperative''s own, the cooperative',
    COMMENT COLUMN is_member '1 if it is a member now, and not suspended',
    COMMENT COLUMN rule 'condition of the collective trademark',
    COMMENT COLUMN met '1 if it is met',
    COMMENT COLUMN zh 'the condition in Chinese',
    COMMENT COLUMN en 'the condition in English',
    COMMENT COLUMN cure_zh 'what would cure it, in Chinese; empty if it is met',
    COMMENT COLUMN cure_en 'what would cure it, in English; empty if it is met',
    COMMENT COLUMN is_proposal '1 if nobody of the cooperative has confirmed the rule',
    COMMENT COLUMN evidence 'events and reports that it rests on';

CREATE OR REPLACE VIEW trademark_rights {on_cluster} AS
SELECT
    cooperative_id,
    factory_id,
    is_member,
    mark_id AS id,
    mark_standing AS standing,
    mark_since AS since,
    mark_until AS until
FROM desk_state FINAL
ARRAY JOIN
    mark_id, mark_standing, mark_since, mark_until
WHERE events > 0
COMMENT 'Where each member stands with a collective trademark.';

ALTER TABLE trademark_rights {on_cluster}
    COMMENT COLUMN cooperative_id 'quality cooperative',
    COMMENT COLUMN factory_id 'member; of what is the cooperative''s own, the cooperative',
    COMMENT COLUMN is_member '1 if it is a member now, and not suspended',
    COMMENT COLUMN id 'collective trademark',
    COMMENT COLUMN standing 'APPLIED, HOLDS, FELL_OUT (holds it, and does not meet its conditions), REFUSED, SUSPENDED, WITHDRAWN, EXPIRED',
    COMMENT COLUMN since 'last step',
    COMMENT COLUMN until 'last moment at which the right holds';

CREATE OR REPLACE VIEW unifications {on_cluster} AS
SELECT
    cooperative_id,
    factory_id,
    is_member,
    row_rule AS rule,
    row_done AS done,
    row_zh AS zh,
    row_en AS en,
    row_evidence AS evidence
FROM desk_state FINAL
ARRAY JOIN
    row_rule, row_done, row_zh, row_en, row_evidence
WHERE events > 0
COMMENT 'The six unifications, member by member.';

ALTER TABLE unifications {on_cluster}
    COMMENT COLUMN cooperative_id 'quality cooperative',
    COMMENT COLUMN factory_id 'member; of what is the cooperative''s own, the cooperative',
    COMMENT COLUMN is_member '1 if it is a member now, and not suspended',
    COMMENT COLUMN rule 'which of the six unifications',
    COMMENT COLUMN done '1 if it is done',
    COMMENT COLUMN zh 'its name in Chinese',
    COMMENT COLUMN en 'its name in English',
    COMMENT COLUMN evidence 'events and reports that it rests on';

CREATE OR REPLACE VIEW credit_points {on_cluster} AS
SELECT
    cooperative_id,
    factory_id,
    is_member,
    point_rule AS rule,
    point_zh AS zh,
    point_en AS en,
    point_points AS points,
    point_at AS at,
    point_is_proposal AS is_proposal,
    point_evidence AS evidence
FROM desk_state FINAL
ARRAY JOIN
    point_rule, point_zh, point_en, point_points, point_at, point_is_proposal, point_evidence
WHERE events > 0
COMMENT 'Lines of each member''s score; the official grade is not among them.';

ALTER TABLE credit_points {on_cluster}
    COMMENT COLUMN cooperative_id 'quality cooperative',
    COMMENT COLUMN factory_id 'member; of what is the cooperative''s own, the cooperative',
    COMMENT COLUMN is_member '1 if it is a member now, and not suspended',
    COMMENT COLUMN rule 'rule of the cooperative''s own credit',
    COMMENT COLUMN zh 'the rule in Chinese',
    COMMENT COLUMN en 'the rule in English',
    COMMENT COLUMN points 'points, in hundredths',
    COMMENT COLUMN at 'when what it rests on happened',
    COMMENT COLUMN is_proposal '1 if nobody of the cooperative has confirmed the rule',
    COMMENT COLUMN evidence 'events and reports that it rests on';

CREATE OR REPLACE VIEW test_reasons {on_cluster} AS
SELECT
    cooperative_id,
    factory_id,
    is_member,
    reason_rule AS rule,
    reason_zh AS zh,
    reason_en AS en,
    reason_weight AS weight,
    reason_evidence AS evidence
FROM desk_state FINAL
ARRAY JOIN
    reason_rule, reason_zh, reason_en, reason_weight, reason_evidence
WHERE events > 0
COMMENT 'Why a member should be tested soon.';

ALTER TABLE test_reasons {on_cluster}
    COMMENT COLUMN cooperative_id 'quality cooperative',
    COMMENT COLUMN factory_id 'member; of what is the cooperative''s own, the cooperative',
    COMMENT COLUMN is_member '1 if it is a member now, and not suspended',
    COMMENT COLUMN rule 'rule by which it should be tested soon',
    COMMENT COLUMN zh 'the rule in Chinese',
    COMMENT COLUMN en 'the rule in English',
    COMMENT COLUMN weight 'how much that weighs',
    COMMENT COLUMN evidence 'events and reports that it rests on';

CREATE OR REPLACE VIEW work {on_cluster} AS
SELECT
    cooperative_id,
    factory_id,
    is_member,
    work_task AS task,
    work_desk AS desk,
    work_about AS about,
    work_since AS since,
    work_due AS due,
    work_evidence AS evidence
FROM desk_state FINAL
ARRAY JOIN
    work_task, work_desk, work_about, work_since, work_due, work_evidence
WHERE events > 0
COMMENT 'What waits for members and for officers of a cooperative.';

ALTER TABLE work {on_cluster}
    COMMENT COLUMN cooperative_id 'quality cooperative',
    COMMENT COLUMN factory_id 'member; of what is the cooperative''s own, the cooperative',
    COMMENT COLUMN is_member '1 if it is a member now, and not suspended',
    COMMENT COLUMN task 'RECTIFY, ACCEPT, REINSPECT, REQUEST, PROPOSAL, LISTING, APPEAL, EARLY_REMOVAL, APPLICATION, FELL_OUT, EXPIRING or RESULT',
    COMMENT COLUMN desk 'for whom: MEMBER or OFFICER',
    COMMENT COLUMN about 'case, request, rule, entry, mark, certificate or report',
    COMMENT COLUMN since 'since when it waits',
    COMMENT COLUMN due 'by when; null: by no day',
    COMMENT COLUMN evidence 'events and reports that it rests on';

CREATE OR REPLACE VIEW fund_budgets {on_cluster} AS
SELECT
    cooperative_id,
    budget_year AS year,
    budget_what AS what,
    budget_category AS category,
    budget_amount_minor AS amount_minor,
    budget_currency AS currency
FROM desk_state FINAL
ARRAY JOIN
    budget_year, budget_what, budget_category, budget_amount_minor, budget_currency
WHERE events > 0
COMMENT 'Budgets and prices of a cooperative''s testing fund, as they were set last.';

ALTER TABLE fund_budgets {on_cluster}
    COMMENT COLUMN cooperative_id 'quality cooperative',
    COMMENT COLUMN year 'year of the fund',
    COMMENT COLUMN what 'BUDGET_SET or PRICE_SET',
    COMMENT COLUMN category 'product category of a price; empty: of all that have none of their own',
    COMMENT COLUMN amount_minor 'budget, or price of a batch, as it was set last, in hundredths',
    COMMENT COLUMN currency 'ISO 4217';

CREATE OR REPLACE VIEW fund_thresholds {on_cluster} AS
SELECT
    cooperative_id,
    threshold_year AS year,
    threshold_rule AS rule,
    threshold_zh AS zh,
    threshold_en AS en,
    threshold_is_proposal AS is_proposal,
    threshold_share AS share,
    threshold_pace_days AS pace_days,
    threshold_begins_at AS begins_at,
    threshold_ends_at AS ends_at
FROM desk_state FINAL
ARRAY JOIN
    threshold_year, threshold_rule, threshold_zh, threshold_en, threshold_is_proposal, threshold_share, threshold_pace_days, threshold_begins_at, threshold_ends_at
WHERE events > 0
COMMENT 'What part of a year''s budget is worth telling once it is used, by the cooperative''s rules.';

ALTER TABLE fund_thresholds {on_cluster}
    COMMENT COLUMN cooperative_id 'quality cooperative',
    COMMENT COLUMN year 'year of the fund',
    COMMENT COLUMN rule 'rule by which an officer is shown that the budget comes to its end',
    COMMENT COLUMN zh 'the rule in Chinese',
    COMMENT COLUMN en 'the rule in English',
    COMMENT COLUMN is_proposal '1 if nobody of the cooperative has confirmed the rule',
    COMMENT COLUMN share 'used and reserved so much of the budget, in hundredths of a percent',
    COMMENT COLUMN pace_days 'spending of so many of the last days is taken for the pace',
    COMMENT COLUMN begins_at 'first moment of the year there',
    COMMENT COLUMN ends_at 'first moment after it';

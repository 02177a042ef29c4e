-- Written by `weftline tables render --migration desk`.

CREATE TABLE IF NOT EXISTS desk_state {on_cluster}
(
    owner                    String                                COMMENT 'whose events are folded together',
    version                  UInt256                               COMMENT 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 8 bits count the deadlines that passed',
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
    budget_currency          Array(LowCardinality(String))         COMMENT 'ISO 4217'
)
ENGINE = {engine:ReplacingMergeTree(version)}
ORDER BY (owner)
SETTINGS index_granularity = 256
COMMENT 'What the rules of a cooperative say of each member, thing by thing; of what is a cooperative''s own, budgets and prices.';

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

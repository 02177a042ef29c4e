-- Words where a reader who had only the documentation guessed wrong: which events the windows count, and where quality has no row.

ALTER TABLE order_throughput_minute {on_cluster}
    COMMENT COLUMN events 'events that stand and applied; what did not apply (backward, earlier_round, after_verdict, after_end, not_on_hold, unknown_status) is not among them';

ALTER TABLE throughput_per_minute {on_cluster}
    COMMENT COLUMN events 'events that stand and applied; what did not apply (backward, earlier_round, after_verdict, after_end, not_on_hold, unknown_status) is not among them';

ALTER TABLE order_throughput_hour {on_cluster}
    COMMENT COLUMN events 'events that stand and applied; what did not apply (backward, earlier_round, after_verdict, after_end, not_on_hold, unknown_status) is not among them';

ALTER TABLE throughput_per_hour {on_cluster}
    COMMENT COLUMN events 'events that stand and applied; what did not apply (backward, earlier_round, after_verdict, after_end, not_on_hold, unknown_status) is not among them';

ALTER TABLE order_throughput_day {on_cluster}
    COMMENT COLUMN events 'events that stand and applied; what did not apply (backward, earlier_round, after_verdict, after_end, not_on_hold, unknown_status) is not among them';

ALTER TABLE throughput_per_day {on_cluster}
    COMMENT COLUMN events 'events that stand and applied; what did not apply (backward, earlier_round, after_verdict, after_end, not_on_hold, unknown_status) is not among them';

ALTER TABLE inspection_throughput_minute {on_cluster}
    COMMENT COLUMN events 'events that stand, also those that changed nothing: a step after a withdrawal, an amendment that is not in force, a status that nobody knows';

ALTER TABLE tests_per_minute {on_cluster}
    COMMENT COLUMN events 'events that stand, also those that changed nothing: a step after a withdrawal, an amendment that is not in force, a status that nobody knows';

ALTER TABLE inspection_throughput_hour {on_cluster}
    COMMENT COLUMN events 'events that stand, also those that changed nothing: a step after a withdrawal, an amendment that is not in force, a status that nobody knows';

ALTER TABLE tests_per_hour {on_cluster}
    COMMENT COLUMN events 'events that stand, also those that changed nothing: a step after a withdrawal, an amendment that is not in force, a status that nobody knows';

ALTER TABLE inspection_throughput_day {on_cluster}
    COMMENT COLUMN events 'events that stand, also those that changed nothing: a step after a withdrawal, an amendment that is not in force, a status that nobody knows';

ALTER TABLE tests_per_day {on_cluster}
    COMMENT COLUMN events 'events that stand, also those that changed nothing: a step after a withdrawal, an amendment that is not in force, a status that nobody knows';

ALTER TABLE logistics_throughput_minute {on_cluster}
    COMMENT COLUMN events 'events that stand and applied or were noted; what did not apply (after_delivery, nothing_to_void, unknown_step) is not among them';

ALTER TABLE movements_per_minute {on_cluster}
    COMMENT COLUMN events 'events that stand and applied or were noted; what did not apply (after_delivery, nothing_to_void, unknown_step) is not among them';

ALTER TABLE logistics_throughput_hour {on_cluster}
    COMMENT COLUMN events 'events that stand and applied or were noted; what did not apply (after_delivery, nothing_to_void, unknown_step) is not among them';

ALTER TABLE movements_per_hour {on_cluster}
    COMMENT COLUMN events 'events that stand and applied or were noted; what did not apply (after_delivery, nothing_to_void, unknown_step) is not among them';

ALTER TABLE logistics_throughput_day {on_cluster}
    COMMENT COLUMN events 'events that stand and applied or were noted; what did not apply (after_delivery, nothing_to_void, unknown_step) is not among them';

ALTER TABLE movements_per_day {on_cluster}
    COMMENT COLUMN events 'events that stand and applied or were noted; what did not apply (after_delivery, nothing_to_void, unknown_step) is not among them';

ALTER TABLE quality_by_day {on_cluster}
    MODIFY COMMENT 'Verified results per day (UTC), factory, product category and indicator: tested, passed, failed, required but not tested, not detected. Corrections restate on the day on which they happened; where they change nothing of an indicator, it has no row for that day.';

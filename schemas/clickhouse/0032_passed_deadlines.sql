-- Written by `weftline tables render --migration passed_deadlines`.

ALTER TABLE order_state {on_cluster}
    COMMENT COLUMN version 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 24 bits count the deadlines that passed';

ALTER TABLE strand_state {on_cluster}
    COMMENT COLUMN version 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 24 bits count the deadlines that passed';

ALTER TABLE report_state {on_cluster}
    COMMENT COLUMN version 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 24 bits count the deadlines that passed';

ALTER TABLE lot_state {on_cluster}
    COMMENT COLUMN version 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 24 bits count the deadlines that passed';

ALTER TABLE run_state {on_cluster}
    COMMENT COLUMN version 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 24 bits count the deadlines that passed';

ALTER TABLE switching_state {on_cluster}
    COMMENT COLUMN version 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 24 bits count the deadlines that passed';

ALTER TABLE shipment_state {on_cluster}
    COMMENT COLUMN version 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 24 bits count the deadlines that passed';

ALTER TABLE answer_state {on_cluster}
    COMMENT COLUMN version 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 24 bits count the deadlines that passed';

ALTER TABLE block_state {on_cluster}
    COMMENT COLUMN version 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 24 bits count the deadlines that passed';

ALTER TABLE member_state {on_cluster}
    COMMENT COLUMN version 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 24 bits count the deadlines that passed';

ALTER TABLE matter_state {on_cluster}
    COMMENT COLUMN version 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 24 bits count the deadlines that passed';

ALTER TABLE desk_state {on_cluster}
    COMMENT COLUMN version 'sum of the ranks of the records it was judged from, below the edition of the rules; its lowest 24 bits count the deadlines that passed';

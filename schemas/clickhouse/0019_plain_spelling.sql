-- Written by `weftline tables render --migration plain_spelling`.

ALTER TABLE order_records {on_cluster}
    COMMENT COLUMN value 'the message: Confluent framing and Avro, in its plain spelling',
    MODIFY COMMENT 'Every order event that was received, with all that it says, corrections included.';

ALTER TABLE inspection_records {on_cluster}
    COMMENT COLUMN value 'the message: Confluent framing and Avro, in its plain spelling',
    MODIFY COMMENT 'Every inspection event that was received, with all that it says, corrections included.';

ALTER TABLE logistics_records {on_cluster}
    COMMENT COLUMN value 'the message: Confluent framing and Avro, in its plain spelling',
    MODIFY COMMENT 'Every logistics event that was received, with all that it says, corrections included.';

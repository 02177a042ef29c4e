-- What size and hash are of, where a record was cut before its value began.

ALTER TABLE dead_letters {on_cluster}
    COMMENT COLUMN size 'bytes of the value as it came, or of the whole record if that is cut before its value begins (cut says which); null: none, or nobody knows',
    COMMENT COLUMN sha256 'SHA-256 (hexadecimal) of the first bytes of what size counts, if it is cut; empty: not known';

-- A table of records that was emptied and filled again is known by its blocks, also by a worker that did not see it empty.

ALTER TABLE reading_marks {on_cluster} ADD COLUMN IF NOT EXISTS oldest Int64 DEFAULT 0 COMMENT 'number of the oldest block of the table of records when it was last looked at; 0: not known';
ALTER TABLE reading_marks {on_cluster} ADD COLUMN IF NOT EXISTS newest Int64 DEFAULT 0 COMMENT 'number of its newest block then; 0: not known, as with several replicas';

-- What was restored from backups (weftline restore). A restore is written down when it begins and when it ends: one that did not end
-- is told by `weftline status`, and only its own backup may go on in a stack that is no longer empty.

CREATE TABLE IF NOT EXISTS restores {on_cluster}
(
    backup   String COMMENT 'id of the backup, as its manifest has it',
    ended    UInt8 COMMENT '0 where it began, 1 where it ended',
    taken_at DateTime64(3, 'UTC') COMMENT 'when the backup began',
    at       DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'when'
)
ENGINE = {engine:ReplacingMergeTree()}
ORDER BY (backup, at, ended)
COMMENT 'Backups that were restored into these tables.';

-- Why a message could not be handled when it was last tried, and what became of its dead letter.
-- Every statement may run again. A message is known by a digest of its body.

CREATE TABLE IF NOT EXISTS failures (
    queue TEXT NOT NULL,
    digest TEXT NOT NULL,
    order_id TEXT,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    failed_at_ms INTEGER NOT NULL,
    letter INTEGER,
    replayed_at_ms INTEGER,
    PRIMARY KEY (queue, digest)
) STRICT, WITHOUT ROWID;

-- For a dead letter to find its own, and for those that led to none to be forgotten.
CREATE INDEX IF NOT EXISTS failures_by_letter ON failures (letter, failed_at_ms);

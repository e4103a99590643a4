-- Who orders are for, each sealed by AES-256-GCM: nothing in it can be read, or moved to another row,
-- by who has the database alone. Every statement may run again.

CREATE TABLE IF NOT EXISTS contacts (
    -- The order, or what will be its id if there is one (domain/src/id.rs).
    order_id TEXT PRIMARY KEY,
    -- Which of the keys in CONTACT_KEYS.
    key_id TEXT NOT NULL,
    -- 96 random bits, and what was sealed with its tag at the end: both in base64.
    nonce TEXT NOT NULL,
    sealed TEXT NOT NULL,
    written_at_ms INTEGER NOT NULL,
    -- When to look whether there is an order; not set once one is known to be there.
    forget_at_ms INTEGER
) STRICT, WITHOUT ROWID;

-- For what is still sealed with an old key.
CREATE INDEX IF NOT EXISTS contacts_by_key ON contacts (key_id);

CREATE INDEX IF NOT EXISTS contacts_to_forget ON contacts (forget_at_ms)
    WHERE forget_at_ms IS NOT NULL;

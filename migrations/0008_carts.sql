-- Payments that are made together, in one session of the provider: one row for each of them. The
-- record of the session itself is that of the lead. Every statement may run again.

CREATE TABLE IF NOT EXISTS payment_parts (
    payment TEXT PRIMARY KEY,
    -- The payment whose session it is; that one has a row here as well.
    lead TEXT NOT NULL,
    sale TEXT NOT NULL,
    sku TEXT NOT NULL,
    -- What is owed.
    currency TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    -- When the payment is over.
    ends_at_ms INTEGER NOT NULL,
    -- When the sandbox gave it back. A provider outside has this on its side.
    refunded_at_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS payment_parts_by_lead ON payment_parts (lead);

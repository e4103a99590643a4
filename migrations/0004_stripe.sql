-- Payments that were begun with Stripe. Whose record is here is Stripe's, whatever is set up now. The
-- sandbox keeps its own in `sandbox_payments`, and no payment is in both.
-- Every statement may run again.

CREATE TABLE IF NOT EXISTS stripe_sessions (
    payment TEXT PRIMARY KEY,
    sale TEXT NOT NULL,
    sku TEXT NOT NULL,
    -- What is owed.
    currency TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    begun_at_ms INTEGER NOT NULL,
    -- Stripe's name for the session, once it is known.
    session TEXT,
    -- Where the shopper pays. Nobody is told before it stands here.
    page TEXT,
    -- 1: no page will be told any more.
    ended INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

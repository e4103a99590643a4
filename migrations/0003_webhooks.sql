-- What the merchant's shop is told. This is the outbox, the queue only wakes. No secret is in it.
-- Every statement may run again.

CREATE TABLE IF NOT EXISTS webhook_endpoints (
    endpoint TEXT PRIMARY KEY,
    address TEXT NOT NULL,
    -- Names of kinds, as a JSON array.
    kinds TEXT NOT NULL,
    -- How they are signed: `standard`, or `shopify` as well.
    signature TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    -- Versions of its secret, and until when the one before signs.
    secret_version INTEGER NOT NULL,
    previous_version INTEGER NOT NULL,
    previous_until_ms INTEGER NOT NULL,
    -- The act that made the present one, and empty if the endpoint began with it.
    rotation_key TEXT NOT NULL,
    -- The breaker, and until when somebody is sending to it.
    failures INTEGER NOT NULL,
    open_until_ms INTEGER NOT NULL,
    leased_until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS webhook_events (
    event TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    -- To what: an order, a reservation, a SKU or a sale.
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS webhook_deliveries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    endpoint TEXT NOT NULL,
    event TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_at_ms INTEGER NOT NULL,
    last_status INTEGER,
    last_outcome TEXT,
    UNIQUE (endpoint, event)
) STRICT;

CREATE INDEX IF NOT EXISTS webhook_deliveries_due ON webhook_deliveries (endpoint, next_at_ms)
    WHERE state = 'pending';

CREATE INDEX IF NOT EXISTS webhook_deliveries_of ON webhook_deliveries (endpoint, number);

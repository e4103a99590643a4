-- Orders that the merchant cancelled. Every statement may run again.

CREATE TABLE IF NOT EXISTS order_cancellations (
    order_id TEXT PRIMARY KEY,
    cancelled_at_ms INTEGER NOT NULL,
    -- Whether the units came back to the sale.
    restock INTEGER NOT NULL,
    reason TEXT NOT NULL,
    -- When the provider had given the money back.
    refunded_at_ms INTEGER
) STRICT, WITHOUT ROWID;

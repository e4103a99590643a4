-- What becomes of orders. Every statement may run again.

CREATE TABLE IF NOT EXISTS order_cancellations (
    order_id TEXT PRIMARY KEY,
    cancelled_at_ms INTEGER NOT NULL,
    -- Whether the units came back to the sale.
    restock INTEGER NOT NULL,
    reason TEXT NOT NULL,
    -- When the provider had given the money back.
    refunded_at_ms INTEGER
) STRICT, WITHOUT ROWID;

-- By what an order's number is made of (domain/src/order_number.rs). Not unique: of two orders that
-- have one number, both are in the books and both are found.
CREATE INDEX IF NOT EXISTS orders_by_number ON orders (substr(order_id, 17, 8));

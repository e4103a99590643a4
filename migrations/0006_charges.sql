-- What was charged beside the goods of an order, or within their prices. Every statement may run again.

CREATE TABLE IF NOT EXISTS order_charges (
    order_id TEXT NOT NULL,
    -- `shipping` or `tax`.
    kind TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    -- Of a tax: its name, its rate in millionths, and whether it is a part of the other lines.
    title TEXT,
    rate_ppm INTEGER,
    included INTEGER,
    PRIMARY KEY (order_id, kind)
) STRICT, WITHOUT ROWID;

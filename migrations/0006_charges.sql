-- What was charged beside the goods of an order, or within their prices. Every statement may run again.

CREATE TABLE IF NOT EXISTS order_charges (
    order_id TEXT PRIMARY KEY,
    -- NULL: not charged.
    shipping_minor INTEGER,
    -- NULL: no tax. If it is included, it is a part of the other lines; else it was added to them.
    tax_minor INTEGER,
    tax_title TEXT,
    tax_ppm INTEGER,
    tax_included INTEGER
) STRICT, WITHOUT ROWID;

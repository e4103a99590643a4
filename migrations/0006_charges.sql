-- What is charged beside goods, or within prices. NULL: it is not. Every statement may run again.

CREATE TABLE IF NOT EXISTS order_charges (
    order_id TEXT PRIMARY KEY,
    shipping_minor INTEGER,
    tax_minor INTEGER,
    tax_title TEXT,
    tax_ppm INTEGER,
    tax_included INTEGER
) STRICT, WITHOUT ROWID;

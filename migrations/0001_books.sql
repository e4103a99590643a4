-- The books: what is published, and what is settled. Every statement may run again.

CREATE TABLE IF NOT EXISTS catalog_versions (
    version INTEGER PRIMARY KEY AUTOINCREMENT,
    import TEXT NOT NULL,
    published_at_ms INTEGER NOT NULL,
    currency TEXT NOT NULL,
    products INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS catalog_products (
    import TEXT NOT NULL,
    place INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (import, place)
) STRICT, WITHOUT ROWID;

-- Imports that are being written, or that broke off.
CREATE TABLE IF NOT EXISTS catalog_imports (
    import TEXT PRIMARY KEY,
    begun_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS sales (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    sale TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL
) STRICT;

-- An order is never deleted, so numbers only grow. AUTOINCREMENT would write a row more for each.
CREATE TABLE IF NOT EXISTS orders (
    number INTEGER PRIMARY KEY,
    order_id TEXT NOT NULL UNIQUE,
    sale TEXT NOT NULL,
    shopper TEXT NOT NULL,
    payment TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    placed_at_ms INTEGER NOT NULL,
    settled_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS order_lines (
    order_id TEXT NOT NULL,
    line INTEGER NOT NULL,
    sku TEXT NOT NULL,
    title TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    unit_price_minor INTEGER NOT NULL,
    PRIMARY KEY (order_id, line)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS dead_letters (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL,
    body TEXT NOT NULL,
    received_at_ms INTEGER NOT NULL
) STRICT;

-- The same message may die any number of times, and is one dead letter.
CREATE UNIQUE INDEX IF NOT EXISTS dead_letters_once ON dead_letters (queue, body);

-- The built-in payment provider's own records. A real provider has these on its side.
CREATE TABLE IF NOT EXISTS sandbox_payments (
    payment TEXT PRIMARY KEY,
    status TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    changed_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

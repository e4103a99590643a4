-- Nothing references sku: checking that would lock its row once more for every reservation.
--
-- A page holds few SKUs, so that updating its row seldom needs another page.
CREATE TABLE IF NOT EXISTS sku (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sale text NOT NULL,
    name text NOT NULL,
    on_hand bigint NOT NULL,
    available bigint NOT NULL CHECK (available >= 0),
    ttl_ms bigint NOT NULL,
    UNIQUE (sale, name)
) WITH (fillfactor = 10);

-- States: h held, a allocated, e expired. The id stands for shopper and idempotency key, so the row
-- is also the stored answer of a repeat.
CREATE TABLE IF NOT EXISTS reservation (
    id bytea PRIMARY KEY,
    sku int NOT NULL,
    shopper bytea NOT NULL,
    state "char" NOT NULL,
    deadline bigint NOT NULL,
    unit bigint
);
CREATE UNIQUE INDEX IF NOT EXISTS one_per_shopper ON reservation (sku, shopper) WHERE state <> 'e';
CREATE INDEX IF NOT EXISTS held_by_deadline ON reservation (sku, deadline) WHERE state = 'h';

CREATE TABLE IF NOT EXISTS unit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku int NOT NULL,
    taken boolean NOT NULL DEFAULT false
);
CREATE INDEX IF NOT EXISTS free_unit ON unit (sku) WHERE NOT taken;

CREATE TABLE IF NOT EXISTS outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku int NOT NULL,
    reservation bytea NOT NULL,
    shopper bytea NOT NULL
);

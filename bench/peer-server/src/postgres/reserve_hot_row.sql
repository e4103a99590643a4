-- $1 reservation, $2 SKU, $3 shopper, $4 now
WITH prior AS (
    SELECT deadline FROM reservation WHERE id = $1
), mine AS (
    SELECT FROM reservation WHERE sku = $2 AND shopper = $3 AND state <> 'e'
), taken AS (
    UPDATE sku SET available = available - 1
    WHERE id = $2 AND available > 0
        AND NOT EXISTS (SELECT FROM prior) AND NOT EXISTS (SELECT FROM mine)
    RETURNING $4::bigint + ttl_ms AS deadline
), made AS (
    INSERT INTO reservation (id, sku, shopper, state, deadline)
    SELECT $1, $2, $3, 'h', deadline FROM taken
    RETURNING deadline
)
SELECT (SELECT deadline FROM made) AS made,
    (SELECT deadline FROM prior) AS prior,
    EXISTS (SELECT FROM mine) AS mine,
    CASE WHEN NOT EXISTS (SELECT FROM made) THEN
        (SELECT min(deadline) FROM reservation WHERE sku = $2 AND state = 'h')
    END AS first_due,
    false AS is_free

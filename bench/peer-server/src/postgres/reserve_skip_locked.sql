-- $1 reservation, $2 SKU, $3 shopper, $4 now
WITH prior AS (
    SELECT deadline FROM reservation WHERE id = $1
), mine AS (
    SELECT FROM reservation WHERE sku = $2 AND shopper = $3 AND state <> 'e'
), taken AS (
    UPDATE unit SET taken = true
    WHERE id = (
        SELECT id FROM unit
        WHERE sku = $2 AND NOT taken
            AND NOT EXISTS (SELECT FROM prior) AND NOT EXISTS (SELECT FROM mine)
        LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING id
), made AS (
    INSERT INTO reservation (id, sku, shopper, state, deadline, unit)
    SELECT $1, $2, $3, 'h', $4::bigint + sku.ttl_ms, taken.id FROM taken, sku WHERE sku.id = $2
    RETURNING deadline
)
SELECT (SELECT deadline FROM made) AS made,
    (SELECT deadline FROM prior) AS prior,
    EXISTS (SELECT FROM mine) AS mine,
    CASE WHEN NOT EXISTS (SELECT FROM made) THEN
        (SELECT min(deadline) FROM reservation WHERE sku = $2 AND state = 'h')
    END AS first_due,
    CASE WHEN NOT EXISTS (SELECT FROM made) THEN
        EXISTS (SELECT FROM unit WHERE sku = $2 AND NOT taken)
    END AS is_free

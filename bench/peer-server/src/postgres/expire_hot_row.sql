-- $1 SKU, $2 now; as many as are changed
WITH due AS (
    UPDATE reservation SET state = 'e'
    WHERE id IN (
        SELECT id FROM reservation WHERE sku = $1 AND state = 'h' AND deadline <= $2
        ORDER BY deadline LIMIT 64 FOR UPDATE SKIP LOCKED
    )
    RETURNING id
), given AS (
    UPDATE sku SET available = available + (SELECT count(*) FROM due)
    WHERE id = $1 AND EXISTS (SELECT FROM due)
)
SELECT count(*) FROM due

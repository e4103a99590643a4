-- $1 reservation, $2 SKU, $3 now
WITH known AS (
    SELECT state, deadline FROM reservation WHERE id = $1 AND sku = $2
), won AS (
    UPDATE reservation SET state = 'a'
    WHERE id = $1 AND sku = $2 AND state = 'h' AND deadline > $3
    RETURNING id, sku, shopper
), told AS (
    INSERT INTO outbox (sku, reservation, shopper) SELECT sku, id, shopper FROM won
)
SELECT EXISTS (SELECT FROM won) OR state = 'a' AS ordered,
    state = 'e' OR state = 'h' AND deadline <= $3 AS expired
FROM known

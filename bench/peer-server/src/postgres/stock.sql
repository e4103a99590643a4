-- $1 SKU
SELECT on_hand,
    (SELECT count(*) FROM reservation WHERE sku = $1 AND state = 'h') AS reserved,
    (SELECT count(*) FROM reservation WHERE sku = $1 AND state = 'a') AS allocated,
    (SELECT count(*) FROM outbox WHERE sku = $1) AS outbox
FROM sku WHERE id = $1

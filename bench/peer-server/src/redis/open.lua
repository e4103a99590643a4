-- ARGV: on_hand, ttl_ms. What was known of the SKU is forgotten.
redis.call('UNLINK', stock, due, made, by, outbox)
redis.call('HSET', stock, 'on_hand', ARGV[1], 'left', ARGV[1], 'ttl_ms', ARGV[2])
return 0

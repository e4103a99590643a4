-- Begins every script. What Redis keeps of a SKU:
--   stock   hash: on_hand, left, ttl_ms
--   due     sorted set: reservations that are held, by deadline
--   made    hash: reservation -> "state:deadline:shopper"; also the stored answer of a repeat
--   by      hash: shopper -> the reservation that counts against the shopper's limit
--   outbox  stream: orders
local stock, due, made, by, outbox = unpack(KEYS)

-- What is known of a reservation: state, deadline, shopper.
local function parts(known)
  return string.match(known, '^(%a+):(%d+):(.+)$')
end

-- Gives the unit of a held reservation back.
local function expire(id)
  local _, deadline, shopper = parts(redis.call('HGET', made, id))
  redis.call('ZREM', due, id)
  redis.call('HSET', made, id, 'expired:' .. deadline .. ':' .. shopper)
  redis.call('HDEL', by, shopper)
  redis.call('HINCRBY', stock, 'left', 1)
end

-- Expires what is due, a bounded number at a time; returns how many.
local function expire_due(now, most)
  local over = redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, most)
  for _, id in ipairs(over) do
    expire(id)
  end
  return #over
end

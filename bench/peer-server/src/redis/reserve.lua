-- ARGV: reservation, shopper, now. Answers a code and a deadline.
local id, shopper, now = ARGV[1], ARGV[2], ARGV[3]
local known = redis.call('HGET', made, id)
if known then
  local _, deadline = parts(known)
  return {1, tonumber(deadline)}
end
-- If anything is due there is a unit afterwards, so a bounded number never makes a wrong answer.
expire_due(now, 64)
local other = redis.call('HGET', by, shopper)
if other then
  local deadline = redis.call('ZSCORE', due, other)
  if not deadline or tonumber(deadline) > tonumber(now) then
    return {2, 0}
  end
  expire(other)
end
local left, ttl_ms = unpack(redis.call('HMGET', stock, 'left', 'ttl_ms'))
if not left then
  return {5, 0}
end
if tonumber(left) < 1 then
  if redis.call('ZCARD', due) > 0 then
    return {3, 0}
  end
  return {4, 0}
end
local deadline = string.format('%.0f', now + ttl_ms)
redis.call('HINCRBY', stock, 'left', -1)
redis.call('ZADD', due, deadline, id)
redis.call('HSET', made, id, 'held:' .. deadline .. ':' .. shopper)
redis.call('HSET', by, shopper, id)
return {0, tonumber(deadline)}

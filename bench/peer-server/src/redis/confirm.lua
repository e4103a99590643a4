-- ARGV: reservation, now. Answers a code. The order and its outbox entry are one step.
local id, now = ARGV[1], ARGV[2]
local known = redis.call('HGET', made, id)
if not known then
  return 2
end
local state, deadline, shopper = parts(known)
if state == 'ordered' then
  return 0
end
if state == 'held' and tonumber(deadline) <= tonumber(now) then
  expire(id)
  state = 'expired'
end
if state == 'expired' then
  return 1
end
redis.call('ZREM', due, id)
redis.call('HSET', made, id, 'ordered:' .. deadline .. ':' .. shopper)
redis.call('XADD', outbox, '*', 'reservation', id, 'shopper', shopper)
return 0

-- ARGV: now. Answers on_hand, reserved, allocated, outbox; nothing if the SKU was not opened.
repeat
  local gone = expire_due(ARGV[1], 1000)
until gone == 0
local on_hand, left = unpack(redis.call('HMGET', stock, 'on_hand', 'left'))
if not on_hand then
  return {}
end
local reserved = redis.call('ZCARD', due)
return {tonumber(on_hand), reserved, on_hand - left - reserved, redis.call('XLEN', outbox)}

#!lua flags=allow-oom
-- What waits and should have been looked at by now. Each is put off, so that two callers do not get the same.
-- Nothing is put off for longer than `ahead`: what seems to be was put there by a clock that was ahead, and is due too.
-- KEYS work    ARGV limit push ahead
local now = now_ms()
local items = call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
for _, item in ipairs(call('ZRANGEBYSCORE', KEYS[1], now + ARGV[3], '+inf', 'LIMIT', 0, ARGV[1])) do
  items[#items + 1] = item
end
for _, item in ipairs(items) do call('ZADD', KEYS[1], 'XX', now + ARGV[2], item) end
return items

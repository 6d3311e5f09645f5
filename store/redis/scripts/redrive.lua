#!lua flags=allow-oom
-- What waits and should have been looked at by now. Each is put off, so that two callers do not get the same.
-- KEYS work    ARGV limit push
local now = now_ms()
local items = call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
for _, item in ipairs(items) do call('ZADD', KEYS[1], 'XX', now + ARGV[2], item) end
return items

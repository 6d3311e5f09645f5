#!lua
-- Opens a capture, unless it was closed in the meantime: the deadline is the server's time before PostgreSQL was read.
-- KEYS meta captures closed partition…    ARGV capture deadline owner
local partitions = #KEYS - 3
local now = now_ms()
if now > tonumber(ARGV[2]) or call('ZSCORE', KEYS[3], ARGV[1]) then return 'refused' end
if call('EXISTS', KEYS[1]) == 1 then return 'done' end
call('HSET', KEYS[1], 'state', 'o', 'next', 0, 'hi', -1, 'last', -1, 'P', partitions, 'seen', now, 'minute', 0,
  'owner', ARGV[3])
for k = 4, #KEYS do
  call('HSET', KEYS[k], 'f', 0, 'own', '', 'till', 0, 'cn', 0, 'cur', 0, 'off', 0, 'tk', 0, 'qn', 0)
end
call('ZADD', KEYS[2], now, ARGV[1])
return 'opened'

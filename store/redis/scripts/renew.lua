#!lua flags=allow-oom
-- KEYS partition work    ARGV capture p fence token lease
local v = call('HMGET', KEYS[1], 'f', 'own')
if v[1] ~= ARGV[3] or v[2] ~= ARGV[4] then return 'stale' end
local till = now_ms() + ARGV[5]
call('HSET', KEYS[1], 'till', till)
call('ZADD', KEYS[2], 'XX', till, ARGV[1] .. '|p|' .. ARGV[2])
return 'ok'

#!lua flags=allow-oom
-- A piece is in, or has to wait: the upload is looked at again after a while, or never (finished).
-- KEYS meta work    ARGV capture token delay (-1: finished)
local item = ARGV[1] .. '|u|0'
if string.match(call('HGET', KEYS[1], 'piece') or '', '^([^|]*)|') ~= ARGV[2] then return 'stale' end
call('HDEL', KEYS[1], 'piece')
if tonumber(ARGV[3]) < 0 then call('ZREM', KEYS[2], item) else call('ZADD', KEYS[2], now_ms() + ARGV[3], item) end
return 'ok'

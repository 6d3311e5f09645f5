#!lua flags=allow-oom
-- A second try is over, whatever came of it: there is no third, but one that was asked for while it ran stays due.
-- KEYS due tries    ARGV item token
local token, till = string.match(call('HGET', KEYS[2], ARGV[1]) or '', '^([^|]*)|(%d+)|')
if token ~= ARGV[2] then return 0 end
call('HDEL', KEYS[2], ARGV[1])
if tonumber(call('ZSCORE', KEYS[1], ARGV[1]) or 0) == tonumber(till) then call('ZREM', KEYS[1], ARGV[1]) end
return 1

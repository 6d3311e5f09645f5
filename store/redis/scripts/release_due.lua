#!lua flags=allow-oom
-- Gives a second try back, uncounted: our own infrastructure failed. It is due again when its lease would have ended.
-- KEYS due tries    ARGV item token
local token, till, takes = string.match(call('HGET', KEYS[2], ARGV[1]) or '|0|0', '^([^|]*)|(%d+)|(%d+)$')
if token ~= ARGV[2] then return 0 end
call('HSET', KEYS[2], ARGV[1], table.concat({'', till, math.max(tonumber(takes) - 1, 0)}, '|'))
return 1

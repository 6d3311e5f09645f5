#!lua flags=allow-oom
-- A second try is over, whatever came of it: there is no third.
-- KEYS due tries    ARGV item token
if string.match(call('HGET', KEYS[2], ARGV[1]) or '', '^([^|]*)|') ~= ARGV[2] then return 0 end
call('HDEL', KEYS[2], ARGV[1])
return call('ZREM', KEYS[1], ARGV[1])

#!lua flags=allow-oom
-- Gives a chunk back that was taken for splitting, uncounted: our own infrastructure failed, the chunk is not to blame.
-- KEYS chunks work    ARGV capture n token hint
local n = tonumber(ARGV[2])
local c = chunk_read(KEYS[1], n)
if not c or c.status ~= 'a' or c.token ~= ARGV[3] then return 0 end
c.takes, c.till, c.token = math.max(c.takes - 1, 0), 0, ''
chunk_write(KEYS[1], n, c)
call('ZADD', KEYS[2], now_ms() + ARGV[4], ARGV[1] .. '|s|' .. n)
return 1

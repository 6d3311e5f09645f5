#!lua flags=allow-oom
-- Takes an accepted chunk for splitting. The same token gets the same answer; the third take is poison.
-- KEYS chunks work    ARGV capture n token lease
local now = now_ms()
local n, token = tonumber(ARGV[2]), ARGV[3]
local c = chunk_read(KEYS[1], n)
if not c or c.status ~= 'a' then
  call('ZREM', KEYS[2], ARGV[1] .. '|s|' .. n)
  return {'no'}
end
if c.token ~= token then
  if held(c.till, now, tonumber(ARGV[4])) then return {'no'} end
  c.token, c.till, c.takes = token, now + ARGV[4], math.min(c.takes + 1, 3)
  chunk_write(KEYS[1], n, c)
  call('ZADD', KEYS[2], c.till, ARGV[1] .. '|s|' .. n)
end
return {c.takes > 2 and 'poison' or 'run', call('HGET', KEYS[1], n)}

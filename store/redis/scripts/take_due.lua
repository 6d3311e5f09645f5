#!lua flags=allow-oom
-- Takes a due second try, so that it runs once at a time and is not lost. The third take is poison.
-- KEYS due tries    ARGV item token lease
local now = now_ms()
local score = call('ZSCORE', KEYS[1], ARGV[1])
if not score then return 'no' end
local token, till, takes = string.match(call('HGET', KEYS[2], ARGV[1]) or '|0|0', '^([^|]*)|(%d+)|(%d+)$')
takes = tonumber(takes)
if token ~= ARGV[2] then
  if held(tonumber(till), now, tonumber(ARGV[3])) or tonumber(score) > now then return 'no' end
  takes = math.min(takes + 1, 3)
  till = now + ARGV[3]
  call('HSET', KEYS[2], ARGV[1], table.concat({ARGV[2], till, takes}, '|'))
  call('ZADD', KEYS[1], till, ARGV[1])
end
return takes > 2 and 'poison' or 'run'

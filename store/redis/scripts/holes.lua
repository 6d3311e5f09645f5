#!lua
-- Closes the numbers an agent gave up, with its counts. Others than the unknown ones of the window are ignored: accepted
-- ones are there, lower ones are done, higher ones are told again later. Without numbers it is only a sign of life.
-- Below `oldest`, the lowest number that is not safe yet, the agent has nothing: what is missing there is gone uncounted.
-- KEYS meta chunks holes acct work captures partition…    ARGV capture window hint limit oldest (n packets bytes reason)…
local capture, window = ARGV[1], tonumber(ARGV[2])
local now = now_ms()
local m = call('HMGET', KEYS[1], 'state', 'next', 'last', 'P', 'hi', 'minute')
if not m[1] then return {'unknown', 0, {}} end
local next, last, partitions, hi = tonumber(m[2]), tonumber(m[3]), tonumber(m[4]), tonumber(m[5])
if partitions ~= #KEYS - 6 then return redis.error_reply('holes: the capture has ' .. partitions .. ' partitions') end

local minute = minute_of(now, m[6])
local keys = {chunks = KEYS[2], holes = KEYS[3], acct = KEYS[4]}
local function close(n, packets, bytes, reason)
  if m[1] ~= 'd' and n >= next and n < next + window and (m[1] == 'o' or n <= last)
      and call('HEXISTS', KEYS[2], n) == 0 then
    hole_close(keys, n, partitions, math.max(now, minute * 60000), tonumber(ARGV[4]), packets, bytes, reason, minute)
    hi = math.max(hi, n)
  end
end
for i = 6, #ARGV, 4 do close(tonumber(ARGV[i]), tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), ARGV[i + 3]) end
for n = next, math.min(tonumber(ARGV[5]), next + window) - 1 do close(n, 0, 0, 'unknown') end
call('HSET', KEYS[1], 'hi', hi)
seen(KEYS[1], KEYS[6], capture, now)
touch_all(KEYS[5], capture, 7, KEYS[2], partitions, now + ARGV[3])
return answer('ok', KEYS[2], next, window)

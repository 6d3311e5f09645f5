#!lua
-- Puts the end marker after the last chunk. A last number that cannot be (lower than a known one, or beyond the window)
-- is moved into its bounds. A repeat changes nothing.
-- KEYS meta chunks work captures acct partition…    ARGV capture last window hint, counters of what was lost at the end
local capture, window = ARGV[1], tonumber(ARGV[3])
local now = now_ms()
local m = call('HMGET', KEYS[1], 'state', 'next', 'P', 'hi', 'minute')
if not m[1] then return {'unknown', 0, {}} end
local next, partitions, hi = tonumber(m[2]), tonumber(m[3]), tonumber(m[4])
if partitions ~= #KEYS - 5 then return redis.error_reply('final: the capture has ' .. partitions .. ' partitions') end
if m[1] ~= 'o' then return answer('done', KEYS[2], next, window) end

local last = math.max(hi, math.min(tonumber(ARGV[2]), next + window - 1))
mark_end(KEYS[1], KEYS[2], last, partitions, math.max(now, tonumber(m[5]) * 60000))
seen(KEYS[1], KEYS[4], capture, now)
count_pairs(5, KEYS[5], minute_of(now, m[5]))
touch_all(KEYS[3], capture, 6, KEYS[2], partitions, now + ARGV[4])
return answer('done', KEYS[2], next, window)

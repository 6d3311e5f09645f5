#!lua
-- Ends a capture whose agent was silent for longer than the limit: missing numbers become holes, then the end marker.
-- KEYS meta chunks holes acct work captures partition…    ARGV capture limit hint holes-limit reason
local LOOKS_APART = 30000
local capture = ARGV[1]
local now = now_ms()
local m = call('HMGET', KEYS[1], 'state', 'next', 'last', 'P', 'hi', 'minute', 'seen')
if not m[1] then return 'unknown' end
local next, last, partitions, hi = tonumber(m[2]), tonumber(m[3]), tonumber(m[4]), tonumber(m[5])
if partitions ~= #KEYS - 6 then return redis.error_reply('end_idle: the capture has ' .. partitions .. ' partitions') end
if m[1] == 'd' then return 'done' end
local limit = tonumber(ARGV[2])
if now - tonumber(m[7]) < limit then return 'alive' end
-- A clock that goes forward makes everybody silent at once. So the first look is only noted, and who lives speaks before
-- the one that counts.
if limit > 0 then
  local since, at = string.match(call('HGET', KEYS[1], 'silent') or '|', '^(%d*)|(%d*)$')
  if since ~= m[7] or now < tonumber(at) then
    call('HSET', KEYS[1], 'silent', m[7] .. '|' .. string.format('%d', now))
    return 'alive'
  end
  if now - tonumber(at) < math.min(limit, LOOKS_APART) then return 'alive' end
end

if m[1] == 'o' then last = hi end
local minute = minute_of(now, m[6])
local accepted = math.max(now, minute * 60000)
local keys = {chunks = KEYS[2], holes = KEYS[3], acct = KEYS[4]}
for n = next, last do
  if call('HEXISTS', KEYS[2], n) == 0 then
    hole_close(keys, n, partitions, accepted, tonumber(ARGV[4]), 0, 0, ARGV[5], minute)
  end
end
if m[1] == 'o' then mark_end(KEYS[1], KEYS[2], last, partitions, accepted) end
touch_all(KEYS[5], capture, 7, KEYS[2], partitions, now + ARGV[3])
return 'ended'

#!lua flags=allow-oom
-- Moves the sums of whole minutes, to which no chunk here can add any more, to the outbox and to the capture's totals.
-- KEYS meta chunks acct bytes stream    ARGV floor entries…, then: minute counter value…
local m = call('HMGET', KEYS[1], 'state', 'minute')
if not m[1] then return 'gone' end
local floor = tonumber(ARGV[1])
local oldest = m[1] == 'd' and math.huge or math.floor(now_ms() / 60000)
local chunks = call('HGETALL', KEYS[2])
for k = 2, #chunks, 2 do
  local accepted = string.match(chunks[k], '|(%d+)|%d+|%d+$')
  oldest = math.min(oldest, math.floor(tonumber(accepted) / 60000))
end
if floor > oldest then return 'changed' end
local first = 8
for k = first, #ARGV, 3 do
  if call('HGET', KEYS[3], ARGV[k] .. ':' .. ARGV[k + 1]) ~= ARGV[k + 2] then return 'changed' end
end

emit(2, KEYS[4])
for k = first, #ARGV, 3 do
  call('HDEL', KEYS[3], ARGV[k] .. ':' .. ARGV[k + 1])
  call('HINCRBY', KEYS[1], 't:' .. ARGV[k + 1], ARGV[k + 2])
end
call('HSET', KEYS[1], 'minute', math.max(floor, tonumber(m[2])))
return 'ok'

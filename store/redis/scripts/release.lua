#!lua flags=allow-oom
-- Gives a partition back. Not counted: our own infrastructure stopped, the chunk is not to blame. Answers 1 with work left.
-- KEYS meta chunks partition work    ARGV capture p fence token counted
local capture, p = ARGV[1], ARGV[2]
local partitions = tonumber(call('HGET', KEYS[1], 'P'))
if not partitions then return 0 end
local v = call('HMGET', KEYS[3], 'f', 'own', 'tk', 'cur')
local work = ready(chunk_read(KEYS[2], tonumber(v[4])), partitions)
if v[1] == ARGV[3] and v[2] == ARGV[4] then
  local takes = tonumber(v[3])
  if ARGV[5] ~= '1' then takes = math.max(takes - 1, 0) end
  call('HSET', KEYS[3], 'till', 0, 'own', '', 'tk', takes)
  local item = capture .. '|p|' .. p
  if work then call('ZADD', KEYS[4], now_ms(), item) else call('ZREM', KEYS[4], item) end
end
return work and 1 or 0

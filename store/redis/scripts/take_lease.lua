#!lua flags=allow-oom
-- Gives one worker a partition that has work, for a while: fence, commit number, cursor, takes, and the chunks before it.
-- The same token gets the same grant. A sweep is granted without work too, but never after a death.
-- KEYS meta chunks partition work bytes    ARGV capture p token lease out-limit window sweep hint
local capture, p, token = ARGV[1], ARGV[2], ARGV[3]
local now = now_ms()
local partitions = tonumber(call('HGET', KEYS[1], 'P'))
if not partitions then
  call('ZREM', KEYS[4], capture .. '|p|' .. p)
  return {'gone'}
end
local v = call('HMGET', KEYS[3], 'f', 'own', 'till', 'cn', 'cur', 'off', 'tk', 'qn')
local fence, till, cur, takes = tonumber(v[1]), tonumber(v[3]), tonumber(v[5]), tonumber(v[7])
local taken = held(till, now, tonumber(ARGV[4]))
if not (v[2] == token and taken) then
  if taken then return {'busy'} end
  local work = ready(chunk_read(KEYS[2], cur), partitions)
  if not work and (ARGV[7] ~= '1' or takes > 0) then return {'idle'} end
  if tonumber(call('HGET', KEYS[5], 'out') or 0) > tonumber(ARGV[5]) then
    call('ZADD', KEYS[4], 'XX', now + ARGV[8], capture .. '|p|' .. p)
    return {'full'}
  end
  fence, takes = fence + 1, math.min(takes + 1, 3)
  call('HSET', KEYS[3], 'f', fence, 'own', token, 'till', now + ARGV[4], 'tk', takes)
  if work then call('ZADD', KEYS[4], now + ARGV[4], capture .. '|p|' .. p) end
end
return {'ok', fence, tonumber(v[4]), cur, tonumber(v[6]), takes, tonumber(v[8]),
  tonumber(call('HGET', KEYS[5], 'state') or 0), partitions, records(KEYS[2], cur, tonumber(ARGV[6]))}

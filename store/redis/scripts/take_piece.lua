#!lua flags=allow-oom
-- Takes an upload for its next piece: one worker at a time, the third take without progress is poison.
-- KEYS meta work    ARGV capture token lease
local item = ARGV[1] .. '|u|0'
if call('EXISTS', KEYS[1]) == 0 then
  call('ZREM', KEYS[2], item)
  return 'unknown'
end
local now = now_ms()
local token, till, takes = string.match(call('HGET', KEYS[1], 'piece') or '|0|0', '^([^|]*)|(%d+)|(%d+)$')
takes = tonumber(takes)
if token ~= ARGV[2] then
  if held(tonumber(till), now, tonumber(ARGV[3])) or not call('ZSCORE', KEYS[2], item) then return 'no' end
  takes = math.min(takes + 1, 3)
  till = now + ARGV[3]
  call('HSET', KEYS[1], 'piece', table.concat({ARGV[2], till, takes}, '|'))
  call('ZADD', KEYS[2], till, item)
end
return takes > 2 and 'poison' or 'run'

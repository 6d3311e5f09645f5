#!lua
-- Records a chunk as split into the slices that the same MULTI has SET, and lets the raw chunk go.
-- KEYS chunks acct bytes work raw meta partition… slices and blobs… streams…
-- ARGV capture n attempt hint partitions drops slice-bytes packets counters… entries…
local capture, n, partitions = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[5])
local c = chunk_read(KEYS[1], n)
if not c or c.status ~= 'a' then
  drop(7 + partitions, tonumber(ARGV[6]))
  return {'lost', {}}
end

local now = now_ms()
local size = tonumber(ARGV[7])
charge(KEYS[3], call('HGET', KEYS[6], 'owner'), size - c.bytes)
c.status, c.attempt, c.takes, c.till, c.token, c.bytes = 's', ARGV[3], 0, 0, '', size
c.packets = tonumber(ARGV[8])
chunk_write(KEYS[1], n, c)
call('UNLINK', KEYS[5])
local i = count_pairs(9, KEYS[2], minute_of(c.accepted))
emit(i, KEYS[3])
call('ZREM', KEYS[4], capture .. '|s|' .. n)
return {'done', touch_all(KEYS[4], capture, 7, KEYS[1], partitions, now + ARGV[4])}

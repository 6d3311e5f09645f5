#!lua
-- Records a chunk as split into the slices that the same MULTI has SET, and lets the raw chunk go. Slices may be many
-- times larger: those of a chunk that waits for another must leave room for the one it waits for, else it stays raw.
-- KEYS chunks acct bytes work raw meta partition… slices and blobs… streams…
-- ARGV capture n attempt hint partitions drops slice-bytes packets soft lease counters… entries…
local capture, n, partitions = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[5])
local c = chunk_read(KEYS[1], n)
if not c or c.status ~= 'a' then
  drop(7 + partitions, tonumber(ARGV[6]))
  return {'lost', {}}
end

local now = now_ms()
local size = tonumber(ARGV[7])
local m = call('HMGET', KEYS[6], 'next', 'owner')
local waiting = tonumber(call('HGET', KEYS[3], 'chunks') or 0) + size - c.bytes
if n > tonumber(m[1]) and size > c.bytes and waiting > tonumber(ARGV[9]) then
  drop(7 + partitions, tonumber(ARGV[6]))
  if c.token ~= '' then c.takes = math.max(c.takes - 1, 0) end -- the chunk is not to blame; once, should we be asked again
  c.till, c.token = 0, ''
  chunk_write(KEYS[1], n, c)
  call('ZADD', KEYS[4], now + ARGV[10], capture .. '|s|' .. n)
  return {'later', {}}
end
charge(KEYS[3], m[2], size - c.bytes)
c.status, c.attempt, c.takes, c.till, c.token, c.bytes = 's', ARGV[3], 0, 0, '', size
c.packets = tonumber(ARGV[8])
chunk_write(KEYS[1], n, c)
call('UNLINK', KEYS[5])
local i = count_pairs(11, KEYS[2], minute_of(c.accepted))
emit(i, KEYS[3])
call('ZREM', KEYS[4], capture .. '|s|' .. n)
return {'done', touch_all(KEYS[4], capture, 7, KEYS[1], partitions, now + ARGV[4])}

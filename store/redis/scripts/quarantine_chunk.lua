#!lua flags=allow-oom
-- Puts a chunk aside that split cannot do: it then passes through the partitions as an empty one.
-- KEYS chunks acct bytes work due raw meta partition… blobs… streams…
-- ARGV capture n token partitions drops hint delay item entries…
local capture, n, partitions = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4])
local c = chunk_read(KEYS[1], n)
if not c or c.status ~= 'a' or c.token ~= ARGV[3] then
  drop(8 + partitions, tonumber(ARGV[5]))
  return {(c and c.status == 'a') and 'lost' or 'done', {}}
end

local now = now_ms()
call('UNLINK', KEYS[6])
charge(KEYS[3], call('HGET', KEYS[7], 'owner'), -c.bytes)
c.status, c.bytes, c.till, c.token = 'q', 0, 0, ''
chunk_write(KEYS[1], n, c)
count(KEYS[2], minute_of(c.accepted), 'packets.quarantined', c.packets)
emit(9, KEYS[3])
call('ZADD', KEYS[5], now + ARGV[7], ARGV[8])
call('ZREM', KEYS[4], capture .. '|s|' .. n)
return {'done', touch_all(KEYS[4], capture, 8, KEYS[1], partitions, now + ARGV[6])}

#!lua flags=allow-oom
-- Removes every key of a capture that nobody wants any more, wherever it stands; leaves a tombstone. The caller has read
-- the chunks' records to name their values; if they have changed since, it reads them again.
-- KEYS captures closed work bytes meta chunks holes acct, then partition… states… bodies… body lists… raws and slices…
-- ARGV capture partitions (n record)…
local capture, partitions = ARGV[1], tonumber(ARGV[2])
if call('HLEN', KEYS[6]) ~= (#ARGV - 2) / 2 then return 'changed' end
for i = 3, #ARGV, 2 do
  if call('HGET', KEYS[6], ARGV[i]) ~= ARGV[i + 1] then return 'changed' end
end

local freed = 0
for i = 3, #ARGV, 2 do
  freed = freed + chunk_read(KEYS[6], ARGV[i]).bytes
  call('ZREM', KEYS[3], capture .. '|s|' .. ARGV[i])
end
charge(KEYS[4], call('HGET', KEYS[5], 'owner'), -freed)
free_state(capture, partitions, KEYS[3], KEYS[4], 9)
for k = 5, #KEYS do call('UNLINK', KEYS[k]) end
call('ZREM', KEYS[3], capture .. '|f|0', capture .. '|u|0')
call('ZREM', KEYS[1], capture)
call('ZADD', KEYS[2], now_ms(), capture)
return 'discarded'

#!lua flags=allow-oom
-- Removes every key of a capture whose end marker has passed everywhere and whose sums are flushed; leaves a tombstone.
-- KEYS captures closed work bytes meta chunks holes acct, then partition… states… bodies… body lists…
-- ARGV capture partitions
local capture, partitions = ARGV[1], tonumber(ARGV[2])
local state = call('HGET', KEYS[5], 'state')
local finalise = capture .. '|f|0'
if not state then
  call('ZREM', KEYS[3], finalise)
  return 'gone'
end
if state ~= 'd' then return 'open' end
if call('EXISTS', KEYS[6]) == 1 then return redis.error_reply('close: the capture still has chunks') end
if call('EXISTS', KEYS[8]) == 1 then return 'unflushed' end

free_state(capture, partitions, KEYS[3], KEYS[4], 9)
for k = 5, #KEYS do call('UNLINK', KEYS[k]) end
call('ZREM', KEYS[3], finalise, capture .. '|u|0')
call('ZREM', KEYS[1], capture)
call('ZADD', KEYS[2], now_ms(), capture)
return 'closed'

#!lua
-- Accepts one chunk once, whose bytes the same MULTI has SET. Every refusal unlinks them.
-- KEYS meta chunks holes acct bytes work captures partition0 raw
-- ARGV capture n attempt digest bytes packets window soft hard share hint, counters of what the agent lost before it
local capture, n, size, packets = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[5]), tonumber(ARGV[6])
local window = tonumber(ARGV[7])
local now = now_ms()

local m = call('HMGET', KEYS[1], 'state', 'next', 'last', 'P', 'hi', 'minute', 'owner')
if not m[1] then
  drop(9, 1)
  return {'unknown', 0, {}}
end
local state, next, last, partitions, hi = m[1], tonumber(m[2]), tonumber(m[3]), tonumber(m[4]), tonumber(m[5])
local minute, owner = minute_of(now, m[6]), m[7] or ''

local function refuse(word)
  drop(9, 1)
  seen(KEYS[1], KEYS[7], capture, now)
  return answer(word, KEYS[2], next, window)
end

-- A chunk whose number was given up: counted once, then -1 remembers that it came.
local function late()
  local hole = hole_find(KEYS[3], n)
  if hole.packets >= 0 then
    local back = hole_came(KEYS[3], n, hole, packets)
    count(KEYS[4], minute, 'packets.captured', -back)
    count(KEYS[4], minute, 'packets.abandoned', -back)
    count_pairs(12, KEYS[4], minute)
    count(KEYS[4], minute, 'packets.uploaded', packets)
    count(KEYS[4], minute, 'packets.late', packets)
    count(KEYS[4], minute, 'chunks.late', 1)
  end
  return refuse('late')
end

if state == 'd' then return refuse('later') end
if state == 'e' and n > last then return refuse('ended') end
local c = chunk_read(KEYS[2], n)
if c then
  if c.status == 'h' then return late() end
  return refuse(c.digest == ARGV[4] and 'dup' or 'conflict')
end
if n < next then
  if hole_find(KEYS[3], n) then return late() end
  return refuse('dup')
end
if n >= next + window then return refuse('window') end
-- A whisperer above its share gets in the number that its capture waits for, and nothing else; and of what is kept for
-- such numbers half is for those below theirs, so that no number of captures of one whisperer shuts the others out.
local waiting, soft, hard = tonumber(call('HGET', KEYS[5], 'chunks') or 0), tonumber(ARGV[8]), tonumber(ARGV[9])
local own = owner ~= '' and tonumber(call('HGET', KEYS[5], 'w:' .. owner) or 0) or 0
local loud = own + size > tonumber(ARGV[10])
if waiting + size > (n == next and hard or soft) then return refuse('full') end
if loud and (n ~= next or waiting + size > (soft + hard) / 2) then return refuse('share') end

chunk_write(KEYS[2], n, {status = 'a', left = partitions, attempt = ARGV[3], takes = 0, till = 0, token = '',
  digest = ARGV[4], accepted = math.max(now, minute * 60000), bytes = size, packets = packets})
charge(KEYS[5], owner, size)
call('HSET', KEYS[1], 'hi', math.max(hi, n))
seen(KEYS[1], KEYS[7], capture, now)
count(KEYS[4], minute, 'packets.uploaded', packets)
count(KEYS[4], minute, 'bytes.uploaded', size)
count(KEYS[4], minute, 'chunks.uploaded', 1)
count_pairs(12, KEYS[4], minute)
if partitions > 1 then
  call('ZADD', KEYS[6], now + ARGV[11], capture .. '|s|' .. n)
else
  touch(KEYS[6], capture, 0, KEYS[8], KEYS[2], 1, now + ARGV[11])
end
return answer('ok', KEYS[2], next, window)

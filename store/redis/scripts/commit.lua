#!lua flags=allow-oom
-- One step of a partition: sessions, bodies, documents and sums of some rows, and the cursor past them, all at once.
-- KEYS meta chunks partition work bytes states acct bodies source, then: blobs SET by this MULTI…, body lists…, streams…
-- ARGV 1 capture 2 p 3 fence 4 token 5 number 6 cur 7 off 8 attempt 9 cur2 10 off2 11 lease 12 careful 13 hint 14 drops
--      15: sets (flow state)…  removals flow…  bodies (key name bytes)…  dropped bodies (key name)…  counters…  entries…
local capture, p, number, lease = ARGV[1], ARGV[2], tonumber(ARGV[5]), ARGV[11]
local now = now_ms()
local m = call('HMGET', KEYS[1], 'P', 'minute')
local partitions = tonumber(m[1])
local v = call('HMGET', KEYS[3], 'f', 'own', 'cn', 'cur', 'off')
local function refuse()
  drop(10, tonumber(ARGV[14]))
  return {'stale', 0, '', 0}
end
if not partitions or not v[1] or v[1] ~= ARGV[3] or v[2] ~= ARGV[4] then return refuse() end

local cur, cur2 = tonumber(v[4]), tonumber(ARGV[9])
local function reply(word, at)
  local c = chunk_read(KEYS[2], at)
  return {word, ready(c, partitions) and 1 or 0, c and c.text or '', tonumber(call('HGET', KEYS[5], 'state') or 0)}
end
if number == tonumber(v[3]) then
  drop(10, tonumber(ARGV[14]))
  return reply('done', cur)
end
if number ~= tonumber(v[3]) + 1 or ARGV[6] ~= v[4] or ARGV[7] ~= v[5] then return refuse() end
local c = chunk_read(KEYS[2], cur)
if ARGV[8] ~= (c and c.attempt or '') then return refuse() end
if cur2 ~= cur and not (c and cur2 == cur + 1) then return refuse() end

local i, state = 15, 0
local last = i + 2 * tonumber(ARGV[i])
for k = i + 1, last, 2 do
  state = state + #ARGV[k + 1] - call('HSTRLEN', KEYS[6], ARGV[k])
  call('HSET', KEYS[6], ARGV[k], ARGV[k + 1])
end
i = last + 1
last = i + tonumber(ARGV[i])
for k = i + 1, last do
  state = state - call('HSTRLEN', KEYS[6], ARGV[k])
  call('HDEL', KEYS[6], ARGV[k])
end
i = last + 1
last = i + 3 * tonumber(ARGV[i])
for k = i + 1, last, 3 do
  call('RPUSH', ARGV[k], ARGV[k + 2])
  call('HINCRBY', KEYS[8], ARGV[k + 1], #ARGV[k + 2])
  state = state + #ARGV[k + 2]
end
i = last + 1
last = i + 2 * tonumber(ARGV[i])
for k = i + 1, last, 2 do
  state = state - tonumber(call('HGET', KEYS[8], ARGV[k + 1]) or 0)
  call('UNLINK', ARGV[k])
  call('HDEL', KEYS[8], ARGV[k + 1])
end
if state ~= 0 then call('HINCRBY', KEYS[5], 'state', state) end
i = count_pairs(last + 1, KEYS[7], minute_of(c and c.accepted or now, m[2]))
emit(i, KEYS[5])

local till = now + lease
call('HSET', KEYS[3], 'cn', number, 'cur', cur2, 'off', ARGV[10], 'till', till)
if cur2 > cur then
  call('UNLINK', KEYS[9])
  call('HSET', KEYS[3], 'tk', 0, 'qn', 0)
  pass(KEYS[1], KEYS[2], KEYS[5], KEYS[4], capture, cur, c, now)
else
  call('HSET', KEYS[3], 'tk', ARGV[12])
end
if touch(KEYS[4], capture, p, KEYS[3], KEYS[2], partitions, till) == 1 then
  call('ZADD', KEYS[4], till, capture .. '|p|' .. p)
end
return reply('ok', cur2)

#!lua flags=allow-oom
-- Puts aside what killed two workers at the cursor: the whole chunk where it is not split (P = 1), else rows up to `upto`,
-- at the end marker one session. Guarded and numbered as a commit is.
-- KEYS meta chunks partition work bytes states acct due source, then: blobs SET by this MULTI…, streams…
-- ARGV 1 capture 2 p 3 fence 4 token 5 number 6 cur 7 off 8 attempt 9 upto 10 rows 11 packets 12 lease 13 delay 14 item
--      15 flow 16 drops 17 entries…
local capture, p, number = ARGV[1], ARGV[2], tonumber(ARGV[5])
local now = now_ms()
local m = call('HMGET', KEYS[1], 'P')
local partitions = tonumber(m[1])
local v = call('HMGET', KEYS[3], 'f', 'own', 'cn', 'cur', 'off', 'qn')
local function refuse()
  drop(10, tonumber(ARGV[16]))
  return {'stale', 0, '', 0}
end
if not partitions or not v[1] or v[1] ~= ARGV[3] or v[2] ~= ARGV[4] then return refuse() end

local cur, upto, rows, packets = tonumber(v[4]), tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local function reply(word, at)
  local c = chunk_read(KEYS[2], at)
  return {word, ready(c, partitions) and 1 or 0, c and c.text or '', tonumber(call('HGET', KEYS[5], 'state') or 0)}
end
if number == tonumber(v[3]) then
  drop(10, tonumber(ARGV[16]))
  return reply('done', cur)
end
if number ~= tonumber(v[3]) + 1 or ARGV[6] ~= v[4] or ARGV[7] ~= v[5] then return refuse() end
local c = chunk_read(KEYS[2], cur)
if not c or c.attempt ~= ARGV[8] then return refuse() end

emit(17, KEYS[5])
if ARGV[14] ~= '' then call('ZADD', KEYS[8], now + ARGV[13], ARGV[14]) end
local till, cur2, off, takes, quarantined = now + ARGV[12], cur, tonumber(v[5]), 1, tonumber(v[6]) + 1
if c.status == 'a' then
  count(KEYS[7], minute_of(c.accepted), 'packets.quarantined', c.packets)
  call('UNLINK', KEYS[9])
  charge(KEYS[5], call('HGET', KEYS[1], 'owner'), -c.bytes)
  c.status, c.bytes, takes = 'q', 0, 0
  chunk_write(KEYS[2], cur, c)
elseif c.status == 's' then
  count(KEYS[7], minute_of(c.accepted), 'packets.quarantined', packets)
  off = upto
  if upto >= rows then
    call('UNLINK', KEYS[9])
    cur2, off, takes, quarantined = cur + 1, 0, 0, 0
    pass(KEYS[1], KEYS[2], KEYS[5], KEYS[4], capture, cur, c, now)
  end
elseif c.status == 'e' and ARGV[15] ~= '' then
  local size = call('HSTRLEN', KEYS[6], ARGV[15])
  call('HDEL', KEYS[6], ARGV[15])
  if size > 0 then call('HINCRBY', KEYS[5], 'state', -size) end
  count(KEYS[7], minute_of(c.accepted), 'sessions.quarantined', 1)
else
  takes = 0
end
call('HSET', KEYS[3], 'cn', number, 'cur', cur2, 'off', off, 'tk', takes, 'qn', quarantined, 'till', till)
if touch(KEYS[4], capture, p, KEYS[3], KEYS[2], partitions, till) == 1 then
  call('ZADD', KEYS[4], till, capture .. '|p|' .. p)
end
return reply('ok', cur2)

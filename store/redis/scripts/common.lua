-- Helpers that the registry puts in front of every script. A script is one atomic step: it checks first, then writes
-- what cannot fail. It declares its keys; streams and blobs that ARGV names again are declared in KEYS as well.
local call = redis.call

local function now_ms()
  local time = call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Whether what was taken is still held. No lease ends later than a lease from now (two, as clocks tremble): one that seems
-- to was given by a clock that was ahead and has been put right. It counts as over, or nobody could follow a dead owner.
local function held(till, now, lease)
  return till > now and till <= now + 2 * lease
end

-- A chunk's record is one field: status|left|attempt|takes|till|token|digest|accepted|bytes|packets.
local RECORD = '^(%a)|(%d+)|([^|]*)|(%d+)|(%d+)|([^|]*)|([^|]*)|(%d+)|(%d+)|(%d+)$'

local function chunk_read(chunks, n)
  local text = call('HGET', chunks, n)
  if not text then return nil end
  local c = {text = text}
  c.status, c.left, c.attempt, c.takes, c.till, c.token, c.digest, c.accepted, c.bytes, c.packets =
    string.match(text, RECORD)
  for _, name in ipairs({'left', 'takes', 'till', 'accepted', 'bytes', 'packets'}) do c[name] = tonumber(c[name]) end
  return c
end

local function chunk_write(chunks, n, c)
  call('HSET', chunks, n, table.concat({c.status, c.left, c.attempt, c.takes, c.till, c.token, c.digest, c.accepted,
    c.bytes, c.packets}, '|'))
end

-- A partition can go on with any record but a chunk that still waits for its split; with one partition drain splits.
local function ready(c, partitions)
  return c ~= nil and (c.status ~= 'a' or partitions == 1)
end

-- Puts the partition on the work set when there is something for it, else takes it off. Answers 1 or 0.
local function touch(work, capture, p, partition, chunks, partitions, look_again)
  local item = capture .. '|p|' .. p
  local c = chunk_read(chunks, tonumber(call('HGET', partition, 'cur')))
  if ready(c, partitions) then
    call('ZADD', work, 'NX', look_again, item)
    return 1
  end
  call('ZREM', work, item)
  return 0
end

-- touch() for every partition; their keys are KEYS[first] onwards. Answers the partitions with work.
local function touch_all(work, capture, first, chunks, partitions, look_again)
  local hints = {}
  for p = 0, partitions - 1 do
    if touch(work, capture, p, KEYS[first + p], chunks, partitions, look_again) == 1 then hints[#hints + 1] = p end
  end
  return hints
end

-- Counters are summed by the minute in which their chunk was accepted; a flushed minute never comes again.
local function minute_of(ms, floor)
  return math.max(math.floor(ms / 60000), tonumber(floor or 0))
end

local function count(acct, minute, counter, delta)
  if delta ~= 0 then call('HINCRBY', acct, string.format('%d:%s', minute, counter), delta) end
end

-- ARGV[i] pairs of counter and delta. Answers the index after them.
local function count_pairs(i, acct, minute)
  local last = i + 2 * tonumber(ARGV[i])
  for k = i + 1, last, 2 do count(acct, minute, ARGV[k], tonumber(ARGV[k + 1])) end
  return last + 1
end

-- ARGV[i] outbox entries of five: stream, 'b' or 'k', payload or name of a blob, documents, bytes. Answers the index after.
local function emit(i, bytes)
  local entries, sum = tonumber(ARGV[i]), 0
  i = i + 1
  for _ = 1, entries do
    if ARGV[i + 1] == 'k' then
      call('XADD', ARGV[i], '*', 'k', ARGV[i + 2], 'n', ARGV[i + 3], 's', ARGV[i + 4])
    else
      call('XADD', ARGV[i], '*', 'b', ARGV[i + 2], 'n', ARGV[i + 3])
    end
    sum = sum + ARGV[i + 4]
    i = i + 5
  end
  if sum > 0 then call('HINCRBY', bytes, 'out', sum) end
  return i
end

-- Chunks and slices are charged in all, and to the whisperer whose capture they are of: a field of its own, which is gone
-- when nothing of it waits. Captures of an older Spider know no owner.
local function charge(bytes, owner, delta)
  if delta == 0 then return end
  call('HINCRBY', bytes, 'chunks', delta)
  if not owner or owner == '' then return end
  if call('HINCRBY', bytes, 'w:' .. owner, delta) == 0 then call('HDEL', bytes, 'w:' .. owner) end
end

-- Removes what the same MULTI has just SET, because the step is refused: nothing is orphaned.
local function drop(first, number)
  for k = first, first + number - 1 do call('UNLINK', KEYS[k]) end
end

-- The window as every answer to an agent carries it: lowest open number, and the known ones of [next, next + window).
local function answer(word, chunks, next, window)
  local have = {}
  for n = next, next + window - 1 do
    if call('HEXISTS', chunks, n) == 1 then have[#have + 1] = n end
  end
  return {word, next, have}
end

local function seen(meta, captures, capture, now)
  call('HSET', meta, 'seen', now)
  call('ZADD', captures, now, capture)
end

-- Holes: n -> packets|bytes|reason; -1 packets: the chunk came late and was counted then. Over the limit they are kept as
-- ranges of consecutive numbers in the field 'ranges', each ',lo-hi:packets'; over MAX_RANGES the last range is widened.
local MAX_RANGES = 1000

local function hole_find(holes, n)
  local text = call('HGET', holes, n)
  if text then return {packets = tonumber(string.match(text, '^(%-?%d+)|'))} end
  for lo, hi, packets in string.gmatch(call('HGET', holes, 'ranges') or '', ',(%d+)%-(%d+):(%d+)') do
    if tonumber(lo) <= n and n <= tonumber(hi) then
      return {packets = tonumber(packets), range = {',' .. lo .. '-' .. hi .. ':', packets}}
    end
  end
  return nil
end

-- Notes that the hole's chunk came. Answers how many abandoned packets are to be taken back.
local function hole_came(holes, n, hole, packets)
  call('HSET', holes, n, '-1|0|late')
  if not hole.range then return hole.packets end
  local back = math.min(hole.packets, packets)
  local prefix, old = unpack(hole.range)
  local text = call('HGET', holes, 'ranges')
  local from, to = string.find(text, prefix .. old, 1, true)
  call('HSET', holes, 'ranges',
    string.sub(text, 1, from - 1) .. prefix .. string.format('%d', hole.packets - back) .. string.sub(text, to + 1))
  return back
end

local function hole_add(holes, limit, n, packets, bytes, reason)
  if call('HLEN', holes) < limit then
    call('HSET', holes, n, table.concat({packets, bytes, reason}, '|'))
    return
  end
  local text = call('HGET', holes, 'ranges') or ''
  local before, lo, hi, sum = string.match(text, '^(.*),(%d+)%-(%d+):(%d+)$')
  local _, ranges = string.gsub(text, ',', '')
  if before and (tonumber(hi) == n - 1 or ranges >= MAX_RANGES) then
    hi, sum = math.max(tonumber(hi), n), tonumber(sum) + packets
  else
    before, lo, hi, sum = text, n, n, packets
  end
  call('HSET', holes, 'ranges', string.format('%s,%d-%d:%d', before, lo, hi, sum))
end

-- Closes number n as a hole that passes through every partition like a chunk. Charged to nobody's memory.
local function hole_close(keys, n, partitions, accepted, limit, packets, bytes, reason, minute)
  chunk_write(keys.chunks, n, {status = 'h', left = partitions, attempt = 'h', takes = 0, till = 0, token = '',
    digest = '', accepted = accepted, bytes = 0, packets = packets})
  hole_add(keys.holes, limit, n, packets, bytes, reason)
  count(keys.acct, minute, 'packets.captured', packets)
  count(keys.acct, minute, 'packets.abandoned', packets)
  count(keys.acct, minute, 'bytes.abandoned', bytes)
  count(keys.acct, minute, 'chunks.abandoned', 1)
end

-- The end marker is the last chunk in order: it closes what is open in every partition.
local function mark_end(meta, chunks, last, partitions, accepted)
  call('HSET', meta, 'state', 'e', 'last', last)
  chunk_write(chunks, last + 1, {status = 'e', left = partitions, attempt = 'e', takes = 0, till = 0, token = '',
    digest = '', accepted = accepted, bytes = 0, packets = 0})
end

-- A partition is past its chunk n: the last one to pass removes the record and moves next.
local function pass(meta, chunks, bytes, work, capture, n, c, now)
  c.left = c.left - 1
  if c.left > 0 then
    chunk_write(chunks, n, c)
    return
  end
  call('HDEL', chunks, n)
  call('HSET', meta, 'next', n + 1)
  charge(bytes, call('HGET', meta, 'owner'), -c.bytes)
  if c.status == 'e' then
    call('HSET', meta, 'state', 'd')
    call('ZADD', work, now, capture .. '|f|0')
  end
end

-- Takes the sessions and bodies of all partitions off the byte counters, and the partitions off the work set. From
-- KEYS[first] stand the partitions, their states, then their indexes of body lists.
local function free_state(capture, partitions, work, bytes, first)
  local freed = 0
  for p = 0, partitions - 1 do
    for _, flow in ipairs(call('HKEYS', KEYS[first + partitions + p])) do
      freed = freed + call('HSTRLEN', KEYS[first + partitions + p], flow)
    end
    for _, size in ipairs(call('HVALS', KEYS[first + 2 * partitions + p])) do freed = freed + size end
    call('ZREM', work, capture .. '|p|' .. p)
  end
  if freed > 0 then call('HINCRBY', bytes, 'state', -freed) end
end

-- What a drain knows of the chunks before it: records of [from, from + window], '' where there is none.
local function records(chunks, from, window)
  local list = {}
  for n = from, from + window do list[#list + 1] = call('HGET', chunks, n) or '' end
  return list
end

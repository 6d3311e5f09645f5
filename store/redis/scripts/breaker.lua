#!lua flags=allow-oom
-- What is known of a server that others than Redis are called on: a field of failures|since|till|trips|tripped|trial|reason,
-- times in milliseconds. A call that failed may open the breaker; one that was answered closes it; of all callers one
-- gets to try again.
-- KEYS breakers    ARGV name what(read failed well take) failures pause trial reason
local text = call('HGET', KEYS[1], ARGV[1])
local failures, since, till, trips, tripped, trial, reason =
  string.match(text or '0|0|0|0|0|0|', '^(%d+)|(%d+)|(%d+)|(%d+)|(%d+)|(%d)|(.*)$')
failures, since, till, trips, tripped = tonumber(failures), tonumber(since), tonumber(till), tonumber(trips), tonumber(tripped)
local now, what, mine = now_ms(), ARGV[2], 0

if what == 'failed' then
  failures, reason, trial, till = failures + 1, ARGV[6], '0', now + ARGV[4]
  if since == 0 and failures >= tonumber(ARGV[3]) then since, tripped, trips = now, now, trips + 1 end
elseif what == 'well' then
  failures, since, till, trial = 0, 0, 0, '0'
elseif what == 'take' and since > 0 and now >= till then
  mine, trial, till = 1, '1', now + ARGV[5]
end
if what ~= 'read' and (text or what == 'failed') then
  local fields = {}
  for i, number in ipairs({failures, since, till, trips, tripped}) do fields[i] = string.format('%d', number) end
  call('HSET', KEYS[1], ARGV[1], table.concat(fields, '|') .. '|' .. trial .. '|' .. reason)
end
return {mine, failures, since, since > 0 and math.max(till - now, 0) or 0, trips, tripped, tonumber(trial), reason}

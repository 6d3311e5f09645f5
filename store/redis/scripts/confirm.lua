#!lua flags=allow-oom
-- Removes outbox entries whose documents the store has. A second confirm finds nothing to remove and subtracts nothing.
-- KEYS stream bytes blob…    ARGV (id bytes blob-or-empty)…
local bytes, removed = 0, 0
for i = 1, #ARGV, 3 do
  call('XACK', KEYS[1], 'pollers', ARGV[i])
  if call('XDEL', KEYS[1], ARGV[i]) == 1 then
    bytes, removed = bytes + ARGV[i + 1], removed + 1
    if ARGV[i + 2] ~= '' then call('UNLINK', ARGV[i + 2]) end
  end
end
if bytes > 0 then call('HINCRBY', KEYS[2], 'out', -bytes) end
return removed

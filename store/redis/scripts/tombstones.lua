#!lua flags=allow-oom
-- Removes the tombstones that no pending open can be older than.
-- KEYS closed    ARGV life
return call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now_ms() - ARGV[1])

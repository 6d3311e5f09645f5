#!lua flags=allow-oom
-- A write of this very connection, so that the WAITAOF after it covers all that the server did before.
-- KEYS mark
return call('SET', KEYS[1], '1')

-- Store the jobs made for a due time of an entry, unless there are jobs for that time or a later one.
-- KEYS  1 the entry's record
-- ARGV  1 the time it was due, seconds since the epoch  2 the ids of its jobs (JSON)
-- returns 1, or 0 if there were jobs already
local served = redis.call('HGET', KEYS[1], 'due_at')
if served and tonumber(served) >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'due_at', ARGV[1], 'jobs', ARGV[2])
redis.call('HDEL', KEYS[1], 'error')
return 1

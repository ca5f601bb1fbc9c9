-- Renew a lease and note progress. Progress means the work is healthy: attempts begin anew.
-- KEYS  1 job  2 where the lease stands (the job, or its page set)
-- ARGV  1 now  2 member  3 prefix  4 token  5 lease seconds  6 grace seconds  7 rows  8 dead rows  9 bytes since the last time
-- gives 1, or 0 where the lease is lost or the job has its verdict
local now = now_or(ARGV[1])
if not is_live(KEYS[1], KEYS[2], ARGV[3], ARGV[4]) then return 0 end
redis.call('HSET', KEYS[2], ARGV[3] .. 'since', text(now), ARGV[3] .. 'until', text(now + ARGV[5]))
redis.call('ZADD', OVERDUE, text(now + ARGV[5] + ARGV[6]), ARGV[2])
if tonumber(ARGV[7]) > 0 then
  redis.call('HDEL', KEYS[2], ARGV[3] .. 'reason')
  redis.call('HSET', KEYS[2], ARGV[3] .. 'attempts', 0)
  redis.call('HSETNX', KEYS[1], 'first_row_at', text(now))
  redis.call('HINCRBY', KEYS[1], 'rows', ARGV[7])
  redis.call('HINCRBY', KEYS[1], 'dead_rows', ARGV[8])
  redis.call('HINCRBY', KEYS[1], 'bytes', ARGV[9])
end
return 1

-- Renew a lease and report progress. Progress means that the work is healthy: its failed attempts are counted from 0 again.
-- KEYS  1 job  2 the key with the lease (the job, or its page set)
-- ARGV  1 now  2 member  3 prefix  4 token  5 lease seconds  6 slack seconds  7 rows  8 dead rows  9 bytes of the page
-- returns 1, or 0 if the lease is lost or the job has its verdict
local now = now_or(ARGV[1])
if not is_live(KEYS[1], KEYS[2], ARGV[3], ARGV[4]) then return 0 end
begin_without_memory_check(KEYS[1])
redis.call('HSET', KEYS[2], ARGV[3] .. 'since', text(now), ARGV[3] .. 'until', text(now + ARGV[5]))
redis.call('HSET', KEYS[1], 'held_until', text(now + ARGV[5]))
redis.call('ZADD', OVERDUE, text(now + ARGV[5] + ARGV[6]), ARGV[2])
if add_progress(KEYS[1], KEYS[2], ARGV[3], ARGV[7], ARGV[8], ARGV[9]) then
  forget_wait(KEYS[1])
  redis.call('HDEL', KEYS[2], ARGV[3] .. 'reason')
  redis.call('HSET', KEYS[2], ARGV[3] .. 'attempts', 0)
  redis.call('HSETNX', KEYS[1], 'first_row_at', text(now))
end
return 1

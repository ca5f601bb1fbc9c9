-- Record a job's move from one state to the next (or to the same: a poll) and end the step's lease.
-- KEYS  1 job
-- ARGV  1 now  2 id  3 token  4 from  5 to  6 seconds until overdue  7 what the step counted
--       8... field, value ('@SECONDS' is a time that many seconds from now)
-- returns 1, or 0 if the lease is not the latest or the job has left the state
local now = now_or(ARGV[1])
add_counted(ARGV[7])
if not may_move(KEYS[1], ARGV[3], ARGV[4]) then return 0 end
end_lease(KEYS[1], '')
forget_wait(KEYS[1])
redis.call('HDEL', KEYS[1], 'reason', 'held_until')
redis.call('HSET', KEYS[1], 'attempts', 0)
if ARGV[4] ~= ARGV[5] then set_state(KEYS[1], ARGV[2], now, ARGV[5]) end
for i = 8, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], field_value(ARGV[i + 1], now))
end
redis.call('ZADD', OVERDUE, text(now + ARGV[6]), ARGV[2])
return 1

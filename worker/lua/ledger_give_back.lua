-- End a lease with its work undone; the work is due again after a while.
-- KEYS  1 job  2 the key with the lease (the job, or its page set)
-- ARGV  1 now  2 member  3 prefix  4 token  5 seconds until overdue  6 is an attempt (1 or 0)  7 reason
--       8 what it waits on  9 seconds until it may go on  10 what the step counted
-- returns the attempts so far, or -1 if the lease is lost
local now = now_or(ARGV[1])
local is_held = is_live(KEYS[1], KEYS[2], ARGV[3], ARGV[4])
if is_held then begin_without_memory_check(KEYS[1]) end
add_counted(ARGV[10])
if not is_held then return -1 end
end_lease(KEYS[2], ARGV[3])
redis.call('HSET', KEYS[2], ARGV[3] .. 'reason', ARGV[7])
if ARGV[3] == '' then redis.call('HDEL', KEYS[1], 'held_until') end
local field = 'millrace_given_back_total|' .. redis.call('HGET', KEYS[1], 'connection') .. '|' .. ARGV[8]
redis.call('HINCRBYFLOAT', PREFIX .. 'counters', field, 1)
note_wait(KEYS[1], ARGV[8], ARGV[7], text(now + ARGV[9]))
redis.call('ZADD', OVERDUE, text(now + ARGV[5]), ARGV[2])
return redis.call('HINCRBY', KEYS[2], ARGV[3] .. 'attempts', ARGV[6])

-- Decide that a job ends failed or cancelled. What may have published rows is settled with the sink first.
-- KEYS  1 job
-- ARGV  1 now  2 id  3 failed or cancelled  4 reason  5 is the vendor's report itself the cause (1 or 0)
-- gives {'decided'} where the sink must be asked, {'ended', state} where it is over, {'none'} where there is no such job
local now = now_or(ARGV[1])
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return {'none'} end
if is_over(state) then return {'ended', state} end
if redis.call('HSETNX', KEYS[1], 'verdict', ARGV[3]) == 1 then
  redis.call('HSET', KEYS[1], 'error', ARGV[4])
  if ARGV[5] == '1' then redis.call('HSET', KEYS[1], 'is_spoilt', 1) end
end
-- Whoever holds the step works in vain from here on, and so does the lease.
redis.call('HDEL', KEYS[1], 'token', 'until')
redis.call('ZADD', OVERDUE, text(now), ARGV[2])
return {'decided'}

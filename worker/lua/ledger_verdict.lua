-- Decide that a job ends as failed or cancelled. It ends only after the sink was asked what the job has published.
-- KEYS  1 job
-- ARGV  1 now  2 id  3 failed or cancelled  4 reason  5 is the vendor's report itself the cause (1 or 0)
-- returns {'decided'} if the sink must be asked, {'ended', state} if the job is over, {'none'} if there is no such job
local now = now_or(ARGV[1])
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return {'none'} end
if is_over(state) then return {'ended', state} end
if redis.call('HSETNX', KEYS[1], 'verdict', ARGV[3]) == 1 then
  redis.call('HSET', KEYS[1], 'error', ARGV[4])
  if ARGV[5] == '1' then redis.call('HSET', KEYS[1], 'is_spoilt', 1) end
end
-- The step that is under way must stop, so its lease is ended.
redis.call('HDEL', KEYS[1], 'token', 'until')
redis.call('ZADD', OVERDUE, text(now), ARGV[2])
return {'decided'}

-- Claim one of the reports that a vendor may prepare at once, or renew the claim, which expires otherwise.
-- KEYS  1 the jobs with a claim
-- ARGV  1 now or ''  2 job  3 reports at once  4 seconds until the claim expires
-- returns 1 if the job has a claim, else 0
local now = now_or(ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now))
local has = redis.call('ZSCORE', KEYS[1], ARGV[2])
if not has and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
redis.call('ZADD', KEYS[1], text(now + tonumber(ARGV[4])), ARGV[2])
redis.call('PEXPIRE', KEYS[1], math.ceil(tonumber(ARGV[4]) * 1000))
return 1

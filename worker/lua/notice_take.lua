-- Take the turn to deliver a notice that is due. When the turn is over, it is due again, in case the worker has died.
-- KEYS  1 notices
-- ARGV  1 now  2 member  3 seconds the turn lasts
-- returns 1, or 0 if it is not due
local now = tonumber(ARGV[1])
local due = redis.call('ZSCORE', KEYS[1], ARGV[2])
if not due or tonumber(due) > now then return 0 end
redis.call('ZADD', KEYS[1], string.format('%.6f', now + ARGV[3]), ARGV[2])
return 1

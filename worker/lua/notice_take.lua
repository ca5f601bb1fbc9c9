-- Take the turn to deliver a notice that is due. It is due again when the turn is over, in case its worker died.
-- KEYS  1 notices
-- ARGV  1 now  2 member  3 seconds the turn lasts. gives 1, or 0 if it is not due
local now = tonumber(ARGV[1])
local due = redis.call('ZSCORE', KEYS[1], ARGV[2])
if not due or tonumber(due) > now then return 0 end
redis.call('ZADD', KEYS[1], string.format('%.6f', now + ARGV[3]), ARGV[2])
return 1

-- Pause a connection for all workers. A pause is never shortened.
-- KEYS  1 pause
-- ARGV  1 now or ''  2 seconds
-- returns 1 if the pause is new or longer than before, else 0
local ends = now_or(ARGV[1]) + tonumber(ARGV[2])
if ends <= tonumber(redis.call('GET', KEYS[1]) or '0') then return 0 end
redis.call('SET', KEYS[1], text(ends), 'PX', math.ceil(tonumber(ARGV[2]) * 1000))
return 1

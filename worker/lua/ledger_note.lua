-- Store fields without moving the job, for what must be stored before an act that cannot be undone.
-- KEYS  1 job
-- ARGV  1 now  2 token  3... field, value ('@SECONDS' is a time that many seconds from now)
-- returns 1, or 0 if the lease is lost
local now = now_or(ARGV[1])
if not has_token(KEYS[1], '', ARGV[2]) or not is_running(KEYS[1], '', now) then return 0 end
for i = 3, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], field_value(ARGV[i + 1], now))
end
return 1

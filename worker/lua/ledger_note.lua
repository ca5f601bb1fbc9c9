-- Store fields under a lease without moving the job: what must be on record before something that cannot be undone.
-- KEYS  1 job
-- ARGV  1 now  2 token  3... field, value ('@SECONDS': a time so many seconds from now). gives 1, or 0 if the lease is lost
local now = now_or(ARGV[1])
if not has_token(KEYS[1], '', ARGV[2]) or not is_running(KEYS[1], '', now) then return 0 end
for i = 3, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], field_value(ARGV[i + 1], now))
end
return 1

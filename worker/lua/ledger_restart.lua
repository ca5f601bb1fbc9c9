-- Begin the next generation of a job: all pages are planned and read again, from the vendor's report or from a new one.
-- KEYS  1 job  2 page set
-- ARGV  1 now  2 id  3 the generation that is over  4 grace seconds  5 'ready', or 'queued' to request a new report
-- returns the current generation afterwards, or 0 if the job is no longer streaming
local now = now_or(ARGV[1])
local f = redis.call('HMGET', KEYS[1], 'state', 'generation', 'verdict')
if f[2] and f[2] ~= ARGV[3] then return tonumber(f[2]) end
if (f[1] ~= 'streaming' and f[1] ~= 'streamed') or f[3] then return 0 end
forget_pages(KEYS[1], ARGV[2])
redis.call('DEL', KEYS[2])
redis.call('HDEL', KEYS[1], 'token', 'until', 'total', 'is_unproven', 'columns_added', 'columns_gone')
redis.call('HINCRBY', KEYS[1], 'restarts', 1)
count(KEYS[1], 'millrace_generations_voided_total', 1)
if ARGV[5] == 'queued' then
  redis.call('HDEL', KEYS[1], 'vendor_report_id', 'poll_link', 'submitting_at', 'ready_total', 'links', 'expires_at', 'ready_at')
  redis.call('HINCRBY', KEYS[1], 'asked_anew', 1)
end
set_state(KEYS[1], ARGV[2], now, ARGV[5])
redis.call('ZADD', OVERDUE, text(now + ARGV[4]), ARGV[2])
return redis.call('HINCRBY', KEYS[1], 'generation', 1)

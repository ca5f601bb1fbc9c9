-- End a job for good, once: done, failed or cancelled, with its receipt.
-- KEYS  1 job  2 page set
-- ARGV  1 now  2 id  3 final state  4 error or ''  5 receipt  6 seconds it is kept
-- returns the final state of the job, which differs from 3 if another worker ended it first
local now = now_or(ARGV[1])
local state = redis.call('HGET', KEYS[1], 'state')
if not state or is_over(state) then return state end
forget_pages(KEYS[1], ARGV[2])
redis.call('ZREM', OVERDUE, ARGV[2])
redis.call('HDEL', KEYS[1], 'verdict', 'token', 'until', 'reason', 'error')
if ARGV[4] ~= '' then redis.call('HSET', KEYS[1], 'error', ARGV[4]) end
redis.call('HSET', KEYS[1], 'finished_at', text(now), 'receipt', ARGV[5])
set_state(KEYS[1], ARGV[2], now, ARGV[3])
count(KEYS[1], 'millrace_jobs_ended_total', 1, ARGV[3])
for number in ipairs(cjson.decode(redis.call('HGET', KEYS[1], 'webhooks') or '[]')) do
  redis.call('ZADD', PREFIX .. 'notices', text(now), ARGV[2] .. '/' .. number)
end
redis.call('EXPIRE', KEYS[1], ARGV[6])
redis.call('EXPIRE', KEYS[2], ARGV[6])
return ARGV[3]

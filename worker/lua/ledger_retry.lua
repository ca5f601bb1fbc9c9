-- Reopen a failed or cancelled job, under the next generation.
-- KEYS  1 job  2 page set
-- ARGV  1 now  2 id  3 grace seconds
-- returns {'queued' or 'pending', poll} or {'', the state it is in}
local now = now_or(ARGV[1])
local f = redis.call('HMGET', KEYS[1], 'state', 'vendor_report_id', 'ready_within', 'finish_within', 'expires_at', 'is_spoilt',
  'ready_at', 'finished_at')
if f[1] ~= 'failed' and f[1] ~= 'cancelled' then return {'', f[1] or 'not there'} end
redis.call('PERSIST', KEYS[1])
redis.call('DEL', KEYS[2])
redis.call('HDEL', KEYS[1], 'error', 'receipt', 'finished_at', 'first_row_at', 'total', 'pages', 'closed', 'next_page',
  'rows', 'dead_rows', 'bytes', 'poll_at', 'possible_orphans', 'asked_at', 'submitting_at', 'missing_since',
  'asked_anew', 'is_spoilt', 'is_unproven', 'columns_added', 'columns_gone')
redis.call('HINCRBY', KEYS[1], 'generation', 1)
redis.call('HINCRBY', KEYS[1], 'poll', 1)
redis.call('HSET', KEYS[1], 'restarts', 0, 'attempts', 0,
  'ready_by', text(now + f[3]), 'finish_by', text(now + f[4]))
local state = 'queued'
local expired = f[5] and f[5] ~= '' and tonumber(f[5]) <= now
local is_there = f[2] and f[2] ~= '' and not expired and not f[6]
if is_there then
  state = 'pending'
  -- The report does not get younger: of two jobs for a window the one whose report was ready later counts. If this one was
  -- not ready yet when the job ended, it may have been right after.
  redis.call('HSET', KEYS[1], 'ready_at', f[7] and f[7] ~= '' and f[7] or f[8])
else
  redis.call('HDEL', KEYS[1], 'vendor_report_id', 'poll_link', 'ready_at')
end
set_state(KEYS[1], ARGV[2], now, state)
redis.call('ZADD', OVERDUE, text(now + ARGV[3]), ARGV[2])
return {state, redis.call('HGET', KEYS[1], 'poll')}

-- Move a streamed job back to streaming, because the sink lacks pages that the ledger has as closed.
-- KEYS  1 job  2 page set
-- ARGV  1 now  2 id  3 token  4 grace seconds  5... pages
-- returns 1, or 0 if the lease is not the latest or the job is no longer streamed
local now = now_or(ARGV[1])
if not may_move(KEYS[1], ARGV[3], 'streamed') then return 0 end
end_lease(KEYS[1], '')
redis.call('ZREM', OVERDUE, ARGV[2])
set_state(KEYS[1], ARGV[2], now, 'streaming')
for i = 5, #ARGV do
  if redis.call('HDEL', KEYS[2], ARGV[i] .. '.closed') == 1 then
    redis.call('HINCRBY', KEYS[1], 'closed', -1)
    local rows = tonumber(redis.call('HGET', KEYS[2], ARGV[i] .. '.rows') or 0)
    redis.call('HINCRBY', KEYS[2], 'rows', string.format('%d', -rows))
    redis.call('HDEL', KEYS[2], ARGV[i] .. '.rows', ARGV[i] .. '.dead_rows', ARGV[i] .. '.bytes', ARGV[i] .. '.digest',
      ARGV[i] .. '.open')
    redis.call('ZADD', OVERDUE, text(now + ARGV[4]), ARGV[2] .. '/' .. ARGV[i])
  end
end
return 1

-- Move a ready job to streaming with its pages planned, and nudge the first ones.
-- KEYS  1 job  2 page set
-- ARGV  1 now  2 id  3 token  4 pages  5 pages at once  6 grace seconds
-- returns {page, ...} to nudge, or {0} if the lease is not the latest or the job is no longer ready
local now = now_or(ARGV[1])
if not may_move(KEYS[1], ARGV[3], 'ready') then return {0} end
redis.call('DEL', KEYS[2])
end_lease(KEYS[1], '')
redis.call('HDEL', KEYS[1], 'reason', 'total', 'held_until')
redis.call('HSET', KEYS[1], 'pages', ARGV[4], 'closed', 0, 'next_page', 1, 'attempts', 0, 'rows', 0, 'dead_rows', 0, 'bytes', 0)
set_state(KEYS[1], ARGV[2], now, 'streaming')
redis.call('ZREM', OVERDUE, ARGV[2])
return nudge_pages(KEYS[1], ARGV[2], now, tonumber(ARGV[5]), tonumber(ARGV[6]))

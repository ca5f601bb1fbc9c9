-- Close a page, register the pages it led to, let the next ones out; the last page moves the job to streamed.
-- KEYS  1 job  2 page set
-- ARGV  1 now  2 id  3 page  4 token  5 pages now known  6 address of the next page or ''  7 total or ''  8 pages at once
--       9 grace seconds  10 rows  11 dead rows  12 bytes since the last renewal  13 can its end be trusted (1 or 0)
-- gives {'lost'} | {'total', the other} | {'loop'} | {'streamed'} | {'closed', page, ...} to nudge
local now = now_or(ARGV[1])
local prefix = ARGV[3] .. '.'
-- A repetition, because the answer got lost: the page is closed; whom it would have nudged the sweep finds.
if holds(KEYS[2], prefix, ARGV[4]) and redis.call('HEXISTS', KEYS[2], prefix .. 'closed') == 1 then return {'closed'} end
if not is_live(KEYS[1], KEYS[2], prefix, ARGV[4]) then return {'lost'} end
local known = redis.call('HGET', KEYS[1], 'total')
if ARGV[7] ~= '' and known and known ~= ARGV[7] then return {'total', known} end
if ARGV[6] ~= '' and redis.call('HSETNX', KEYS[2], 'seen:' .. ARGV[6], ARGV[3]) == 0 then return {'loop'} end
if ARGV[7] ~= '' then redis.call('HSET', KEYS[1], 'total', ARGV[7]) end
if ARGV[13] == '0' then redis.call('HSET', KEYS[1], 'is_unproven', 1) end
if ARGV[6] ~= '' then redis.call('HSET', KEYS[2], (ARGV[3] + 1) .. '.link', ARGV[6]) end
let_go(KEYS[2], prefix)
redis.call('HDEL', KEYS[2], prefix .. 'attempts', prefix .. 'reason')
redis.call('HSET', KEYS[2], prefix .. 'closed', 1)
redis.call('ZREM', OVERDUE, ARGV[2] .. '/' .. ARGV[3])
redis.call('HINCRBY', KEYS[1], 'rows', ARGV[10])
redis.call('HINCRBY', KEYS[1], 'dead_rows', ARGV[11])
redis.call('HINCRBY', KEYS[1], 'bytes', ARGV[12])
if tonumber(ARGV[10]) > 0 then redis.call('HSETNX', KEYS[1], 'first_row_at', text(now)) end
local pages = math.max(tonumber(redis.call('HGET', KEYS[1], 'pages')), tonumber(ARGV[5]))
redis.call('HSET', KEYS[1], 'pages', string.format('%d', pages))
if redis.call('HINCRBY', KEYS[1], 'closed', 1) == pages then
  set_state(KEYS[1], ARGV[2], now, 'streamed')
  redis.call('ZADD', OVERDUE, text(now + ARGV[9]), ARGV[2])
  return {'streamed'}
end
local out = let_out(KEYS[1], ARGV[2], now, tonumber(ARGV[8]), tonumber(ARGV[9]))
table.insert(out, 1, 'closed')
return out

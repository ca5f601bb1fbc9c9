-- Close a page, register the pages that follow it, nudge the next ones; the last page moves the job to streamed.
-- KEYS  1 job  2 page set
-- ARGV  1 now  2 id  3 page  4 token  5 pages now known  6 address of the next page or ''  7 total or ''  8 pages at once
--       9 grace seconds  10 its rows  11 dead rows  12 bytes  13 did its body have an end (1 or 0)
--       14 the digest of its rows or ''  15 the count of rows that ends the paging or ''  16 may a page follow (1 or 0)
--       17 what the step counted
-- returns {'lost'} | {'total', the other} | {'repeated', page} | {'loop'} | {'streamed'} | {'closed', page, ...} to nudge
local now = now_or(ARGV[1])
local prefix = ARGV[3] .. '.'
add_counted(ARGV[17])
-- If the same call is repeated because its answer was lost, the page is closed. The sweep finds the pages to nudge.
if has_token(KEYS[2], prefix, ARGV[4]) and redis.call('HEXISTS', KEYS[2], prefix .. 'closed') == 1 then return {'closed'} end
if not is_live(KEYS[1], KEYS[2], prefix, ARGV[4]) then return {'lost'} end
local counted = redis.call('HGET', KEYS[1], 'total')
if ARGV[7] ~= '' and counted and counted ~= ARGV[7] then return {'total', counted} end
-- A link that another page gave leads in a circle, even if all rows seem to have come: a page may have been read twice.
-- A page that was opened again may give the same one again.
if ARGV[6] ~= '' then
  redis.call('HSETNX', KEYS[2], 'seen:' .. ARGV[6], ARGV[3])
  if redis.call('HGET', KEYS[2], 'seen:' .. ARGV[6]) ~= ARGV[3] then return {'loop'} end
end
local page, known = tonumber(ARGV[3]), tonumber(redis.call('HGET', KEYS[1], 'pages'))
local others = {page - 1, page + 1}
-- A vendor may begin again at its first page after its last one; where nothing counts the pages, they would never end.
if tonumber(ARGV[5]) > known then table.insert(others, 1) end
for _, other in ipairs(others) do
  if ARGV[14] ~= '' and redis.call('HGET', KEYS[2], other .. '.digest') == ARGV[14] then return {'repeated', other} end
end
-- Links may differ and still lead in a circle, so a page that was reached by a link is compared with all before it.
local is_chain = ARGV[6] ~= '' or redis.call('HEXISTS', KEYS[2], prefix .. 'link') == 1
if is_chain and ARGV[14] ~= '' then
  local other = redis.call('HGET', KEYS[2], 'digest:' .. ARGV[14])
  if other and other ~= ARGV[3] then return {'repeated', tonumber(other)} end
  redis.call('HSET', KEYS[2], 'digest:' .. ARGV[14], ARGV[3])
end
local came = tonumber(redis.call('HGET', KEYS[2], 'rows') or 0) + tonumber(ARGV[10])
local is_all = ARGV[15] ~= '' and came >= tonumber(ARGV[15])
if is_all then ARGV[6], ARGV[16] = '', '0' end
if ARGV[7] ~= '' then redis.call('HSET', KEYS[1], 'total', ARGV[7]) end
if ARGV[13] == '0' then redis.call('HSET', KEYS[1], 'is_unproven', 1) end
if ARGV[6] ~= '' then redis.call('HSET', KEYS[2], (ARGV[3] + 1) .. '.link', ARGV[6]) end
end_lease(KEYS[2], prefix)
forget_wait(KEYS[1])
redis.call('HDEL', KEYS[2], prefix .. 'attempts', prefix .. 'reason')
if add_progress(KEYS[1], KEYS[2], prefix, ARGV[10], ARGV[11], ARGV[12]) then
  redis.call('HSETNX', KEYS[1], 'first_row_at', text(now))
end
redis.call('HSET', KEYS[2], prefix .. 'closed', 1, prefix .. 'rows', ARGV[10], prefix .. 'digest', ARGV[14], 'rows', string.format('%d', came))
if ARGV[16] == '1' then redis.call('HSET', KEYS[2], prefix .. 'open', 1) end
redis.call('ZREM', OVERDUE, ARGV[2] .. '/' .. ARGV[3])
count(KEYS[1], 'millrace_pages_total', 1)
local pages = is_all and known or math.max(known, tonumber(ARGV[5]))
local closed = redis.call('HINCRBY', KEYS[1], 'closed', 1)
-- If rows are still missing once all known pages are read, the page after the last one may have them.
if closed == pages and not is_all and redis.call('HEXISTS', KEYS[2], string.format('%d.open', pages)) == 1 then
  pages = pages + 1
end
redis.call('HSET', KEYS[1], 'pages', string.format('%d', pages))
if closed == pages then
  set_state(KEYS[1], ARGV[2], now, 'streamed')
  redis.call('ZADD', OVERDUE, text(now + ARGV[9]), ARGV[2])
  return {'streamed'}
end
local out = nudge_pages(KEYS[1], ARGV[2], now, tonumber(ARGV[8]), tonumber(ARGV[9]))
table.insert(out, 1, 'closed')
return out

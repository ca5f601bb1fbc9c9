-- Close a page, if it is at the position that its writer expects.
-- KEYS  1 sink record
-- ARGV  1 generation  2 page  3 rows  4 digest
-- returns {'kept', the page's field}, {'refused', the page's field} or {'over', why}
local f = redis.call('HMGET', KEYS[1], 'state', 'generation', ARGV[2])
local refusal = refusal_of(f[1], f[2], ARGV[1])
if refusal then return refusal end
local page = f[3] or EMPTY
if position(page) ~= ARGV[3] .. ' ' .. ARGV[4] then return {'refused', page} end
page = string.gsub(page, '^(%d+ %x+) 0', '%1 1')
begin_without_memory_check(KEYS[1])
redis.call('HSET', KEYS[1], ARGV[2], page)
return {'kept', page}

-- Take the lease of a page.
-- KEYS  1 job  2 page set
-- ARGV  1 now  2 id  3 page  4 lease seconds  5 slack seconds
-- returns {token, now, attempts, last reason, link, rows, dead rows and bytes reported, field, value, ...} or {0, why not}
local now = now_or(ARGV[1])
local f = redis.call('HMGET', KEYS[1], 'state', 'verdict', 'next_page')
local prefix = ARGV[3] .. '.'
if f[1] ~= 'streaming' or f[2] then return {0, 'the job is ' .. (f[2] and 'being ended' or f[1] or 'not there')} end
if tonumber(ARGV[3]) >= tonumber(f[3]) then return {0, 'no such page yet'} end
if redis.call('HEXISTS', KEYS[2], prefix .. 'closed') == 1 then return {0, 'the page is closed'} end
local token = take(KEYS[1], KEYS[2], prefix, ARGV[2] .. '/' .. ARGV[3], now, tonumber(ARGV[4]), tonumber(ARGV[5]))
if not token then return {0, 'another worker has it'} end
local page = redis.call('HMGET', KEYS[2], prefix .. 'attempts', prefix .. 'reason', prefix .. 'link',
  prefix .. 'rows', prefix .. 'dead_rows', prefix .. 'bytes')
local answer = {token, text(now), page[1] or '0', page[2] or '', page[3] or '', page[4] or '0', page[5] or '0', page[6] or '0'}
for _, value in ipairs(redis.call('HGETALL', KEYS[1])) do answer[#answer + 1] = value end
return answer

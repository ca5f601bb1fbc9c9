-- Find unfinished work that is overdue, and double its grace: the time until it is overdue again.
-- ARGV  1 now  2 at most  3 grace seconds  4 longest grace seconds
-- returns {job, page or '', state or 'verdict', poll, ...}, four values for each
local now = now_or(ARGV[1])
-- If the clock was set back, all due times are set back as much.
local last = tonumber(redis.call('GET', PREFIX .. 'swept_at') or '0')
if now < last - 1 then
  for _, member in ipairs(redis.call('ZRANGE', OVERDUE, 0, -1)) do redis.call('ZINCRBY', OVERDUE, text(now - last), member) end
end
redis.call('SET', PREFIX .. 'swept_at', text(now))
local found = {}
for _, member in ipairs(redis.call('ZRANGEBYSCORE', OVERDUE, '-inf', text(now), 'LIMIT', 0, ARGV[2])) do
  local id, page = string.match(member, '^([^/]+)/?(%d*)$')
  local job = PREFIX .. 'job:' .. id
  local f = redis.call('HMGET', job, 'state', 'verdict', 'poll')
  if not f[1] then
    redis.call('ZREM', OVERDUE, member)
  else
    local key, prefix = job, ''
    if page ~= '' then key, prefix = job .. ':pages', page .. '.' end
    local nudges = redis.call('HINCRBY', key, prefix .. 'nudges', 1)
    local grace = math.min(tonumber(ARGV[4]), tonumber(ARGV[3]) * 2 ^ nudges)
    redis.call('ZADD', OVERDUE, text(now + grace), member)
    for _, value in ipairs({id, page, f[2] and 'verdict' or f[1], f[3] or '0'}) do found[#found + 1] = value end
  end
end
return found

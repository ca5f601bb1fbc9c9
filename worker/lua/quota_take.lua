-- Take a slot for one request, unless the wait for it would be longer than the caller's patience.
-- Slots are one interval apart; some are saved up while no request is sent. Callers that must come back later get
-- different times (`queue`), so that a thousand of them do not come back at once.
-- KEYS  1 quota  2 pause  3 the token in use, if the request needs one
-- ARGV  1 now or ''  2 interval seconds  3 slots saved up at most  4 patience seconds  5 longest queue seconds
-- returns {'go', seconds until the slot taken} | {'wait', seconds} | {'pause', seconds}; seconds as text.
--         After 'go' come the token and its version, unless there is none or it is to be renewed by then.
local now, interval = now_or(ARGV[1]), tonumber(ARGV[2])
local ends = tonumber(redis.call('GET', KEYS[2]) or '0')
local slot = tonumber(redis.call('HGET', KEYS[1], 'slot') or '0')
slot = math.max(slot, now - interval * tonumber(ARGV[3]))
local wait = math.max(slot, ends) - now
if wait <= tonumber(ARGV[4]) then
  wait = math.max(wait, 0)
  redis.call('HSET', KEYS[1], 'slot', text(math.max(slot, now + wait - interval * tonumber(ARGV[3])) + interval))
  redis.call('EXPIRE', KEYS[1], 3600)
  local token = KEYS[3] and redis.call('HMGET', KEYS[3], 'value', 'version', 'renew_at') or {}
  if token[1] and tonumber(token[3]) > now + wait then return {'go', text(wait), token[1], token[2]} end
  return {'go', text(wait)}
end
if ends > slot then return {'pause', text(ends - now)} end
local queue = math.max(tonumber(redis.call('HGET', KEYS[1], 'queue') or '0'), slot) + interval
queue = math.min(queue, now + tonumber(ARGV[5]))
redis.call('HSET', KEYS[1], 'queue', text(queue))
redis.call('EXPIRE', KEYS[1], 3600)
return {'wait', text(queue - now)}

-- Create a job, unless one with this id exists, or an unfinished one with the same fingerprint can be joined.
-- KEYS  1 job  2 fingerprint  3 all jobs
-- ARGV  1 now  2 id  3 may join (1 or 0)  4 grace seconds  5 ready within  6 finish within  7 webhooks (JSON)  8... field, value
-- returns {id, 1 if joined}
local now = now_or(ARGV[1])
local id = ARGV[2]
if redis.call('EXISTS', KEYS[1]) == 1 then return {id, 1} end
if ARGV[3] == '1' then
  local other = redis.call('GET', KEYS[2])
  local state = other and redis.call('HGET', PREFIX .. 'job:' .. other, 'state')
  if state and not is_over(state) then
    local hooks = cjson.decode(redis.call('HGET', PREFIX .. 'job:' .. other, 'webhooks'))
    local known = {}
    for _, hook in ipairs(hooks) do known[hook] = true end
    for _, hook in ipairs(cjson.decode(ARGV[7])) do
      if not known[hook] then hooks[#hooks + 1] = hook end
    end
    if #hooks > 0 then redis.call('HSET', PREFIX .. 'job:' .. other, 'webhooks', cjson.encode(hooks)) end
    return {other, 1}
  end
  redis.call('SET', KEYS[2], id)
end
redis.call('HSET', KEYS[1], unpack(ARGV, 8))
redis.call('HSET', KEYS[1], 'id', id, 'created_at', text(now), 'webhooks', ARGV[7], 'ready_within', ARGV[5],
  'finish_within', ARGV[6], 'ready_by', text(now + ARGV[5]), 'finish_by', text(now + ARGV[6]),
  'generation', 1, 'restarts', 0, 'poll', 0, 'attempts', 0)
set_state(KEYS[1], id, now, 'queued')
redis.call('ZADD', KEYS[3], text(now), id)
redis.call('ZADD', OVERDUE, text(now + ARGV[4]), id)
return {id, 0}

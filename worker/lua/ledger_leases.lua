-- Functions that the ledger's scripts share: clock.lua and this file are prepended to each of them.

-- '@SECONDS' is a time that many seconds from now; any other value stands for itself.
local function field_value(given, now)
  local seconds = string.match(given, '^@(%d+%.?%d*)$')
  return seconds and text(now + seconds) or given
end

local PREFIX = 'millrace:'
local OVERDUE = PREFIX .. 'overdue'

-- Add to a counter of worker/metrics.py whose first labels are a job's connection and report.
local function count(job, name, by, more)
  local f = redis.call('HMGET', job, 'connection', 'report')
  local field = name .. '|' .. (f[1] or '') .. '|' .. (f[2] or '') .. (more and '|' .. more or '')
  redis.call('HINCRBYFLOAT', PREFIX .. 'counters', field, by)
end

-- Add what a step counted for the metrics: JSON with a number as text for each field of the counters; or ''.
local function add_counted(counted)
  if counted == '' then return end
  for field, by in pairs(cjson.decode(counted)) do redis.call('HINCRBYFLOAT', PREFIX .. 'counters', field, by) end
end

-- Count what the sink has of a page, for the job and for the metrics, except for what was counted before: a report whose
-- answer was lost is repeated, and a worker that takes a page over reports what the last one did not. True if rows are new.
local function add_progress(job, pages, prefix, rows, dead_rows, bytes)
  local known = redis.call('HMGET', pages, prefix .. 'rows', prefix .. 'dead_rows', prefix .. 'bytes')
  if tonumber(rows) <= tonumber(known[1] or '0') then return false end
  for i, name in ipairs({'rows', 'dead_rows', 'bytes'}) do
    local total = ({rows, dead_rows, bytes})[i]
    local more = string.format('%d', total - (known[i] or 0))
    redis.call('HSET', pages, prefix .. name, total)
    redis.call('HINCRBY', job, name, more)
    count(job, 'millrace_' .. name .. '_total', more)
  end
  return true
end

-- Note, for people, what a job waits for. Any progress clears it.
local function note_wait(job, on, why, ends)
  redis.call('HSET', job, 'waits_on', on, 'waits_said', why, 'waits_until', ends)
end

local function forget_wait(job) redis.call('HDEL', job, 'waits_on', 'waits_said', 'waits_until') end

local function set_state(job, id, now, state)
  forget_wait(job)
  local old = redis.call('HGET', job, 'state')
  if old then redis.call('ZREM', PREFIX .. 'jobs:' .. old, id) end
  redis.call('HSET', job, 'state', state)
  redis.call('ZADD', PREFIX .. 'jobs:' .. state, text(now), id)
end

-- The fields of a step's lease are in the job, without a prefix; those of page N in the page set, with the prefix 'N.'.
local function has_token(key, prefix, token)
  return redis.call('HGET', key, prefix .. 'token') == token
end

-- May a step move the job? Its lease must be the latest, and the job in the state that the step found, without a verdict.
local function may_move(job, token, from)
  return has_token(job, '', token) and redis.call('HGET', job, 'state') == from and redis.call('HEXISTS', job, 'verdict') == 0
end

local function is_over(state) return state == 'done' or state == 'failed' or state == 'cancelled' end

-- Is the lease still good? It must be the latest and not ended, the job not over, the page not closed and its job without
-- a verdict. All of this is checked, because a late heartbeat must not revive a lease whose work is done. A verdict takes
-- the token of the step before it, so the lease of a step of a job with a verdict is of the step that ends it.
local function is_live(job, key, prefix, token)
  local f = redis.call('HMGET', job, 'state', 'verdict')
  if not f[1] or (f[2] and prefix ~= '') or is_over(f[1]) or not has_token(key, prefix, token) then return false end
  if redis.call('HEXISTS', key, prefix .. 'until') == 0 then return false end
  return prefix == '' or (f[1] == 'streaming' and redis.call('HEXISTS', key, prefix .. 'closed') == 0)
end

-- The same as in sink_prelude.lua: the writes that follow are accepted although Redis is full. They write a few bytes over
-- others, so that a worker keeps its lease, or gives it back, until there is room. A job that is not over never expires.
local function begin_without_memory_check(job) redis.call('PERSIST', job) end

local function end_lease(key, prefix)
  redis.call('HDEL', key, prefix .. 'until', prefix .. 'nudges')
end

-- Is a lease running now? A lease that begins in the future was taken before the clock was set back, so it is not.
local function is_running(key, prefix, now)
  local f = redis.call('HMGET', key, prefix .. 'since', prefix .. 'until')
  return f[2] and now < tonumber(f[2]) and now >= tonumber(f[1] or '0')
end

-- Take a lease. If the one before has expired, its worker was lost, which counts as a failed attempt.
local function take(job, key, prefix, member, now, lease_seconds, slack_seconds)
  if is_running(key, prefix, now) then return nil end
  if redis.call('HEXISTS', key, prefix .. 'until') == 1 then
    redis.call('HINCRBY', key, prefix .. 'attempts', 1)
    redis.call('HSETNX', key, prefix .. 'reason', 'the worker was lost')
    count(job, 'millrace_leases_lost_total', 1)
  end
  local token = redis.call('HINCRBY', job, 'tokens', 1)
  redis.call('HSET', key, prefix .. 'token', token, prefix .. 'since', text(now), prefix .. 'until', text(now + lease_seconds))
  redis.call('HSET', job, 'held_until', text(now + lease_seconds))
  redis.call('HDEL', key, prefix .. 'nudges')
  redis.call('ZADD', OVERDUE, text(now + lease_seconds + slack_seconds), member)
  return token
end

-- Take all pages of a job out of the overdue set.
local function forget_pages(job, id)
  local last = tonumber(redis.call('HGET', job, 'next_page') or '1') - 1
  for page = 1, last do redis.call('ZREM', OVERDUE, id .. '/' .. page) end
end

-- Hand out pages while fewer than `at_once` are being read; returns the numbers of those to nudge.
local function nudge_pages(job, id, now, at_once, grace_seconds)
  local f = redis.call('HMGET', job, 'pages', 'closed', 'next_page')
  local pages, closed, next_page = tonumber(f[1]), tonumber(f[2]), tonumber(f[3])
  local out = {}
  while next_page <= pages and next_page - 1 - closed < at_once do
    redis.call('ZADD', OVERDUE, text(now + grace_seconds), id .. '/' .. next_page)
    out[#out + 1] = next_page
    next_page = next_page + 1
  end
  redis.call('HSET', job, 'next_page', next_page)
  return out
end

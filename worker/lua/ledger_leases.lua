-- Functions shared by every step of the ledger; put, behind the clock, before each step's own text.

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

-- Rows that a page's holder tells of: for the job, and for the metrics.
local function add_progress(job, rows, dead_rows, bytes)
  if tonumber(rows) == 0 then return end
  redis.call('HINCRBY', job, 'rows', rows)
  redis.call('HINCRBY', job, 'dead_rows', dead_rows)
  redis.call('HINCRBY', job, 'bytes', bytes)
  count(job, 'millrace_rows_total', rows)
  count(job, 'millrace_dead_rows_total', dead_rows)
  count(job, 'millrace_bytes_total', bytes)
end

-- What a job waits for is for people; whatever gets on forgets it.
local function note_wait(job, on, said, ends)
  redis.call('HSET', job, 'waits_on', on, 'waits_said', said, 'waits_until', ends)
end

local function forget_wait(job) redis.call('HDEL', job, 'waits_on', 'waits_said', 'waits_until') end

local function set_state(job, id, now, state)
  forget_wait(job)
  local old = redis.call('HGET', job, 'state')
  if old then redis.call('ZREM', PREFIX .. 'jobs:' .. old, id) end
  redis.call('HSET', job, 'state', state)
  redis.call('ZADD', PREFIX .. 'jobs:' .. state, text(now), id)
end

-- The lease of a job's step has no prefix; the lease of page N has the prefix 'N.' in the page set.
local function holds(key, prefix, token)
  return redis.call('HGET', key, prefix .. 'token') == token
end

-- A step's move: its lease holds, the job is where the step found it, and nobody has decided otherwise.
local function may_move(job, token, from)
  return holds(job, '', token) and redis.call('HGET', job, 'state') == from and redis.call('HEXISTS', job, 'verdict') == 0
end

local function is_over(state) return state == 'done' or state == 'failed' or state == 'cancelled' end

-- Work that is still somebody's: the lease holds and was not let go, the job is neither decided nor over, the page not
-- closed. A heartbeat that comes after the move must not make a lease of nothing.
local function is_live(job, key, prefix, token)
  local f = redis.call('HMGET', job, 'state', 'verdict')
  if not f[1] or f[2] or is_over(f[1]) or not holds(key, prefix, token) then return false end
  if redis.call('HEXISTS', key, prefix .. 'until') == 0 then return false end
  return prefix == '' or (f[1] == 'streaming' and redis.call('HEXISTS', key, prefix .. 'closed') == 0)
end

local function let_go(key, prefix)
  redis.call('HDEL', key, prefix .. 'until', prefix .. 'nudges')
end

-- A lease runs from the time it was taken or renewed; one from the future is of before the clock was set back.
local function runs(key, prefix, now)
  local f = redis.call('HMGET', key, prefix .. 'since', prefix .. 'until')
  return f[2] and now < tonumber(f[2]) and now >= tonumber(f[1] or '0')
end

-- Whoever takes work counts the failure of a holder that never came back.
local function take(job, key, prefix, member, now, lease_seconds, slack_seconds)
  if runs(key, prefix, now) then return nil end
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

local function forget_pages(job, pages, id)
  local last = tonumber(redis.call('HGET', job, 'next_page') or '1') - 1
  for page = 1, last do redis.call('ZREM', OVERDUE, id .. '/' .. page) end
end

-- Nudge free pages while fewer than `at_once` are out; gives the numbers of those now out.
local function let_out(job, id, now, at_once, grace_seconds)
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

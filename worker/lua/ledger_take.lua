-- Take the lease of a job's step.
-- KEYS  1 job
-- ARGV  1 now  2 id  3 states that the step leaves ('verdict': any, with a verdict), spaces around each  4 lease seconds
--       5 slack seconds  6 poll number or ''  7 seconds a poll may be early
-- returns {token, field, value, ...} or {0, why not}
local now = now_or(ARGV[1])
local f = redis.call('HMGET', KEYS[1], 'state', 'verdict', 'poll', 'poll_at', 'poll_every')
if not f[1] then return {0, 'no such job'} end
if is_over(f[1]) then return {0, 'the job is ' .. f[1]} end
local wanted = f[2] and 'verdict' or f[1]
if not string.find(ARGV[3], ' ' .. wanted .. ' ', 1, true) then return {0, 'the job is ' .. (wanted == 'verdict' and 'being ended' or wanted)} end
if ARGV[6] ~= '' and f[3] ~= ARGV[6] then return {0, 'poll ' .. f[3] .. ' is due'} end
local wait = ARGV[6] ~= '' and f[4] and tonumber(f[4]) - now or 0
-- If the wait is longer than the interval, the clock was set back: then the poll is taken at once.
if wait > tonumber(ARGV[7]) and wait <= tonumber(f[5] or '1e9') + 1 then return {0, 'too early'} end
local token = take(KEYS[1], KEYS[1], '', ARGV[2], now, tonumber(ARGV[4]), tonumber(ARGV[5]))
if not token then return {0, 'another worker has it'} end
local fields = redis.call('HGETALL', KEYS[1])
table.insert(fields, 1, token)
return fields

-- Keep a batch: add every row and move the page's checkpoint, or change nothing.
-- KEYS  1 sink record  2 stream  3 dead letters
-- ARGV  1 generation  2 page  3 rows before  4 digest before  5 the page's field afterwards  6 job  7 bound on entries (0: none)
--       8 how many rows are dead  9... the rows in order, then place in the batch and reason of each dead one
-- gives {'kept'}, {'refused', the page's field}, {'full', what is full, how much is there, how much may be} or {'over', why}
local FIRST, MOST_OF_MEMORY = 9, 0.8
local record, stream, dead_letters, call = KEYS[1], KEYS[2], KEYS[3], redis.call
local f = call('HMGET', record, 'state', 'generation', 'rows', ARGV[2])
local refusal = over(f[1], f[2], ARGV[1])
if refusal then return refusal end
local page = f[4] or EMPTY
if is_closed(page) or position(page) ~= ARGV[3] .. ' ' .. ARGV[4] then return {'refused', page} end

local entries, bound, dead = call('XLEN', stream), tonumber(ARGV[7]), tonumber(ARGV[8])
if bound > 0 and entries >= bound then return {'full', 'stream', entries, bound} end
-- A server may refuse INFO; its own limit still holds then.
local memory = redis.pcall('INFO', 'memory')
if type(memory) == 'string' then
  local used, most = string.match(memory, '\nused_memory:(%d+)'), string.match(memory, '\nmaxmemory:(%d+)')
  if used and most and tonumber(used) > tonumber(most) * MOST_OF_MEMORY and tonumber(most) > 0 then
    return {'full', 'memory', tonumber(used), tonumber(most)}
  end
end

-- Redis does not roll back: from here on nothing may fail but the first write, for want of memory.
local last, before, job = #ARGV - 2 * dead, tonumber(ARGV[3]) - FIRST + 1, ARGV[6]
local at = ARGV[1] .. '.' .. ARGV[2] .. '.'
if dead == 0 then
  for i = FIRST, last do call('XADD', stream, '*', 'job', job, 'at', at .. (before + i), 'row', ARGV[i]) end
else
  call('XLEN', dead_letters)
  local reasons = {}
  for i = last + 1, #ARGV, 2 do reasons[tonumber(ARGV[i]) + FIRST - 1] = ARGV[i + 1] end
  for i = FIRST, last do
    if reasons[i] then
      call('XADD', dead_letters, '*', 'job', job, 'at', at .. (before + i), 'reason', reasons[i], 'row', ARGV[i])
    else
      call('XADD', stream, '*', 'job', job, 'at', at .. (before + i), 'row', ARGV[i])
    end
  end
end
call('HSET', record, ARGV[2], ARGV[5], 'rows', tonumber(f[3]) + last - FIRST + 1)
return {'kept'}

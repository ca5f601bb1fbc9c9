-- Keep a batch: add every row and move the page's checkpoint, or change nothing.
-- KEYS  1 sink record  2 stream  3 dead letters
-- ARGV  1 generation  2 page  3 rows before  4 digest before  5 the page's field afterwards  6 rows in the batch  7 job
--       8 bound on entries (0: none)  9 rows per entry  10 how many rows are dead
--       11... runs of rows that are not dead: index of the first in the batch, how many, all of them with a newline each
--             (with more than 1 row per entry, a run is an entry)
--       then index, reason and row of each dead row; indexes count from 0
-- returns {'kept'}, {'refused', the page's field}, {'full', what is full, how much is there, how much may be} or {'over', why}
local FIRST = 11
local record, stream, dead_letters, call = KEYS[1], KEYS[2], KEYS[3], redis.call
local refusal, kept = refusal_of_batch(record, stream, ARGV[1], ARGV[2], ARGV[3] .. ' ' .. ARGV[4], tonumber(ARGV[8]))
if refusal then return refusal end

-- Redis does not roll back: from here on only the first write may fail, for lack of memory.
local last, before, job = #ARGV - 3 * tonumber(ARGV[10]), tonumber(ARGV[3]), ARGV[7]
-- string.format, because concatenating a string and a number takes Lua much longer.
local format, at = string.format, ARGV[1] .. '.' .. ARGV[2] .. '.%d'
if last < #ARGV then call('XLEN', dead_letters) end
local find, sub = string.find, string.sub
for i = FIRST, last, 3 do
  local row, rows = before + 1 + tonumber(ARGV[i]), ARGV[i + 2]
  if ARGV[9] == '1' then
    local from, to = 1, find(rows, '\n', 1, true)
    while to do
      call('XADD', stream, '*', 'job', job, 'at', format(at, row), 'row', sub(rows, from, to - 1))
      row, from = row + 1, to + 1
      to = find(rows, '\n', from, true)
    end
  else
    call('XADD', stream, '*', 'job', job, 'at', format(at, row), 'count', ARGV[i + 1], 'rows', rows)
  end
end
for i = last + 1, #ARGV, 3 do
  local row = before + 1 + tonumber(ARGV[i])
  call('XADD', dead_letters, '*', 'job', job, 'at', format(at, row), 'reason', ARGV[i + 1], 'row', ARGV[i + 2])
end
call('HSET', record, ARGV[2], ARGV[5], 'rows', kept + tonumber(ARGV[6]))
return {'kept'}

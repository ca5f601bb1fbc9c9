-- Write the end, once, if every page from 1 to the last is closed and these pages have all rows that were published.
-- KEYS  1 sink record  2 stream
-- ARGV  1 generation  2 pages  3 receipt (JSON)  4 job  5 milliseconds the record is kept from now on
-- returns {'finished', receipt as first written}, {'open', pages that are not closed}, {'more', rows in other pages}
--       or {'over', why}
local SLICE = 1000
local record, stream = KEYS[1], KEYS[2]
local f = redis.call('HMGET', record, 'state', 'generation', 'rows', 'receipt')
if f[1] == 'ended' then return {'finished', f[4]} end
local refusal = refusal_of(f[1], f[2], ARGV[1])
if refusal then return refusal end

local open, rows, last = {}, 0, tonumber(ARGV[2])
for first = 1, last, SLICE do
  local numbers = {}
  for page = first, math.min(first + SLICE - 1, last) do numbers[#numbers + 1] = page end
  for i, page in ipairs(redis.call('HMGET', record, unpack(numbers))) do
    if page and is_closed(page) then
      rows = rows + tonumber(string.match(page, '^%d+'))
    else
      open[#open + 1] = numbers[i]
    end
  end
end
if #open > 0 then return {'open', open} end
if rows ~= tonumber(f[3]) then return {'more', tonumber(f[3]) - rows} end

begin_without_memory_check(record)
redis.call('XADD', stream, '*', 'job', ARGV[4], 'end', ARGV[3])
-- The pages' fields are no longer needed: the receipt has their sums.
redis.call('UNLINK', record)
redis.call('HSET', record, 'state', 'ended', 'generation', ARGV[1], 'receipt', ARGV[3])
redis.call('PEXPIRE', record, ARGV[5])
return {'finished', ARGV[3]}

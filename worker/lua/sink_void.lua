-- Tell consumers to discard the open generation, if it published anything, and open the next one or none.
-- KEYS  1 sink record  2 stream
-- ARGV  1 generation  2 reason  3 next generation or ''  4 job  5 milliseconds a void record is kept from now on
-- returns {'kept'} or {'over', why}
local record, stream, next_generation = KEYS[1], KEYS[2], ARGV[3]
local f = redis.call('HMGET', record, 'state', 'generation', 'rows')
if not f[1] or f[1] == 'ended' then return {'over', f[1] or 'missing'} end
if f[1] == 'void' then return next_generation == '' and {'kept'} or {'over', 'void'} end
if tonumber(f[2]) > tonumber(ARGV[1]) then
  return f[2] == next_generation and {'kept'} or {'over', 'superseded'}
end

begin_without_memory_check(record)
if tonumber(f[3]) > 0 then
  local void = string.format('{"generation":%d,"reason":"%s"}', f[2], ARGV[2])
  -- pcall: a job must be able to fail even if its stream was replaced by a key of another type.
  redis.pcall('XADD', stream, '*', 'job', ARGV[4], 'void', void)
end
redis.call('UNLINK', record)
if next_generation ~= '' then
  redis.call('HSET', record, 'state', 'open', 'generation', next_generation, 'rows', 0)
else
  redis.call('HSET', record, 'state', 'void', 'generation', ARGV[1])
  redis.call('PEXPIRE', record, ARGV[5])
end
return {'kept'}

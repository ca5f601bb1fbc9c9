-- Create the sink record of a job, or accept one that is open in this generation.
-- KEYS  1 sink record  2 stream  3 dead letters
-- ARGV  1 generation
-- returns {'kept'}, {'over', why} or {'evicts', the policy by which the server may drop rows}
-- These fail if another type of key has the name of the stream or of the dead letters.
redis.call('XLEN', KEYS[2])
redis.call('XLEN', KEYS[3])
local f = redis.call('HMGET', KEYS[1], 'state', 'generation')
local begins = not f[1] or (f[1] == 'void' and tonumber(f[2]) < tonumber(ARGV[1]))
if not begins then return refusal_of(f[1], f[2], ARGV[1]) or {'kept'} end
-- pcall: a server may refuse INFO. The other policies drop at most keys that expire; here these are records after their end.
local memory = redis.pcall('INFO', 'memory')
local policy = type(memory) == 'string' and string.match(memory, '\nmaxmemory_policy:(allkeys[%w-]*)')
if policy then return {'evicts', policy} end
redis.call('HSET', KEYS[1], 'state', 'open', 'generation', ARGV[1], 'rows', 0)
redis.call('PERSIST', KEYS[1])
return {'kept'}

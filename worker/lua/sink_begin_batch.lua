-- The first command of a transaction that adds rows: if the batch can be kept, give the stream the name that the rows are
-- added to, until sink_end_batch. Each is added only if there is a stream of that name: if this fails, none is.
-- KEYS  1 sink record  2 stream  3 the stream's name within the transaction
-- ARGV  1 generation  2 page  3 rows before  4 digest before  5 bound on entries (0: none)
-- gives {'kept'}, or as sink_commit does why not
local record, stream, adding = KEYS[1], KEYS[2], KEYS[3]
-- Between transactions there is no such stream. If a server ever left one behind, it gets its own name back.
if redis.call('EXISTS', adding) == 1 then redis.call('RENAMENX', adding, stream) end
local refusal = refusal_of_batch(record, stream, ARGV[1], ARGV[2], ARGV[3] .. ' ' .. ARGV[4], tonumber(ARGV[5]))
if refusal then return refusal end
-- sink_end_batch must not fail: what it calls is called here before, so that a user who lacks a right fails here.
redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)
redis.call('HSET', record, 'state', 'open')
if redis.call('EXISTS', stream) == 0 then
  -- An empty stream: no other command makes one.
  redis.call('XGROUP', 'CREATE', stream, 'none', '$', 'MKSTREAM')
  redis.call('XGROUP', 'DESTROY', stream, 'none')
end
if redis.call('RENAMENX', stream, adding) == 0 then return {'refused'} end
return {'kept'}

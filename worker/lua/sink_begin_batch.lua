-- The first command of a transaction that adds rows. If the batch can be kept, it renames the stream for the time of the
-- transaction. Rows are added to that name, and only if a stream has it: if this script refuses the batch, none is added.
-- KEYS  1 sink record  2 stream  3 the stream's name within the transaction
-- ARGV  1 generation  2 page  3 rows before  4 digest before  5 bound on entries (0: none)
-- returns nothing: sink_end_batch says whether the batch was kept, and sink_commit why not
local record, stream, adding = KEYS[1], KEYS[2], KEYS[3]
-- Between transactions there is no such stream. If a server ever left one behind, it gets its own name back.
if redis.call('EXISTS', adding) == 1 then redis.call('RENAMENX', adding, stream) end
if refusal_of_batch(record, stream, ARGV[1], ARGV[2], ARGV[3] .. ' ' .. ARGV[4], tonumber(ARGV[5])) then return end
-- sink_end_batch must not fail. So its commands are called here first: a user who lacks a right for them fails here.
redis.call('HSET', record, 'length', redis.call('XLEN', stream))
if redis.call('EXISTS', stream) == 0 then
  -- Create an empty stream: no other command does.
  redis.call('XGROUP', 'CREATE', stream, 'none', '$', 'MKSTREAM')
  redis.call('XGROUP', 'DESTROY', stream, 'none')
end
redis.call('RENAMENX', stream, adding)

-- The last command of a transaction that adds rows: give the stream its name back, and move the page's checkpoint if all
-- entries have been added.
-- KEYS  1 sink record  2 stream  3 the stream's name within the transaction
-- ARGV  1 page  2 the page's field afterwards  3 rows in the batch  4 entries in the batch
-- returns 'kept' or 'refused'
local record, stream, adding = KEYS[1], KEYS[2], KEYS[3]
if redis.call('EXISTS', adding) == 0 or redis.call('RENAMENX', adding, stream) == 0 then return 'refused' end
local f = redis.call('HMGET', record, 'rows', 'length')
-- Redis checks a user's rights again when it executes a transaction. If they were taken in between, nothing was added.
-- The length says so: to look at the last entry, Lua would copy and hash all its rows.
if redis.call('XLEN', stream) ~= tonumber(f[2]) + tonumber(ARGV[4]) then return 'refused' end
redis.call('HSET', record, ARGV[1], ARGV[2], 'rows', tonumber(f[1]) + tonumber(ARGV[3]))
return 'kept'

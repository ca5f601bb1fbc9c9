-- The last command of a transaction that adds rows: give the stream its name back, and move the page's checkpoint if the
-- rows have been added.
-- KEYS  1 sink record  2 stream  3 the stream's name within the transaction
-- ARGV  1 page  2 the page's field afterwards  3 rows in the batch  4 job  5 address of the last of them
-- returns 'kept' or 'refused'
local record, stream, adding = KEYS[1], KEYS[2], KEYS[3]
if redis.call('EXISTS', adding) == 0 or redis.call('RENAMENX', adding, stream) == 0 then return 'refused' end
local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
-- Redis checks a user's rights again when it executes a transaction. If they were taken in between, no row was added.
if not last or last[2][2] ~= ARGV[4] or last[2][4] ~= ARGV[5] then return 'refused' end
local rows = redis.call('HMGET', record, 'rows')[1]
redis.call('HSET', record, ARGV[1], ARGV[2], 'rows', tonumber(rows) + tonumber(ARGV[3]))
return 'kept'

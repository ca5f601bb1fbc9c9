-- Store a token that was just fetched, unless a later turn has begun. A token's version is the fence of its turn.
-- KEYS  1 token  2 turn
-- ARGV  1 now or ''  2 fence  3 token  4 refresh token or ''  5 lifetime seconds  6 seconds until it is renewed
--       7 is the refresh token kept until it is replaced (1 or 0)
-- returns 1, or 0 if the turn is over
if redis.call('HGET', KEYS[2], 'fence') ~= ARGV[2] then return 0 end
local now, lifetime = now_or(ARGV[1]), tonumber(ARGV[5])
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'value', ARGV[3], 'version', ARGV[2], 'refresh', ARGV[4],
  'expires_at', text(now + lifetime), 'renew_at', text(now + tonumber(ARGV[6])))
-- A refresh token outlives the token it came with.
if ARGV[4] == '' or ARGV[7] == '0' then
  redis.call('PEXPIRE', KEYS[1], math.ceil((ARGV[4] ~= '' and 30 * 86400 or lifetime) * 1000))
end
redis.call('HDEL', KEYS[2], 'ends')
return 1

-- Return the token in use; or the turn to fetch one, which only one caller at a time may have.
-- KEYS  1 token  2 turn
-- ARGV  1 now or ''  2 version the vendor refused, or ''  3 seconds a turn lasts
-- returns {'use', token, version}
--     | {'fetch', fence, refresh token or '', token still good or '', its version or ''}
--     | {'wait', seconds as text} while another fetches and no token is good
--     | {'rest', seconds as text} after a login that failed
local now = now_or(ARGV[1])
local kept = redis.call('HMGET', KEYS[1], 'value', 'version', 'renew_at', 'expires_at', 'refresh')
local is_good = kept[1] and kept[2] ~= ARGV[2] and tonumber(kept[4]) > now
if is_good and tonumber(kept[3]) > now then return {'use', kept[1], kept[2]} end
local turn = redis.call('HMGET', KEYS[2], 'ends', 'is_rest')
local ends = tonumber(turn[1] or '0')
if ends > now then
  if is_good then return {'use', kept[1], kept[2]} end
  return {turn[2] and 'rest' or 'wait', text(ends - now)}
end
local fence = redis.call('HINCRBY', KEYS[2], 'fence', 1)
redis.call('HSET', KEYS[2], 'ends', text(now + tonumber(ARGV[3])))
redis.call('HDEL', KEYS[2], 'is_rest')
redis.call('EXPIRE', KEYS[2], 30 * 86400)
return {'fetch', fence, kept[5] or '', is_good and kept[1] or '', is_good and kept[2] or ''}

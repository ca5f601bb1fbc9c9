-- Give up a turn. The next caller may take it at once, or after a rest if trying at once would probably fail again.
-- KEYS  1 turn
-- ARGV  1 now or ''  2 fence  3 rest seconds
-- returns nothing
if redis.call('HGET', KEYS[1], 'fence') == ARGV[2] then
  redis.call('HSET', KEYS[1], 'ends', text(now_or(ARGV[1]) + tonumber(ARGV[3])), 'is_rest', '1')
end

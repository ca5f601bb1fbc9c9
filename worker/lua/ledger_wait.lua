-- Note what the holder of a lease waits for, without giving the work back.
-- KEYS  1 job  2 the key with the lease (the job, or its page set)
-- ARGV  1 now  2 prefix  3 token  4 what it waits on (a word)  5 the same for people
-- returns 1, or 0 if the lease is lost
if not is_live(KEYS[1], KEYS[2], ARGV[2], ARGV[3]) then return 0 end
begin_without_memory_check(KEYS[1])
note_wait(KEYS[1], ARGV[4], ARGV[5], '')
return 1

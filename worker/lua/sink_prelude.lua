-- Functions that the scripts of a stream's sink record share. Each script is its own file, with this one put before it.
--
-- The record is a hash: `state` (open, ended, void), `generation`, `rows` (kept in this generation, dead ones too),
-- `receipt` once ended, and for each page a field named by its number:
--   'rows digest closed dead_rows bytes'
-- A page's field is about the current generation only: the next one begins without any.

local EMPTY = '0 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 0 0'

-- The answer if the record accepts nothing of this generation, else nil.
local function refusal_of(state, current, generation)
  if not state then return {'over', 'missing'} end
  if state ~= 'open' then return {'over', state} end
  if current ~= generation then return {'over', 'superseded'} end
  return nil
end

local function position(page) return string.match(page, '^%d+ %x+') end

local function is_closed(page) return string.match(page, '^%d+ %x+ 1') ~= nil end

-- When Redis is out of memory, it refuses only a script's first write, and only if that command may use memory. PERSIST may
-- not, so after it the few bytes that end something are written even then.
local function begin_without_memory_check(record) redis.call('PERSIST', record) end

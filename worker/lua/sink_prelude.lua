-- Functions shared by every step of a stream's sink record; put before each step's own text.
--
-- The record is a hash: `state` (open, ended, void), `generation`, `rows` (kept in this generation, dead ones too),
-- `receipt` once ended, and for each page a field named by its number:
--   'rows digest closed dead_rows bytes'
-- A page's field holds for the current generation alone: the next one begins with none.

local EMPTY = '0 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 0 0'

-- The answer where the record takes nothing from this generation, else nil.
local function over(state, current, generation)
  if not state then return {'over', 'missing'} end
  if state ~= 'open' then return {'over', state} end
  if current ~= generation then return {'over', 'superseded'} end
  return nil
end

local function position(page) return string.match(page, '^%d+ %x+') end

local function is_closed(page) return string.match(page, '^%d+ %x+ 1') ~= nil end

-- Redis refuses a script that runs out of memory at its first write only. A few bytes that end something must not
-- wait for room, so they come after a write that needs none.
local function needs_no_room(record) redis.call('PERSIST', record) end

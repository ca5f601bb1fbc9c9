-- Functions that the scripts of a stream's sink record share: this file is prepended to each of them.
--
-- The record is a hash: `state` (open, ended, void), `generation`, `rows` (kept in this generation, dead ones too),
-- `length` (of the stream when a transaction began to add to it last), `receipt` once ended, and for each page a field
-- named by its number:
--   'rows digest closed dead_rows bytes'
-- The fields of pages are about the current generation only: the next one begins without any.

local EMPTY = '0 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 0 0'

-- The answer if the record accepts no writes of this generation, else nil.
local function refusal_of(state, current, generation)
  if not state then return {'over', 'missing'} end
  if state ~= 'open' then return {'over', state} end
  if current ~= generation then return {'over', 'superseded'} end
  return nil
end

local function position(page) return string.match(page, '^%d+ %x+') end

local function is_closed(page) return string.match(page, '^%d+ %x+ 1') ~= nil end

-- If Redis is out of memory, it refuses only the first write of a script, and only if that command may use memory. PERSIST
-- uses none, so the writes after it are accepted. Only scripts that write a few bytes to end something may do this.
local function begin_without_memory_check(record) redis.call('PERSIST', record) end

-- The check that the scripts that keep a batch make first. Prepended to them, after sink_prelude.

local MOST_OF_MEMORY = 0.8

-- The answer if this batch cannot be kept now, else nil and the rows that the record counts. It only reads.
-- `before` is 'rows digest', the position that the page must have; `bound` limits the stream's entries (0: no limit).
local function refusal_of_batch(record, stream, generation, number, before, bound)
  local f = redis.call('HMGET', record, 'state', 'generation', 'rows', number)
  local refusal = refusal_of(f[1], f[2], generation)
  if refusal then return refusal end
  local page = f[4] or EMPTY
  if is_closed(page) or position(page) ~= before then return {'refused', page} end

  local entries = redis.call('XLEN', stream)
  if bound > 0 and entries >= bound then return {'full', 'stream', entries, bound} end
  -- pcall: a server may refuse INFO. Then only its own limit on memory applies.
  local memory = redis.pcall('INFO', 'memory')
  if type(memory) == 'string' then
    local used, most = string.match(memory, '\nused_memory:(%d+)'), string.match(memory, '\nmaxmemory:(%d+)')
    if used and most and tonumber(used) > tonumber(most) * MOST_OF_MEMORY and tonumber(most) > 0 then
      return {'full', 'memory', tonumber(used), tonumber(most)}
    end
  end
  return nil, tonumber(f[3])
end

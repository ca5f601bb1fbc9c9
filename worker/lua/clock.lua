-- Prepended to every script that needs the time. Times are seconds by the clock of Redis, so that the workers' clocks need
-- not agree; a test passes its own time.

local function now_or(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return tonumber(time[1]) + tonumber(time[2]) / 1000000
end

-- A number with all its digits: Lua's tostring would cut a time to 14 of them.
local function text(number) return string.format('%.6f', number) end

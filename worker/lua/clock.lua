-- Put before every step that knows a time. Times are seconds by the clock of Redis, so that no worker's clock matters;
-- a test passes its own.

local function now_or(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return tonumber(time[1]) + tonumber(time[2]) / 1000000
end

-- Numbers are written in full: Lua's own tostring would shorten a time to 14 digits.
local function text(number) return string.format('%.6f', number) end

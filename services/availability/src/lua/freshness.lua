-- Moves the cache's place in the write-ahead log forward, never back.
--
-- KEYS[1]: the place, "lsn:milliseconds", the LSN in twenty digits so that text compares like numbers.
-- ARGV[1]: the new place.
local old = redis.pcall('GET', KEYS[1])
local function parts(place)
  return tonumber(string.sub(place, 1, 10)), tonumber(string.sub(place, 11, 20)), tonumber(string.sub(place, 22))
end
local high, low, at = parts(ARGV[1])
if type(old) == 'string' then
  local old_high, old_low, old_at = parts(old)
  local readable = old_high and old_low and old_at
  local same = readable and old_high == high and old_low == low
  if readable and (old_high > high or (old_high == high and old_low > low) or (same and old_at >= at)) then
    return 0
  end
end
redis.call('SET', KEYS[1], ARGV[1])
return 1

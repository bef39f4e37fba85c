-- Says how far the cache has come, never back.
--
-- KEYS[1]: how far, "version:milliseconds", the version in twenty digits so that text compares like numbers.
-- ARGV[1]: how far now.
local old = redis.pcall('GET', KEYS[1])
local function parts(reached)
  return tonumber(string.sub(reached, 1, 10)), tonumber(string.sub(reached, 11, 20)), tonumber(string.sub(reached, 22))
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

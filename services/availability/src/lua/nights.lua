-- Writes nights of one hotel, each only if it may be written. Answers how many were.
--
-- KEYS: packed strings and dated keys. ARGV: 1 when the last key must be there, because without it the cache was
-- emptied since it was compared; the answer is -1 then. After that, five for each night: the number of its packed string, the
-- offset in it, the number of its dated key (0 without), the new entry, the expected entry. Without an
-- expected entry the new one is written if its version is newer; with one, if it is what stands there.
-- A key of another type, which only a foreign hand can have put there, gives way.
-- A version is compared in two halves: one number would lose bits above 2^53.
if ARGV[1] == '1' and redis.call('EXISTS', KEYS[#KEYS]) == 0 then
  return -1
end
local written = 0
for i = 2, #ARGV, 5 do
  local key, at, new, expected = KEYS[tonumber(ARGV[i])], tonumber(ARGV[i + 1]), ARGV[i + 3], ARGV[i + 4]
  local old = redis.pcall('GETRANGE', key, at, at + #new - 1)
  if type(old) == 'table' then
    redis.call('DEL', key)
    old = ''
  end
  old = old .. string.rep('\0', #new - #old)
  local take
  if expected == '' then
    local old_high, old_low = struct.unpack('>I4I4', old)
    local new_high, new_low = struct.unpack('>I4I4', new)
    take = new_high > old_high or (new_high == old_high and new_low > old_low)
  else
    take = old == expected
  end
  if take then
    redis.call('SETRANGE', key, at, new)
    local dated = tonumber(ARGV[i + 2])
    if dated > 0 then
      local value = struct.unpack('>I4', new, 9)
      if value >= 2147483648 then
        redis.call('SET', KEYS[dated], string.format('%.0f', value - 2147483648))
      else
        redis.call('DEL', KEYS[dated])
      end
    end
    written = written + 1
  end
end
return written

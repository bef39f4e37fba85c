-- Writes facts of one hotel's catalogue, each only if it may be written. Answers how many were.
--
-- KEYS[1]: the catalogue. KEYS[2], if given, must be there: without it the cache was emptied since it was compared,
-- and the answer is -1. ARGV: the new revision, the days that are complete ("from:to", or empty when
-- that is not being said), "newer" or "same"; then three for each fact: field, new, expected. "newer"
-- writes a fact whose version (its first eight bytes) is newer, "same" one that is still what was
-- expected (empty: missing). Every write changes the revision, by which readers know their copy is old.
-- A key of another type, which only a foreign hand can have put there, gives way.
local catalogue, revision, complete, mode = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local written = 0
if KEYS[2] and redis.call('EXISTS', KEYS[2]) == 0 then
  return -1
end
local kind = redis.call('TYPE', catalogue).ok
if kind ~= 'hash' and kind ~= 'none' then
  redis.call('DEL', catalogue)
end
for i = 4, #ARGV, 3 do
  local field, new, expected = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local old = redis.call('HGET', catalogue, field)
  local take
  if mode == 'same' then
    take = (old or '') == expected
  elseif old and #old >= 8 then
    local old_high, old_low = struct.unpack('>I4I4', old)
    local new_high, new_low = struct.unpack('>I4I4', new)
    take = new_high > old_high or (new_high == old_high and new_low > old_low)
  else
    take = true
  end
  if take then
    redis.call('HSET', catalogue, field, new, 'rev', revision)
    written = written + 1
  end
end
if complete ~= '' then
  local from, to = string.match(complete, '(-?%d+):(-?%d+)')
  local now = redis.call('HGET', catalogue, 'warm')
  local now_from, now_to = string.match(now or '', '(-?%d+):(-?%d+)')
  local covered = now_from and tonumber(now_from) <= tonumber(from) and tonumber(to) <= tonumber(now_to)
  if not covered then
    redis.call('HSET', catalogue, 'warm', complete)
  end
end
return written

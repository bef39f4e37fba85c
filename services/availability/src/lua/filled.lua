-- Says that the cache is filled, unless it was emptied since somebody began to fill it. Answers 1 if it did.
--
-- KEYS[1]: there since then. KEYS[2]: that the cache was filled. ARGV[1]: when.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
redis.call('SET', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[1])
return 1

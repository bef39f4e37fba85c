-- Each line bears the hash over itself and the line before, and no number is left out. What is gone from the end is found
-- by whoever knows a later hash.
select no, actor, action, principal_id
from (select t.*, lag(t.no, 1, 0::bigint) over w former, lag(t.hash, 1, '') over w former_hash
    from access.trail t window w as (order by t.no)) line
where no <> former + 1
    or hash <> access.trail_hash(former_hash, no, at, actor, action, principal_id, body)

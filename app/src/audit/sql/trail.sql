-- Each line bears the hash over itself and the line before, and no number is left out. What is gone from the end is found
-- by whoever knows a later hash (`bellhop trail --heads`, `--witnessed`), of which each schema keeps some: what was told.
with line as ({trails})
select schema, no, actor, action, subject
from (select line.*, lag(no, 1, 0::bigint) over w former, lag(hash, 1, '') over w former_hash
    from line window w as (partition by schema order by no)) line
where no <> former + 1
    or hash <> encode(sha256(convert_to(jsonb_build_array(
        former_hash, no, extract(epoch from at), actor, action, subject, body)::text, 'UTF8')), 'hex')
union all
select head.schema, head.no, '', 'told and not there as it was', null
from (select 'access' as schema, no, hash from access.trail_head
      union all select 'inventory', no, hash from inventory.trail_head
      union all select 'orchestrator', no, hash from orchestrator.trail_head) head
where not exists (select from line where line.schema = head.schema and line.no = head.no and line.hash = head.hash)

-- All lines of all trails.
select 'access' as schema, no, at, actor, action, principal_id as subject, body, hash from access.trail
union all select 'inventory', no, at, actor, action, subject, body, hash from inventory.trail
union all select 'orchestrator', no, at, actor, action, subject, body, hash from orchestrator.trail

-- A person who abandons a run has ended it; what it owes is looked at by another invariant.
select saga_id, kind, state, reason, created_at
from orchestrator.run
where state not in ('completed', 'compensated', 'abandoned')

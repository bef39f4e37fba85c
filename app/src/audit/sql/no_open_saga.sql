select saga_id, kind, state, reason, created_at
from orchestrator.run
where state not in ('completed', 'compensated')

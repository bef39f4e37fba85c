select saga_id, type, state, reason, created_at, updated_at
from orchestrator.saga
where state not in ('completed', 'compensated')

select pivot.saga_id, pivot.step pivot, undone.step undone, undone.at
from orchestrator.saga_step pivot
join orchestrator.saga_step undone using (saga_id)
where pivot.kind = 'pivot' and pivot.outcome = 'ok' and undone.kind = 'undo' and undone.seq > pivot.seq

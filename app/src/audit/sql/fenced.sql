select s.saga_id, s.step, s.kind, s.epoch, s.at, e.shard, e.ended_at
from orchestrator.saga_step s
join orchestrator.saga g using (saga_id)
join orchestrator.saga_epoch e on e.shard = g.shard and e.epoch = s.epoch
where s.at > e.ended_at

select j.saga_id, j.seq, j.step, j.what, j.epoch, j.at, e.shard, e.ended_at
from orchestrator.journal j
join orchestrator.run r using (saga_id)
join orchestrator.saga_epoch e on e.shard = r.shard and e.epoch = j.epoch
where j.at > e.ended_at

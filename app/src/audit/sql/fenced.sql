-- An epoch has its number alone, over all shards: a run may have come to another shard since. Those of before began anew in
-- each shard, so of several with one number the last to end counts.
select j.saga_id, j.seq, j.step, j.what, j.epoch, j.at, e.shards, e.ended_at
from orchestrator.journal j
join (select epoch, array_agg(shard) shards, max(coalesce(ended_at, 'infinity')) ended_at
      from orchestrator.saga_epoch group by epoch) e using (epoch)
where j.at > e.ended_at

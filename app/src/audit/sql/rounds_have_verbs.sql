-- Only a person raises the round of a run: before a line of round n there are n - 1 verbs that raise it.
select saga_id, seq, round, what, at
from orchestrator.journal j
where round > 1 + (select count(*) from orchestrator.journal v
                   where v.saga_id = j.saga_id and v.seq <= j.seq and v.what = 'verb'
                     and v.body ->> 'verb' in ('retry', 'back_to', 'settle'))

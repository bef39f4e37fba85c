-- The lines of a run are numbered from 1 without a gap, the first opens it, and a step is settled once a round, as is its
-- undo.
select saga_id, 'lines are missing' wrong, count(*) lines, max(seq) last
from orchestrator.journal
group by saga_id
having max(seq) <> count(*) or min(seq) <> 1
    or count(*) filter (where what = 'opened') <> 1 or count(*) filter (where what = 'opened' and seq = 1) <> 1
union all
select saga_id, 'settled twice: ' || step, count(*), max(seq)
from orchestrator.journal
where what in ('done', 'refused', 'given_up', 'undone', 'undo_refused')
group by saga_id, step, undo, round
having count(*) > 1
union all
select saga_id, 'a run without a journal', 0, 0
from orchestrator.run r
where not exists (select from orchestrator.journal j where j.saga_id = r.saga_id)

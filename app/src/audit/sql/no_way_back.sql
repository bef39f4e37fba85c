-- After the pivot nothing is undone, and what an undo of one round forbids nobody does in that round.
select earlier.saga_id, earlier.step, earlier.what, later.seq, later.step later_step, later.what later_what, later.at
from orchestrator.journal earlier
join orchestrator.journal later on later.saga_id = earlier.saga_id and later.seq > earlier.seq
where (earlier.place = 'pivot' and earlier.what = 'done' and later.undo)
   or (earlier.what = 'undone' and not later.undo and later.what in ('done', 'refused', 'given_up')
       and later.round <= earlier.round)

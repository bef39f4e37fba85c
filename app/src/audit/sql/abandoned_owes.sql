-- An abandoned run has its verb, and an obligation for each step that was done and not undone. Nobody else has one but
-- for what was done or undone by hand.
select r.saga_id, 'abandoned by nobody' wrong, null step
from orchestrator.run r
where r.state = 'abandoned'
  and not exists (select from orchestrator.journal j
                  where j.saga_id = r.saga_id and j.what = 'verb' and j.body ->> 'verb' = 'abandon')
union all
select r.saga_id, 'forgotten', d.step
from orchestrator.run r
join orchestrator.journal d on d.saga_id = r.saga_id and d.what in ('opened', 'done', 'given_up')
where r.state = 'abandoned' and d.place <> 'opening'
  and not exists (select from orchestrator.journal u
                  where u.saga_id = d.saga_id and u.seq > d.seq
                    and (u.what = 'undone' or u.what = 'verb' and u.body ->> 'verb' = 'undone_by_hand')
                    -- The release that undoes a hold gives sold rooms back too.
                    and (u.step = d.step or d.step = 'book-rooms' and u.step = 'hold-rooms'))
  and not exists (select from orchestrator.obligation o where o.saga_id = d.saga_id and o.step = d.step)
union all
select o.saga_id, 'owed by a run that was not abandoned', o.step
from orchestrator.obligation o
left join orchestrator.run r on r.saga_id = o.saga_id
where r.state is distinct from 'abandoned'
  and not exists (select from orchestrator.journal j
                  where j.saga_id = o.saga_id and j.step = o.step and j.what = 'verb'
                    and j.body ->> 'verb' in ('undone_by_hand', 'skip'))

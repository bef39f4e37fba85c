-- What one service said to another is in the other's inbox, as long as both keep it. Set aside counts
-- as handled: it is in the inbox with its reason in the outbox.
select said.aggregatetype topic, said.aggregateid key, said.type, said.id, said.created_at
from (
    select id, aggregatetype, aggregateid, type, created_at from inventory.outbox
    union all select id, aggregatetype, aggregateid, type, created_at from reservation.outbox
    union all select id, aggregatetype, aggregateid, type, created_at from payment.outbox
    union all select id, aggregatetype, aggregateid, type, created_at from orchestrator.outbox
    union all select id, aggregatetype, aggregateid, type, created_at from inventory.outbox_former
    union all select id, aggregatetype, aggregateid, type, created_at from reservation.outbox_former
    union all select id, aggregatetype, aggregateid, type, created_at from payment.outbox_former
    union all select id, aggregatetype, aggregateid, type, created_at from orchestrator.outbox_former
) said
left join (
    select 'inventory.commands' topic, message_id from inventory.inbox
    union all select 'payment.commands', message_id from payment.inbox
    union all select 'reservation.commands', message_id from reservation.inbox
    union all select 'orchestrator.messages', message_id from orchestrator.inbox
    union all select 'orchestrator.commands', message_id from orchestrator.inbox
    union all select 'orchestrator.replies', message_id from orchestrator.inbox
) heard on heard.message_id = said.id and heard.topic = said.aggregatetype
where said.aggregatetype in ('inventory.commands', 'payment.commands', 'reservation.commands',
                             'orchestrator.messages', 'orchestrator.commands', 'orchestrator.replies')
  and heard.message_id is null
  and said.created_at > now() - interval '72 hours'
union all
-- What was asked is answered or given up, in the journal of the run that asked, while there is one; or a person cancelled,
-- took back or abandoned the run, skipped the step while it was on its way, or settled by hand what that was to settle.
select asked.aggregatetype, asked.payload ->> 'step', asked.type, asked.id, asked.created_at
from (
    select id, aggregatetype, type, created_at, payload from orchestrator.outbox
    union all select id, aggregatetype, type, created_at, payload from orchestrator.outbox_former
) asked
join orchestrator.run r on r.saga_id = (asked.payload ->> 'saga_id')::uuid
where asked.aggregatetype in ('inventory.commands', 'payment.commands', 'reservation.commands')
  and not exists (
      select from orchestrator.journal j
      where j.saga_id = r.saga_id and j.step = asked.payload ->> 'step' and j.undo = (asked.payload ->> 'undo')::boolean
        and j.round = coalesce((asked.payload ->> 'round')::integer, 1)
        and (j.what in ('done', 'refused', 'given_up', 'undone', 'undo_refused')
             or j.what = 'verb' and j.body ->> 'verb' in ('cancel', 'back_to', 'skip', 'abandon', 'undone_by_hand')
             or j.what = 'verb' and j.body ->> 'verb' = 'settle' and exists (
                 select from orchestrator.journal h
                 where h.saga_id = j.saga_id and h.seq > j.seq and h.what = 'verb'
                   and h.body ->> 'verb' = 'settled_by_hand')))

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
    union all select 'orchestrator.commands', message_id from orchestrator.inbox
    union all select 'orchestrator.replies', message_id from orchestrator.inbox
) heard on heard.message_id = said.id and heard.topic = said.aggregatetype
where said.aggregatetype in ('inventory.commands', 'payment.commands', 'reservation.commands',
                             'orchestrator.commands', 'orchestrator.replies')
  and heard.message_id is null
  and said.created_at > now() - interval '72 hours'

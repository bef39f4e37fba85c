select aggregatetype topic, aggregateid key, id
from (
    select id, aggregatetype, aggregateid, payload from inventory.outbox
    union all select id, aggregatetype, aggregateid, payload from reservation.outbox
    union all select id, aggregatetype, aggregateid, payload from payment.outbox
    union all select id, aggregatetype, aggregateid, payload from orchestrator.outbox
    union all select id, aggregatetype, aggregateid, payload from inventory.outbox_former
    union all select id, aggregatetype, aggregateid, payload from reservation.outbox_former
    union all select id, aggregatetype, aggregateid, payload from payment.outbox_former
    union all select id, aggregatetype, aggregateid, payload from orchestrator.outbox_former
) said
where aggregatetype like '%.dead' and coalesce(payload ->> 'reason', '') = ''

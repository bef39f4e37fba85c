-- What was closed is as was said. Of a booking that was to be undone no room is held or sold, no money is the hotel's or
-- reserved, and the guest has been told. One that was to be done was told too: what rooms and money it has then is I-6's. Of a
-- cancellation the rooms are back but for the nights that had begun, and the guest has all but the penalty.
with closed as (
    select o.saga_id, o.seq, o.what, o.step, o.thing, o.closed_at, o.settled, r.hotel_id, r.subject_id,
           r.kind = 'cancel-stay' cancels,
           exists (select from orchestrator.journal p
                   where p.saga_id = r.saga_id and p.place = 'pivot' and p.what = 'done') promised
    from orchestrator.obligation o join orchestrator.run r on r.saga_id = o.saga_id
    where o.closed_at is not null)
select c.saga_id, c.seq, c.what, c.step, c.thing, c.closed_at, c.settled, v.state reservation, h.states rooms, p.state payment,
       m.net_minor
from closed c
left join reservation.reservation v on v.hotel_id = c.hotel_id and v.reservation_id = c.subject_id
left join (select hotel_id, hold_id, array_agg(distinct state) states from inventory.hold
           where state in ('held', 'sold') group by 1, 2) h
    on c.what = 'rooms' and h.hotel_id = c.hotel_id and h.hold_id = c.thing
left join payment.payment p on c.what = 'money' and p.hotel_id = c.hotel_id and p.payment_id = c.thing
left join (select payment_id, sum(amount_minor) net_minor from payment.movement group by 1) m
    on c.what = 'money' and m.payment_id = c.thing
where case
    when c.what = 'guest' then v.state = case when c.cancels then 'cancelling' else 'pending' end
    when c.cancels and c.what = 'rooms' then h.states is not null and v.kept_until is null
    when c.cancels then coalesce(m.net_minor, 0) <> coalesce(v.penalty_minor, 0)
    when c.promised then false
    when c.what = 'rooms' then h.states is not null
    else p.state in ('authorized', 'captured', 'capture_declined') or coalesce(m.net_minor, 0) <> 0
end

-- A hold is as old as its run, or younger: what was sold before the runs that may have been removed has lost its own.
select h.hotel_id, h.hold_id, h.state, h.saga_id, s.state saga_state
from inventory.hold h left join orchestrator.run s using (saga_id)
where h.state in ('held', 'sold')
  and ((s.saga_id is null and not (
            h.state = 'sold'
            and h.created_at < coalesce((select runs_before from orchestrator.retention), '-infinity')))
       or (s.state = 'compensated' and not exists (
            select from orchestrator.obligation o
            where o.saga_id = s.saga_id and o.what = 'rooms' and o.closed_at is null))
       -- Rooms of an abandoned run are kept as long as somebody owes an answer to what becomes of them; and where that was
       -- what had been promised, they are the guest's.
       or (s.state = 'abandoned' and not exists (
                select from orchestrator.obligation o
                where o.saga_id = s.saga_id and o.what = 'rooms' and o.closed_at is null)
            and not (h.state = 'sold' and exists (
                select from reservation.reservation r
                where r.hotel_id = h.hotel_id and coalesce(r.hold_id, r.reservation_id) = h.hold_id
                  and r.state in ('confirmed', 'cancelling', 'cancelled'))))
       or (h.state = 'held' and s.state = 'completed'))

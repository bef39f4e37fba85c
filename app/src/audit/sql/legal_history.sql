select h.reservation_id, h.version, h.from_state, h.state, b.state state_before, r.version version_now, r.state state_now
from reservation.reservation_history h
left join reservation.reservation_history b
    on b.hotel_id = h.hotel_id and b.reservation_id = h.reservation_id and b.version = h.version - 1
left join reservation.legal_transition t
    on coalesce(t.from_state, '') = coalesce(h.from_state, '') and t.to_state = h.state
left join reservation.reservation r
    on r.hotel_id = h.hotel_id and r.reservation_id = h.reservation_id
where t.to_state is null
   or r.reservation_id is null
   or h.version > r.version
   or (h.version = r.version and h.state <> r.state)
   or (h.version > 1 and b.version is null)
   or coalesce(b.state, '') <> coalesce(h.from_state, '')

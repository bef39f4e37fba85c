select h.hotel_id, h.hold_id, h.state, h.saga_id, s.state saga_state
from inventory.hold h left join orchestrator.saga s using (saga_id)
where h.state in ('held', 'sold')
  and (s.saga_id is null or s.state = 'compensated' or (h.state = 'held' and s.state = 'completed'))

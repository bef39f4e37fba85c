-- What came later is what a booking costs beside what was promised: of a cancelled one its penalty, of any other nothing.
select coalesce(r.hotel_id, c.hotel_id) hotel_id, coalesce(r.reservation_id, c.reservation_id) reservation_id, r.state,
       r.penalty_minor, c.kinds, c.amount_minor
from (select * from reservation.reservation where state = 'cancelled') r
full join (
    select hotel_id, reservation_id, string_agg(kind, ', ' order by charge_no) kinds, sum(amount_minor) amount_minor
    from reservation.charge group by 1, 2
) c on (c.hotel_id, c.reservation_id) = (r.hotel_id, r.reservation_id)
where r.reservation_id is null or c.kinds is distinct from 'cancellation' or c.amount_minor is distinct from r.penalty_minor

-- Of nights whose stays may have been removed, what was sold is kept and some of the holds are left.
select coalesce(n.hotel_id, h.hotel_id) hotel_id, coalesce(n.room_type_id, h.room_type_id) room_type_id,
       coalesce(n.night, h.night) night, n.held, n.sold, h.held held_by_holds, h.sold sold_by_holds
from inventory.room_night n
full join (
    select hotel_id, room_type_id, day::date night,
           sum(rooms) filter (where state = 'held') held, sum(rooms) filter (where state = 'sold') sold
    from inventory.hold, generate_series(check_in, check_out - 1, interval '1 day') day
    where state in ('held', 'sold')
    group by 1, 2, 3
) h on (h.hotel_id, h.room_type_id, h.night) = (n.hotel_id, n.room_type_id, n.night)
where coalesce(n.held, 0) <> coalesce(h.held, 0)
   or coalesce(n.sold, 0) < coalesce(h.sold, 0)
   or (coalesce(n.sold, 0) > coalesce(h.sold, 0)
       and coalesce(n.night, h.night) >= coalesce((select stays_before from inventory.retention), '-infinity'))

-- Beyond 110% only where somebody has forced the number of rooms down, which is recorded.
select n.hotel_id, n.room_type_id, n.night, n.total, n.held, n.sold, n.forced
from inventory.room_night n
where n.held < 0 or n.sold < 0
   or ((n.held + n.sold) * 10 > n.total * 11
       and not (n.forced and exists (
           select from inventory.forced_reduction f
           where (f.hotel_id, f.room_type_id, f.night) = (n.hotel_id, n.room_type_id, n.night))))

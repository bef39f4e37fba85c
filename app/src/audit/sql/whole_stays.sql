-- A hold names its nights as a range; a night that has no row of its own could not have been counted.
select h.hotel_id, h.hold_id, h.state, h.check_in, h.check_out, h.rooms
from inventory.hold h
where h.state in ('held', 'sold')
  and (h.room_type_id is null or h.check_in is null or h.check_out <= h.check_in or h.rooms < 1
       or (select count(*) from inventory.room_night n
           where n.hotel_id = h.hotel_id and n.room_type_id = h.room_type_id
             and n.night >= h.check_in and n.night < h.check_out) <> h.check_out - h.check_in)

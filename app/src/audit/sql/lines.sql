-- What is sold to a reservation is what its lines say, type by type; a hold's lines are numbered from 1 without a gap and
-- stand alike, but of a stay that was cancelled while it ran those go back of which no night had begun.
with wanted as (
    select coalesce(hold_id, reservation_id) hold_id, room_type_id::text room_type, rooms::bigint rooms
    from reservation.reservation where state = 'confirmed' and lines is null
    union all
    select coalesce(hold_id, reservation_id), line ->> 'room_type_id', count(*)
    from reservation.reservation, json_array_elements(lines) line where state = 'confirmed' group by 1, 2
), sold as (
    select hold_id, room_type_id::text room_type, sum(rooms) rooms from inventory.hold where state = 'sold' group by 1, 2
)
select w.hold_id, w.room_type, w.rooms wanted, s.rooms sold, null::bigint lines
from wanted w join (select distinct hold_id from sold) any_sold using (hold_id)
left join sold s on (s.hold_id, s.room_type) = (w.hold_id, w.room_type)
where s.rooms is distinct from w.rooms
union all
select hold_id, min(state) || ' to ' || max(state), min(line_no), max(line_no), count(*)
from inventory.hold h group by hotel_id, hold_id
having min(line_no) <> 1 or max(line_no) <> count(*)
    or (min(state) <> max(state) and not (
        count(*) filter (where state in ('sold', 'released')) = count(*)
        and exists (select from reservation.reservation r
                    where r.hotel_id = h.hotel_id and coalesce(r.hold_id, r.reservation_id) = h.hold_id and r.kept_until is not null)))
union all
select reservation_id, 'lines are not the rooms', rooms, json_array_length(lines), null
from reservation.reservation where json_array_length(lines) <> rooms

-- A key names one booking of a hotel, and only a booking that has ended has an answer.
select client, key, min(reservation_id::text) one, max(reservation_id::text) other, count(*) reservations
from reservation.reservation
where key is not null
group by hotel_id, client, key
having count(*) > 1 or bool_or(state = 'pending' and answer_status is not null)
union all
-- What an earlier release claimed in the table of keys names a booking that is there, and the same as the booking does.
select k.client, k.key, k.reservation_id::text, b.reservation_id::text, count(r.reservation_id)
from reservation.idempotency_key k
left join reservation.reservation r on r.hotel_id = k.hotel_id and r.reservation_id = k.reservation_id
left join reservation.reservation b on b.hotel_id = k.hotel_id and b.client = k.client and b.key = k.key
group by 1, 2, 3, 4
having count(r.reservation_id) <> 1 or k.reservation_id::text <> b.reservation_id::text
union all
select client, min(key), reservation_id::text, '', count(*)
from reservation.idempotency_key
group by client, reservation_id
having count(*) > 1

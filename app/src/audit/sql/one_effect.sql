-- The key is unique by the table; what it names must be one reservation that is there, named by one key.
select k.client, k.route, k.key, k.reservation_id, count(r.reservation_id) reservations
from reservation.idempotency_key k
left join reservation.reservation r on r.hotel_id = k.hotel_id and r.reservation_id = k.reservation_id
group by k.client, k.route, k.key, k.reservation_id
having count(r.reservation_id) <> 1
union all
select client, min(route), min(key), reservation_id, count(*)
from reservation.idempotency_key
group by client, reservation_id
having count(*) > 1

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
union all
-- A booking and the table of keys say the same of a key, and only a booking that has ended has an answer.
select r.client, '', r.key, r.reservation_id, count(k.reservation_id)
from reservation.reservation r
left join reservation.idempotency_key k on k.client = r.client and k.key = r.key and k.reservation_id <> r.reservation_id
where r.key is not null
group by r.client, r.key, r.reservation_id, r.state, r.answer_status
having count(k.reservation_id) > 0 or r.state = 'pending' and r.answer_status is not null

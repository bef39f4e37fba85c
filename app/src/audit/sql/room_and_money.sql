-- The reservation names its hold and its payment; those of before have the reservation's id. A reservation that is still open is a violation at rest. Of a stay that
-- was cancelled while it ran, the nights before kept_until had begun: they stay sold, and nothing else does. Rooms are
-- compared stay by stay, as lines may have dates of their own. The hold of
-- a stay that was over long ago may have been removed; asked for again since, it was refused, which is as if it were not.
select coalesce(r.reservation_id, p.payment_id, h.hold_id) reservation_id, r.state, r.total_minor, r.penalty_minor,
       r.kept_until, r.stays agreed, h.stays,
       p.net_minor, h.sold
from (select *, coalesce(hold_id, reservation_id) its_hold_id, coalesce(payment_id, reservation_id) its_payment_id
      from reservation.reservation
      cross join lateral (
          select string_agg(format('%s to %s x%s', a_check_in, a_check_out, a_rooms), ', ' order by a_check_in, a_check_out) stays
          from (select a_check_in, least(a_check_out, kept_until) a_check_out, sum(a_rooms) a_rooms
                from (select check_in a_check_in, check_out a_check_out, rooms::bigint a_rooms where lines is null
                      union all
                      select (line ->> 'check_in')::date, (line ->> 'check_out')::date, 1 from json_array_elements(lines) line) agreed
                where kept_until is null or a_check_in < kept_until group by 1, 2) by_stay) agreed) r
full join (select payment_id, sum(amount_minor) net_minor from payment.movement group by 1) p
    on p.payment_id = r.its_payment_id
full join (select hold_id, coalesce(sum(sold), 0) sold, sum(held) held,
                  string_agg(format('%s to %s x%s', check_in, check_out, sold), ', ' order by check_in, check_out) filter (where sold > 0) stays
           from (select hold_id, check_in, check_out, sum(rooms) filter (where state = 'sold') sold,
                        count(*) filter (where state = 'held') held
                 from inventory.hold where state <> 'refused' group by 1, 2, 3) by_stay
           group by 1) h
    on h.hold_id = r.its_hold_id
-- What an abandoned run left as it was, or was undone by hand, is owed, and no violation, until somebody has closed it.
where not exists (
        select from orchestrator.run a join orchestrator.obligation o on o.saga_id = a.saga_id
        where a.subject_id = coalesce(r.reservation_id, p.payment_id, h.hold_id)
          and o.closed_at is null)
  and ((r.state is null and (coalesce(p.net_minor, 0) <> 0 or coalesce(h.sold, 0) > 0))
   or r.state in ('pending', 'cancelling')
   or (r.state = 'confirmed' and (coalesce(p.net_minor, 0) <> r.total_minor
       or (h.hold_id is null
           and r.check_out >= coalesce((select stays_before from inventory.retention), '-infinity'))
       or (h.hold_id is not null
           and h.stays is distinct from r.stays)))
   or (r.state = 'rejected' and (coalesce(p.net_minor, 0) <> 0 or coalesce(h.sold, 0) + coalesce(h.held, 0) > 0))
   or (r.state = 'cancelled' and (coalesce(p.net_minor, 0) <> coalesce(r.penalty_minor, 0)
       or coalesce(h.held, 0) > 0 or (r.kept_until is null and coalesce(h.sold, 0) > 0)
       or (h.hold_id is null
           and r.kept_until >= coalesce((select stays_before from inventory.retention), '-infinity'))
       or (h.hold_id is not null and r.kept_until is not null
           and h.stays is distinct from r.stays))))

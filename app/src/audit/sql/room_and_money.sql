-- The reservation names its hold and its payment; those of before have the reservation's id. A reservation that is still open is a violation at rest. Of a stay that
-- was cancelled while it ran, the nights before kept_until had begun: they stay sold, and nothing else does. The hold of
-- a stay that was over long ago may have been removed; asked for again since, it was refused, which is as if it were not.
select coalesce(r.reservation_id, p.payment_id, h.hold_id) reservation_id, r.state, r.total_minor, r.penalty_minor,
       r.kept_until, h.check_out sold_until,
       p.net_minor, h.sold
from (select *, coalesce(hold_id, reservation_id) its_hold_id, coalesce(payment_id, reservation_id) its_payment_id
      from reservation.reservation) r
full join (select payment_id, sum(amount_minor) net_minor from payment.movement group by 1) p
    on p.payment_id = r.its_payment_id
full join (select hold_id, coalesce(sum(rooms) filter (where state = 'sold'), 0) sold, count(*) filter (where state = 'held') held,
                  min(check_in) filter (where state = 'sold') check_in, min(check_out) filter (where state = 'sold') check_out,
                  count(distinct (check_in, check_out)) filter (where state = 'sold') stays
           from inventory.hold where state <> 'refused' group by 1) h
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
           and (h.stays, h.check_in, h.check_out, h.sold) is distinct from (1, r.check_in, r.check_out, r.rooms))))
   or (r.state = 'rejected' and (coalesce(p.net_minor, 0) <> 0 or coalesce(h.sold, 0) + coalesce(h.held, 0) > 0))
   or (r.state = 'cancelled' and (coalesce(p.net_minor, 0) <> coalesce(r.penalty_minor, 0)
       or coalesce(h.held, 0) > 0 or (r.kept_until is null and coalesce(h.sold, 0) > 0)
       or (h.hold_id is null
           and r.kept_until >= coalesce((select stays_before from inventory.retention), '-infinity'))
       or (h.hold_id is not null and r.kept_until is not null
           and (h.stays, h.check_in, h.check_out, h.sold) is distinct from (1, r.check_in, r.kept_until, r.rooms)))))

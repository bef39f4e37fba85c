-- The quote is kept as it was signed: its lines must sum to its total, and its total is what is charged.
select r.reservation_id, r.currency, r.total_minor, r.quote -> 'total' quoted, lines.amount sum_of_lines, m.captured_minor
from reservation.reservation r
cross join lateral (
    select (select sum((night -> 'price' ->> 'amount')::numeric) from json_array_elements(r.quote -> 'nights') night)
         * case when r.quote -> 'lines' is null then r.rooms else 1 end
         + (select coalesce(sum((tax -> 'amount' ->> 'amount')::numeric), 0) from json_array_elements(r.quote -> 'taxes') tax) amount
) lines
left join (
    select reservation_id, sum(amount_minor) captured_minor from payment.movement
    where kind = 'capture' group by reservation_id
) m using (reservation_id)
where lines.amount <> (r.quote -> 'total' ->> 'amount')::numeric
   or replace(r.quote -> 'total' ->> 'amount', '.', '')::bigint <> r.total_minor
   or r.quote -> 'total' ->> 'currency' <> r.currency
   or (r.quote -> 'lines' is null and json_array_length(r.quote -> 'nights') <> r.check_out - r.check_in)
   or exists (select from json_array_elements(r.quote -> 'lines') line
              where json_array_length(line -> 'nights') <> (line ->> 'check_out')::date - (line ->> 'check_in')::date)
   or m.captured_minor <> r.total_minor

-- A movement debits one account and credits another, so it balances; which, follows from what it is. The earliest name none.
with booked as (
    select *, case kind when 'capture' then array['provider_clearing', 'hotel_payable'] else array['hotel_payable', 'provider_clearing'] end sides
    from payment.movement
)
select 'a movement names other accounts than its kind' what, movement_id::text name, currency, amount_minor minor
from booked
where (debit is null) <> (credit is null) or (debit::text, credit::text) <> (sides[1], sides[2])
union all
select 'hotel_payable is not what was captured less what was refunded', 'hotel_payable', currency, sum(minor)
from (
    select currency, case 'hotel_payable' when coalesce(credit::text, sides[2]) then 1 when coalesce(debit::text, sides[1]) then -1 else 0 end
        * abs(amount_minor) minor from booked
    union all
    select currency, refunded_minor - captured_minor from payment.payment
) compared
group by currency
having sum(minor) <> 0
union all
select 'a payment is not the sum of its movements', p.payment_id::text, p.currency,
       p.captured_minor - p.refunded_minor - coalesce(sum(m.amount_minor), 0)
from payment.payment p left join payment.movement m using (hotel_id, payment_id)
group by p.hotel_id, p.payment_id
having p.captured_minor - p.refunded_minor <> coalesce(sum(m.amount_minor), 0)
union all
select 'a movement of no payment', m.movement_id::text, m.currency, m.amount_minor
from payment.movement m left join payment.payment p using (hotel_id, payment_id)
where p.payment_id is null
union all
select 'an operation of no payment', o.payment_id::text || ' ' || o.kind, '', o.asked_minor
from payment.operation o left join payment.payment p using (hotel_id, payment_id)
where p.payment_id is null

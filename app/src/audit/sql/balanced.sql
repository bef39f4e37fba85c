select 'a transfer does not sum to zero' what, transfer_id::text name, currency, sum(amount_minor) minor
from payment.ledger_entry
group by transfer_id, currency
having sum(amount_minor) <> 0
union all
select 'hotel_payable is not what was captured less what was refunded', 'hotel_payable', currency, sum(minor)
from (
    select currency, abs(sum(amount_minor)) minor from payment.ledger_entry
    where account = 'hotel_payable' group by currency
    union all
    select currency, -sum(amount_minor) from payment.movement group by currency
) compared
group by currency
having sum(minor) <> 0
union all
select 'a payment is not the sum of its movements', p.payment_id::text, p.currency,
       p.captured_minor - p.refunded_minor - coalesce(sum(m.amount_minor), 0)
from payment.payment p left join payment.movement m using (hotel_id, payment_id)
group by p.hotel_id, p.payment_id
having p.captured_minor - p.refunded_minor <> coalesce(sum(m.amount_minor), 0)

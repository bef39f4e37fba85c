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
union all
-- A movement debits one account and credits the other, and the entries say so too. Null where the former release wrote it.
select 'a movement and its entries name other accounts', m.movement_id::text, m.currency, m.amount_minor
from payment.movement m
left join payment.ledger_entry d
    on d.hotel_id = m.hotel_id and d.transfer_id = m.movement_id and d.account = m.debit::text
    and d.amount_minor = abs(m.amount_minor)
left join payment.ledger_entry c
    on c.hotel_id = m.hotel_id and c.transfer_id = m.movement_id and c.account = m.credit::text
    and c.amount_minor = -abs(m.amount_minor)
where m.debit is not null and (d.account is null or c.account is null)
union all
select 'a movement of no payment', m.movement_id::text, m.currency, m.amount_minor
from payment.movement m left join payment.payment p using (hotel_id, payment_id)
where p.payment_id is null
union all
select 'an operation of no payment', o.payment_id::text || ' ' || o.kind, '', o.asked_minor
from payment.operation o left join payment.payment p using (hotel_id, payment_id)
where p.payment_id is null

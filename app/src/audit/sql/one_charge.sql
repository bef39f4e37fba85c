select reservation_id, currency, count(*) filter (where kind = 'capture') captures, sum(amount_minor) net_minor
from payment.movement
group by reservation_id, currency
having count(*) filter (where kind = 'capture') > 1 or sum(amount_minor) < 0

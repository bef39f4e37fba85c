//! What a cancellation costs, a second time and in another way than production's: zones are seconds, dates are
//! days since 1970, and of a stay it is counted how many nights are over.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use contract::penalty::Penalty;
use contract::{Money, StayDate};
use reservation::model::Cost;

use crate::reservations::{Wish, WishedPart};

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;
/// Zones on both sides of UTC whose clocks never change, with the seconds by which they are ahead.
pub(crate) const ZONES: [(Tz, i64); 4] = [
    (Tz::UTC, 0),
    (Tz::Pacific__Kiritimati, 50_400),
    (Tz::Pacific__Pago_Pago, -39_600),
    (Tz::Asia__Kathmandu, 20_700),
];

/// Days since 1970 at the hotel.
pub(crate) fn day_at(zone: Tz, now: DateTime<Utc>) -> i64 {
    let ahead = ZONES.iter().find(|(tz, _)| *tz == zone);
    let ahead = ahead.map_or(0, |(_, seconds)| *seconds);
    (now.timestamp() + ahead).div_euclid(DAY)
}

/// Whether a stay was over at that moment.
pub(crate) fn is_over(wish: &Wish, at: DateTime<Utc>) -> bool {
    day_at(wish.zone, at) >= i64::from(wish.span().check_out().days_since_1970())
}

/// What cancelling at that moment costs.
pub(crate) fn cost(wish: &Wish, at: DateTime<Utc>) -> Cost {
    let (span, today) = (wish.span(), day_at(wish.zone, at));
    let of_parts = wish.parts();
    let kept: i64 = of_parts.iter().map(|part| kept_of(part, today)).sum();
    let all: i64 = of_parts.iter().flat_map(|part| &part.prices).sum();
    let money = |minor| Money::from_minor(minor, wish.currency).unwrap_or(Money::zero(wish.currency));
    let arrival = span.check_in().days_since_1970();
    let passed = i32::try_from(today - i64::from(arrival)).ok();
    let until = passed.filter(|passed| *passed > 0);
    let until = until.and_then(|passed| StayDate::from_days_since_1970(arrival + passed).ok());
    Cost {
        penalty: money(kept),
        refund: money(all - kept),
        kept_until: until.map(|until| until.min(span.check_out())),
    }
}

/// What is kept of what is cancelled by one policy.
fn kept_of(part: &WishedPart, today: i64) -> i64 {
    let arrival = i64::from(part.stay.check_in().days_since_1970());
    let over = usize::try_from((today - arrival).max(0)).unwrap_or(usize::MAX);
    let slept: i64 = part.prices.iter().take(over).sum();
    let rest: i64 = part.prices.iter().skip(over).sum();
    let is_free = part.is_flexible && today < arrival;
    slept
        + match part.penalty {
            _ if is_free => 0,
            Penalty::FirstNight => part.prices.get(over).copied().unwrap_or(0),
            Penalty::Percent(percent) => (rest * i64::from(percent) + 50) / 100,
            Penalty::Full => rest,
        }
}

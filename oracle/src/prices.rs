//! What the hotels offer: room types with the party that they take, and prices.

use std::collections::{BTreeMap, BTreeSet};

use contract::{HotelId, RatePlanId, RoomTypeId, StayDate};

use crate::stream::{Change, Op};
use crate::timeline::{Timeline, Window};

/// Names a price.
pub type PriceKey = (HotelId, RoomTypeId, RatePlanId, StayDate);

/// What the hotels offer.
#[derive(Debug, Default)]
pub struct Offers {
    /// Adults and children that one room takes.
    pub room_types: BTreeMap<(HotelId, RoomTypeId), Timeline<(u16, u16)>>,
    /// The price of one room, in minor units; none once it is removed.
    prices: BTreeMap<PriceKey, Timeline<Option<i64>>>,
    /// The plans in which a room type has ever had a price.
    plans: BTreeMap<(HotelId, RoomTypeId), BTreeSet<RatePlanId>>,
}

impl Offers {
    /// Takes a changed row of `hotel.price`.
    ///
    /// # Errors
    /// When the row is not of that table's shape.
    pub fn price(&mut self, at_us: i64, change: &Change) -> anyhow::Result<()> {
        let (hotel, room_type, plan) = (
            change.get("hotel_id")?,
            change.get("room_type_id")?,
            change.get("rate_plan_id")?,
        );
        let amount = match change.op {
            Op::Delete => None,
            Op::Insert | Op::Update => Some(change.get("amount_minor")?),
        };
        let key = (hotel, room_type, plan, change.get("night")?);
        self.prices.entry(key).or_default().becomes(at_us, amount);
        self.plans.entry((hotel, room_type)).or_default().insert(plan);
        Ok(())
    }

    /// Takes a changed row of `hotel.room_type`.
    ///
    /// # Errors
    /// When the row is not of that table's shape.
    pub fn room_type(&mut self, at_us: i64, change: &Change) -> anyhow::Result<()> {
        if change.op != Op::Delete {
            let key = (change.get("hotel_id")?, change.get("room_type_id")?);
            let party = (change.get("adults_max")?, change.get("children_max")?);
            self.room_types.entry(key).or_default().becomes(at_us, party);
        }
        Ok(())
    }

    /// Whether this was a price at some moment of the window.
    pub fn was(&self, key: &PriceKey, amount: i64, window: Window) -> bool {
        let price = self.prices.get(key);
        price.is_some_and(|price| price.during(window).any(|price| price == Some(&Some(amount))))
    }

    /// The plans in which all these nights had a price, for each moment of the window. An empty one: at that moment
    /// nobody could have quoted them.
    pub fn priced(
        &self,
        (hotel, room_type): (HotelId, RoomTypeId),
        nights: &[StayDate],
        window: Window,
    ) -> BTreeSet<BTreeSet<RatePlanId>> {
        let at = |moment_us| {
            let priced = |plan: &RatePlanId| {
                let mut nights = nights.iter().map(|night| (hotel, room_type, *plan, *night));
                nights.all(|key| self.price_at(&key, moment_us).is_some())
            };
            self.plans_of(hotel, room_type).filter(priced).collect()
        };
        let moments = self.moments(hotel, room_type, nights, window);
        moments.into_iter().map(at).collect()
    }

    /// The lowest price of a night in any plan, for each moment of the window; none where it had no price.
    pub fn lowest(
        &self,
        (hotel, room_type): (HotelId, RoomTypeId),
        night: StayDate,
        window: Window,
    ) -> BTreeSet<Option<i64>> {
        let at = |moment_us| {
            let keys = self
                .plans_of(hotel, room_type)
                .map(|plan| (hotel, room_type, plan, night));
            keys.filter_map(|key| self.price_at(&key, moment_us)).min()
        };
        let moments = self.moments(hotel, room_type, &[night], window);
        moments.into_iter().map(at).collect()
    }

    fn plans_of(&self, hotel: HotelId, room_type: RoomTypeId) -> impl Iterator<Item = RatePlanId> {
        let plans = self.plans.get(&(hotel, room_type));
        plans.into_iter().flatten().copied()
    }

    fn price_at(&self, key: &PriceKey, moment_us: i64) -> Option<i64> {
        *self.prices.get(key)?.at(moment_us)?
    }

    /// The moment before the window and each in it at which a price of these nights changed: between two of them
    /// nothing does.
    fn moments(
        &self,
        hotel: HotelId,
        room_type: RoomTypeId,
        nights: &[StayDate],
        window: Window,
    ) -> BTreeSet<i64> {
        let keys = self
            .plans_of(hotel, room_type)
            .flat_map(|plan| nights.iter().map(move |night| (hotel, room_type, plan, *night)));
        let prices = keys.filter_map(|key| self.prices.get(&key));
        let changes = prices.flat_map(|price| price.changes(window));
        changes.chain([window.from_us - 1]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOTEL: &str = "01a214b9-0e0c-7206-9796-abfa588ca3f5";
    const ROOM_TYPE: &str = "01a214b9-0ea2-708b-b555-fa2fabffca72";
    const PLANS: [&str; 2] = [
        "01a214b9-0e1f-762c-b901-e5cae81737db",
        "01a214b9-0e1f-762c-b901-e5cae81737dc",
    ];

    /// Prices of 24 and 25 December: (moment, plan, night, amount or removed).
    fn offers(changes: &[(i64, usize, &str, Option<i64>)]) -> Offers {
        let mut offers = Offers::default();
        for (at_us, plan, night, amount) in changes {
            let mut row = BTreeMap::new();
            let mut set = |column: &str, value: &str| row.insert(column.to_owned(), Some(value.to_owned()));
            set("hotel_id", HOTEL);
            set("room_type_id", ROOM_TYPE);
            set("rate_plan_id", PLANS[*plan]);
            set("night", night);
            if let Some(amount) = amount {
                set("amount_minor", &amount.to_string());
            }
            let op = amount.map_or(Op::Delete, |_| Op::Insert);
            let table = "hotel.price".to_owned();
            offers.price(*at_us, &Change { table, op, row }).unwrap();
        }
        offers
    }

    fn plans(of: &[usize]) -> BTreeSet<RatePlanId> {
        of.iter().map(|plan| PLANS[*plan].parse().unwrap()).collect()
    }

    fn date(night: &str) -> StayDate {
        night.parse().unwrap()
    }

    #[test]
    fn a_stay_is_priced_in_a_plan_while_every_night_of_it_has_a_price_there() {
        let offers = offers(&[
            (10, 0, "2026-12-24", Some(100)),
            (10, 1, "2026-12-25", Some(100)),
            (20, 0, "2026-12-25", Some(100)),
            (30, 1, "2026-12-24", Some(90)),
            (40, 0, "2026-12-24", None),
        ]);
        let stay = [date("2026-12-24"), date("2026-12-25")];
        let of = (HOTEL.parse().unwrap(), ROOM_TYPE.parse().unwrap());
        let priced = |from_us, to_us| offers.priced(of, &stay, Window { from_us, to_us });
        assert_eq!(priced(12, 18), BTreeSet::from([plans(&[])]));
        assert_eq!(priced(12, 25), BTreeSet::from([plans(&[]), plans(&[0])]));
        assert_eq!(priced(21, 29), BTreeSet::from([plans(&[0])]));
        assert_eq!(priced(31, 39), BTreeSet::from([plans(&[0, 1])]));
        assert_eq!(priced(35, 99), BTreeSet::from([plans(&[0, 1]), plans(&[1])]));
        let nobody = ("01a214b9-0e0c-7206-9796-abfa588ca3f6".parse().unwrap(), of.1);
        let window = Window {
            from_us: 0,
            to_us: 99,
        };
        assert_eq!(offers.priced(nobody, &stay, window), BTreeSet::from([plans(&[])]));
    }

    #[test]
    fn the_lowest_price_is_that_of_any_plan() {
        let offers = offers(&[
            (10, 0, "2026-12-24", Some(100)),
            (20, 1, "2026-12-24", Some(90)),
            (30, 1, "2026-12-24", Some(110)),
        ]);
        let of = (HOTEL.parse().unwrap(), ROOM_TYPE.parse().unwrap());
        let lowest = |from_us, to_us| offers.lowest(of, date("2026-12-24"), Window { from_us, to_us });
        assert_eq!(lowest(5, 15), BTreeSet::from([None, Some(100)]));
        assert_eq!(lowest(15, 25), BTreeSet::from([Some(100), Some(90)]));
        assert_eq!(lowest(31, 99), BTreeSet::from([Some(100)]));
    }
}

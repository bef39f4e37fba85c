//! What the hotels offer: room types with the party that they take, and prices.

use std::collections::BTreeMap;

use contract::{HotelId, RatePlanId, RoomTypeId, StayDate};

use crate::stream::{Change, Op};
use crate::timeline::Timeline;

/// Names a price.
pub type PriceKey = (HotelId, RoomTypeId, RatePlanId, StayDate);

/// What the hotels offer.
#[derive(Debug, Default)]
pub struct Offers {
    /// The price of one room, in minor units.
    pub prices: BTreeMap<PriceKey, Timeline<i64>>,
    /// Adults and children that one room takes.
    pub room_types: BTreeMap<(HotelId, RoomTypeId), Timeline<(u16, u16)>>,
}

impl Offers {
    /// Takes a changed row of `hotel.price`.
    ///
    /// # Errors
    /// When the row is not of that table's shape.
    pub fn price(&mut self, at_us: i64, change: &Change) -> anyhow::Result<()> {
        if change.op != Op::Delete {
            let key = (
                change.get("hotel_id")?,
                change.get("room_type_id")?,
                change.get("rate_plan_id")?,
                change.get("night")?,
            );
            let amount = change.get("amount_minor")?;
            self.prices.entry(key).or_default().becomes(at_us, amount);
        }
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
}

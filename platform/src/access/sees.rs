//! What of all there is an actor sees: every load takes it and puts it into its `where`, so what is not theirs is not
//! there, on the same path and with the same answer as what nobody has.

use std::sync::Arc;

use uuid::Uuid;

use super::actor::{Actor, Kind};
use super::link::Link;
use super::row::Rule;
use crate::http::Problem;

/// What an actor sees. Only admission makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sees {
    what: What,
    /// Of bookings, those alone that this actor made.
    booker: Option<Actor>,
}

/// What is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Everything.
    All,
    /// What is of these hotels.
    Hotels(Arc<[Uuid]>),
    /// What is of this guest.
    Guest(Uuid),
    /// One reservation, as long as it has this number for its links.
    One(Uuid, i32),
}

impl Sees {
    /// What the actor sees where it was admitted by the rule. `hotels`: those that it was granted, none for all.
    pub(super) fn of(actor: Actor, hotels: Option<&Arc<[Uuid]>>, rule: Rule) -> Self {
        // What anyone may see is not hidden from who has a credential.
        if rule.admits(Kind::Anyone) {
            return What::All.into();
        }
        let id = actor.id().unwrap_or_default();
        let what = match actor.kind() {
            Kind::Member => What::Guest(id),
            Kind::Partner | Kind::Staff => {
                hotels.map_or(What::All, |hotels| What::Hotels(Arc::clone(hotels)))
            }
            Kind::Service | Kind::Viewer | Kind::Operator | Kind::Admin => What::All,
            // What a guest sees their link says, and none was read.
            Kind::Anyone | Kind::Guest => What::Hotels(Arc::default()),
        };
        Self {
            what,
            booker: (actor.kind() == Kind::Partner).then_some(actor),
        }
    }

    /// What a guest sees by this link where they were admitted by the rule.
    pub(super) fn by_link(link: &Link, rule: Rule) -> Self {
        if rule.admits(Kind::Anyone) {
            return What::All.into();
        }
        What::One(link.reservation, link.number).into()
    }

    /// Everything, for tests of handlers.
    pub(super) const fn everything() -> Self {
        Self {
            what: What::All,
            booker: None,
        }
    }

    /// What is seen.
    pub const fn what(&self) -> &What {
        &self.what
    }

    /// Whether everything is, for `($1 or ..)` in a `where`.
    pub const fn all(&self) -> bool {
        matches!(self.what, What::All)
    }

    /// The hotels of which everything is seen; none unless it is a matter of hotels.
    pub fn hotels(&self) -> &[Uuid] {
        match &self.what {
            What::Hotels(hotels) => hotels,
            _ => &[],
        }
    }

    /// The guest whose things are seen.
    pub const fn guest(&self) -> Option<Uuid> {
        match self.what {
            What::Guest(guest) => Some(guest),
            _ => None,
        }
    }

    /// The one reservation that is seen.
    pub const fn one(&self) -> Option<Uuid> {
        match self.what {
            What::One(one, _) => Some(one),
            _ => None,
        }
    }

    /// The number that this one reservation must have for its links.
    pub const fn link_no(&self) -> Option<i32> {
        match self.what {
            What::One(_, number) => Some(number),
            _ => None,
        }
    }

    /// Who must have made a booking that is seen, as its row names them; none where it does not matter. Partners sell rooms
    /// of one hotel side by side, and none sees what another sold, nor what guests booked by themselves.
    pub fn booker(&self) -> Option<String> {
        self.booker.and_then(Actor::named)
    }

    /// Whether everything of this hotel is seen, but for bookings, of which [`Self::booker`] decides as well.
    pub fn hotel(&self, hotel: Uuid) -> bool {
        self.all() || self.hotels().contains(&hotel)
    }

    /// As [`Self::hotel`], for a request whose path names the hotel.
    ///
    /// # Errors
    /// 404, as of a hotel that nobody has: another's is not there.
    pub fn require_hotel(&self, hotel: Uuid) -> Result<(), Problem> {
        if self.hotel(hotel) {
            return Ok(());
        }
        Err(Problem::not_found("hotel").at("hotel_id"))
    }
}

impl From<What> for Sees {
    fn from(what: What) -> Self {
        Self { what, booker: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_granted_hotels_sees_them_and_no_other() {
        let (mine, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let hotels: Arc<[Uuid]> = Arc::new([mine]);
        let rule = Rule::Of(&[
            Kind::Guest,
            Kind::Member,
            Kind::Staff,
            Kind::Partner,
            Kind::Viewer,
        ]);
        let of = |kind, hotels| Sees::of(Actor::new(kind, mine), hotels, rule);
        for kind in [Kind::Staff, Kind::Partner] {
            let limited = of(kind, Some(&hotels));
            assert!(
                limited.hotel(mine) && !limited.hotel(other) && !limited.all(),
                "{kind}"
            );
            assert!(of(kind, None).all(), "{kind}");
            let own = (kind == Kind::Partner).then(|| format!("partner:{mine}"));
            assert_eq!(
                (limited.booker(), of(kind, None).booker()),
                (own.clone(), own),
                "{kind}"
            );
            assert!(limited.require_hotel(mine).is_ok(), "{kind}");
            let refused = limited.require_hotel(other).unwrap_err();
            assert_eq!(refused.status().as_u16(), 404, "{kind}");
        }
        assert!(of(Kind::Viewer, Some(&hotels)).all() && of(Kind::Viewer, None).booker().is_none());
        let link = Link {
            reservation: mine,
            number: 7,
            ends_at: chrono::DateTime::UNIX_EPOCH,
        };
        let guest = Sees::by_link(&link, rule);
        assert_eq!(
            (guest.one(), guest.link_no(), guest.guest(), guest.hotel(mine)),
            (Some(mine), Some(7), None, false)
        );
        assert!(Sees::by_link(&link, Rule::Anyone).all());
        let unread = of(Kind::Guest, None);
        assert!(!unread.all() && unread.one().is_none(), "without a link");
        let member = of(Kind::Member, None);
        assert_eq!(
            (member.one(), member.link_no(), member.guest(), member.hotel(mine)),
            (None, None, Some(mine), false)
        );
        // Nobody is admitted here without a credential; were it forgotten, nothing would be seen.
        let nobody = Sees::of(Actor::ANYONE, None, rule);
        assert!(!nobody.all() && !nobody.hotel(mine) && nobody.one().is_none() && nobody.guest().is_none());
        assert!(Sees::of(Actor::ANYONE, None, Rule::Anyone).all());
    }
}

//! Guest links: `bhl_1_<kid>_<reservation>_<number>_<end>_<HMAC-SHA-256>_<CRC-32>`. Whoever has one is the guest of that
//! reservation until the link ends or its number is not the reservation's any more. Nothing of it is kept anywhere: what it
//! says is under its HMAC, and the number is compared by the load of the reservation.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::seal::{sealed, unsealed};
use crate::StartError;
use crate::ring::Ring;

/// How a link begins, so that who finds one in a log knows what it is.
pub(super) const PREFIX: &str = "bhl_";
/// The same with how this form of links goes on. Another form has another word there.
const FORM: &str = "bhl_1_";
/// Where guests get one.
pub(super) const SOURCE: &str =
    "`POST /v1/reservations/look-up` gives one for the booking's code and the guest's e-mail";

crate::secret_setting! {
    /// Secrets of guest links as `kid:secret`, separated by commas, each secret of at least 32 bytes: the first signs, all
    /// verify. The same for every process of the platform. `scripts/up` makes one.
    pub LinkSecret = "BELLHOP_LINK_SECRET", None
}

/// The secrets of guest links.
#[derive(clap::Args, Clone, Debug)]
pub struct LinkConfig {
    /// [`LinkSecret`].
    #[command(flatten)]
    pub link_secret: LinkSecret,
}

impl LinkConfig {
    /// What makes links and reads them.
    ///
    /// # Errors
    /// A setting error that names the variable and the remedy.
    pub fn links(&self) -> Result<Links, StartError> {
        Ring::read("BELLHOP_LINK_SECRET", &self.link_secret).map(Links)
    }
}

/// What a link says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// What it opens.
    pub reservation: Uuid,
    /// It opens as long as the reservation has this number for its links.
    pub number: i32,
    /// From then on it opens nothing; whole seconds count.
    pub ends_at: DateTime<Utc>,
}

/// Why a text opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoLink {
    /// Nobody made it.
    Wrong,
    /// It is genuine, and over.
    Ended,
}

/// Makes links and reads them.
#[derive(Clone, Debug)]
pub struct Links(Ring);

impl Links {
    /// The link as its guest gets it: the same text each time while the first secret is the same.
    pub fn write(&self, link: &Link) -> String {
        let (reservation, end) = (link.reservation.simple(), link.ends_at.timestamp());
        sealed(&self.0, FORM, &format!("{reservation}_{}_{end}", link.number))
    }

    /// Reads a link.
    pub(super) fn read(&self, text: &str, now: DateTime<Utc>) -> Result<Link, NoLink> {
        let link = self.genuine(text).ok_or(NoLink::Wrong)?;
        if link.ends_at <= now {
            return Err(NoLink::Ended);
        }
        Ok(link)
    }

    fn genuine(&self, text: &str) -> Option<Link> {
        let mut parts = unsealed(&self.0, FORM, text)?;
        let mut next = || parts.next();
        Some(Link {
            reservation: Uuid::try_parse(next()?).ok()?,
            number: next()?.parse().ok()?,
            ends_at: DateTime::from_timestamp(next()?.parse().ok()?, 0)?,
        })
    }
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;

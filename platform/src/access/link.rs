//! Guest links: `bhl_1_<kid>_<reservation>_<number>_<end>_<HMAC-SHA-256>_<CRC-32>`. Whoever has one is the guest of that
//! reservation until the link ends or its number is not the reservation's any more. Nothing of it is kept anywhere: what it
//! says is under its HMAC, and the number is compared by the load of the reservation.

use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use uuid::Uuid;

use super::ring::Ring;
use super::seal::{self, check_sum, hex, unhex};
use crate::StartError;
use crate::secret::Secret;

/// How a link begins, so that who finds one in a log knows what it is.
pub(super) const PREFIX: &str = "bhl_";
/// How this form of links goes on. Another form has another word here.
const VERSION: &str = "1";
/// Where guests get one.
pub(super) const SOURCE: &str =
    "`POST /v1/reservations/look-up` gives one for the booking's code and the guest's e-mail";

/// The secrets of guest links.
#[derive(clap::Args, Clone, Debug)]
pub struct LinkConfig {
    /// Secrets of guest links as `kid:secret`, separated by commas, each secret of at least 32 bytes: the first signs, all
    /// verify. The same for every process of the platform. `scripts/up` makes one.
    #[arg(long, env = "BELLHOP_LINK_SECRET", default_value = "", hide_env_values = true)]
    pub link_secret: Secret,
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
        let Some((kid, secret)) = self.0.first() else {
            return String::new();
        };
        let said = said(kid, link);
        let sealed = format!("{said}_{}", hex(&mac(secret, &said).finalize().into_bytes()));
        let sum = check_sum(&sealed);
        format!("{sealed}_{sum}")
    }

    /// Reads a link; the comparison takes the same time wherever the HMACs differ.
    pub(super) fn read(&self, text: &str, now: DateTime<Utc>) -> Result<Link, NoLink> {
        let link = self.genuine(text).ok_or(NoLink::Wrong)?;
        if link.ends_at <= now {
            return Err(NoLink::Ended);
        }
        Ok(link)
    }

    fn genuine(&self, text: &str) -> Option<Link> {
        let (sealed, sum) = text.rsplit_once('_')?;
        if sum != check_sum(sealed) {
            return None;
        }
        let (said_by_it, seal) = sealed.rsplit_once('_')?;
        let mut parts = said_by_it.strip_prefix(PREFIX)?.split('_');
        let mut next = || parts.next();
        let (_version, kid) = (next()?, next()?);
        let link = Link {
            reservation: Uuid::try_parse(next()?).ok()?,
            number: next()?.parse().ok()?,
            ends_at: DateTime::from_timestamp(next()?.parse().ok()?, 0)?,
        };
        // One link has one text.
        if said(kid, &link) != said_by_it {
            return None;
        }
        let seal = unhex(seal)?;
        mac(self.0.of(kid)?, said_by_it).verify_slice(&seal).ok()?;
        Some(link)
    }
}

/// What stands under the HMAC.
fn said(kid: &str, link: &Link) -> String {
    let (reservation, end) = (link.reservation.simple(), link.ends_at.timestamp());
    format!("{PREFIX}{VERSION}_{kid}_{reservation}_{}_{end}", link.number)
}

fn mac(secret: &Secret, said: &str) -> Hmac<Sha256> {
    seal::mac(secret, [said.as_bytes()])
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;

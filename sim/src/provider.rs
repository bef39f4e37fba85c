//! A payment provider that keeps its word and loses its mail: a key means one call, however often it comes;
//! requests and answers get lost or come late. Another key is another call, and a known key with other words is none.

use std::collections::BTreeMap;

use contract::ReservationId;
use payment::model::Call;

/// What a guest's card does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Card {
    /// Everything succeeds.
    Good,
    /// The authorisation is declined.
    Declined,
    /// The authorisation is declined, and succeeds when it is asked for anew.
    DeclinedFirst,
    /// The capture is declined.
    CaptureDeclined,
}

/// A card's token, as a booking carries it.
pub const fn token(card: Card) -> &'static str {
    match card {
        Card::Good => "pm_ok",
        Card::Declined => "pm_declined",
        Card::DeclinedFirst => "pm_declined_first",
        Card::CaptureDeclined => "pm_capture_declined",
    }
}

/// Whether the card behind this token declines an authorisation under this key, which names its round from the second on.
fn declines(key: &str, payment_method: &str) -> bool {
    let is_first = !key.contains(".round_");
    payment_method == token(Card::Declined) || is_first && payment_method == token(Card::DeclinedFirst)
}

/// What the provider did under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// It was done; an authorisation has an id.
    Yes(Option<String>),
    /// It was declined.
    No,
}

/// An authorisation in the provider's books.
#[derive(Debug, Clone)]
pub struct Authorization {
    /// What is paid for.
    pub reference: ReservationId,
    /// Reserved.
    pub amount: i64,
    /// Taken, all captures together.
    pub captured: i64,
    /// Given back.
    pub refunded: i64,
    /// Whether it was given up.
    pub voided: bool,
    declines_capture: bool,
}

/// The provider's books.
#[derive(Debug, Clone, Default)]
pub struct Provider {
    /// By key, what was asked and what was done.
    keys: BTreeMap<String, (Call, Done)>,
    /// Authorisations by id.
    pub authorizations: BTreeMap<String, Authorization>,
    /// Requests that are still under way.
    pub late: Vec<(String, Call)>,
    /// The first key that came again with other words, which a provider refuses for ever.
    pub reused: Option<String>,
    /// How often anything of it was written; the laws are looked at only after something was.
    pub writes: u64,
}

impl Provider {
    /// What was done under a key, if anything.
    pub fn ask(&self, key: &str) -> Option<Done> {
        self.keys.get(key).map(|(_, done)| done.clone())
    }

    /// Does it, once per key.
    pub fn submit(&mut self, key: &str, call: &Call) -> Done {
        self.writes += 1;
        if let Some((known, done)) = self.keys.get(key) {
            if known != call {
                self.reused.get_or_insert_with(|| key.to_owned());
            }
            return done.clone();
        }
        let done = self.first(key, call);
        self.keys.insert(key.to_owned(), (call.clone(), done.clone()));
        done
    }

    fn first(&mut self, key: &str, call: &Call) -> Done {
        match call {
            Call::Authorize { payment_method, .. } if declines(key, payment_method) => Done::No,
            Call::Authorize {
                amount,
                payment_method,
                reference,
            } => {
                let id = format!("auth-{key}");
                let authorization = Authorization {
                    reference: *reference,
                    amount: amount.minor(),
                    captured: 0,
                    refunded: 0,
                    voided: false,
                    declines_capture: payment_method == token(Card::CaptureDeclined),
                };
                self.authorizations.insert(id.clone(), authorization);
                Done::Yes(Some(id))
            }
            Call::Capture {
                authorization_id,
                amount,
            } => self.with(authorization_id, |found| {
                let may = !found.voided && !found.declines_capture;
                // A provider that is asked under another key takes the money again.
                found.captured += if may { amount.minor() } else { 0 };
                may
            }),
            Call::Void { authorization_id } => self.with(authorization_id, |found| {
                found.voided = true;
                found.captured == found.refunded
            }),
            Call::Refund {
                authorization_id,
                amount,
                ..
            } => self.with(authorization_id, |found| {
                let may = found.captured - found.refunded >= amount.minor();
                found.refunded += if may { amount.minor() } else { 0 };
                may
            }),
        }
    }

    fn with(&mut self, id: &str, act: impl FnOnce(&mut Authorization) -> bool) -> Done {
        match self.authorizations.get_mut(id).map(act) {
            Some(true) => Done::Yes(None),
            _ => Done::No,
        }
    }
}

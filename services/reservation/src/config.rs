//! The reservation service's settings.

use contract::GuestId;
use platform::StartError;
use platform::access::Tags;
use platform::token::Tokens;

use crate::fingerprint::Fingerprints;
use crate::model::Email;

platform::secret_setting! {
    /// Secrets of quotes as `kid:secret`, separated by commas, each secret of at least 32 bytes: the first signs, all verify. The same for
    /// the hotel and the reservation service, and for nobody else. `scripts/up` makes one.
    pub QuoteSecret = "BELLHOP_QUOTE_SECRET", None
}

platform::secret_setting! {
    /// Secrets of guests' ids as `kid:secret`, separated by commas, each secret of at least 32 bytes. The id of a new guest
    /// follows from the address under the first; guests who are known keep theirs. Fingerprints of requests are made under the
    /// first and compared under all. `scripts/up` makes one.
    pub GuestSecret = "BELLHOP_GUEST_SECRET", None
}

/// How the reservation service groups requests.
#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// Reservations made in one transaction at most.
    #[arg(long, env = "BELLHOP_RESERVATION_GROUP_MAX", default_value_t = 200)]
    pub reservation_group_max: usize,

    /// Reservations waiting to be made at most; one more is answered 503.
    #[arg(long, env = "BELLHOP_RESERVATION_QUEUE_MAX", default_value_t = 2_000)]
    pub reservation_queue_max: usize,

    /// Bookings that may wait for their outcome at most; one more is answered 503 and may come again. What the
    /// platform completes in the seconds that a guest likes to wait: more would wait longer, and no more be done.
    #[arg(long, env = "BELLHOP_OPEN_BOOKINGS_MAX", default_value_t = 2_000)]
    pub open_bookings_max: u32,

    /// [`GuestSecret`].
    #[command(flatten)]
    pub guest_secret: GuestSecret,

    /// [`QuoteSecret`].
    #[command(flatten)]
    pub reservation_quote_secret: QuoteSecret,
}

impl Config {
    /// What verifies quotes.
    ///
    /// # Errors
    /// A setting error that names the variable and the remedy.
    pub(crate) fn tokens(&self) -> Result<Tokens, StartError> {
        Tokens::read(
            "BELLHOP_QUOTE_SECRET",
            &self.reservation_quote_secret,
            contract::quote::AUDIENCE,
        )
    }

    /// What makes the ids of guests.
    ///
    /// # Errors
    /// A setting error that names the variable and the remedy.
    pub(crate) fn guest_ids(&self) -> Result<GuestIds, StartError> {
        Tags::read("BELLHOP_GUEST_SECRET", &self.guest_secret).map(GuestIds)
    }

    /// What makes the fingerprints of requests.
    ///
    /// # Errors
    /// A setting error that names the variable and the remedy.
    pub(crate) fn fingerprints(&self) -> Result<Fingerprints, StartError> {
        Fingerprints::read("BELLHOP_GUEST_SECRET", &self.guest_secret)
    }
}

/// Makes the ids of guests: the one function from an address to an id.
#[derive(Clone, Debug)]
pub(crate) struct GuestIds(Tags);

impl GuestIds {
    /// The id of a guest whom nobody knows yet: the same in every process, so two that meet the guest at once agree.
    pub(crate) fn of(&self, email: &Email) -> GuestId {
        GuestId::of_tag(self.0.of(email.as_str()))
    }
}

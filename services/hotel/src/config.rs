//! The settings of the hotel service.

use chrono::TimeDelta;
use platform::StartError;
use platform::token::Tokens;

platform::secret_setting! {
    /// Secrets of quotes as `kid:secret`, separated by commas, each secret of at least 32 bytes: the first signs, all verify. The same for
    /// the hotel and the reservation service, and for nobody else. `scripts/up` makes one.
    pub QuoteSecret = "BELLHOP_QUOTE_SECRET", None
}

/// Settings of the hotel service.
#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// For how many seconds a quote's price holds, 30 to 86400.
    #[arg(
        long,
        env = "BELLHOP_QUOTE_TTL_SECONDS",
        default_value_t = 900,
        value_parser = clap::value_parser!(u32).range(30..=86_400)
    )]
    pub quote_ttl_seconds: u32,

    /// [`QuoteSecret`].
    #[command(flatten)]
    pub hotel_quote_secret: QuoteSecret,
}

impl Config {
    /// What signs quotes.
    ///
    /// # Errors
    /// A setting error that names the variable and the remedy.
    pub(crate) fn tokens(&self) -> Result<Tokens, StartError> {
        Tokens::read(
            "BELLHOP_QUOTE_SECRET",
            &self.hotel_quote_secret,
            contract::quote::AUDIENCE,
        )
    }

    /// For how long a quote's price holds.
    pub(crate) fn quote_ttl(&self) -> TimeDelta {
        TimeDelta::seconds(i64::from(self.quote_ttl_seconds))
    }
}

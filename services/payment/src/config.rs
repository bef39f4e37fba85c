//! The payment service's settings.

platform::secret_setting! {
    /// Secret that the provider signs its webhooks with, in base64, with or without the prefix `whsec_`.
    /// `scripts/up` makes one.
    pub WebhookSecret = "BELLHOP_WEBHOOK_SECRET", None
}

/// How the payment service reaches its provider.
#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// Where the payment provider's API is.
    #[arg(
        long,
        env = "BELLHOP_PROVIDER_URL",
        default_value = "http://127.0.0.1:8080/sandbox-provider"
    )]
    pub provider_url: String,

    /// How long one call to the provider may take, in milliseconds. After that its outcome is unknown and
    /// is asked for.
    #[arg(long, env = "BELLHOP_PROVIDER_TIMEOUT_MS", default_value_t = 3_000)]
    pub provider_timeout_ms: u64,

    /// Calls to the provider at once.
    #[arg(long, env = "BELLHOP_PROVIDER_CALLS_MAX", default_value_t = 64)]
    pub provider_calls_max: usize,

    /// [`WebhookSecret`].
    #[command(flatten)]
    pub payment_webhook_secret: WebhookSecret,
}

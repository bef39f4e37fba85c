//! The sandbox's settings.

use std::path::PathBuf;

platform::secret_setting! {
    /// Secret that signs the webhooks, in base64, with or without the prefix `whsec_`. The same as the
    /// payment service's. `scripts/up` makes one.
    pub WebhookSecret = "BELLHOP_WEBHOOK_SECRET", None
}

/// How the sandbox provider behaves and where it keeps its ledger.
#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// File in which the sandbox provider keeps its ledger, one JSON object per operation.
    #[arg(
        long,
        env = "BELLHOP_SANDBOX_LEDGER",
        default_value = ".bellhop/sandbox-ledger.jsonl"
    )]
    pub sandbox_ledger: PathBuf,

    /// How long `pm_slow` waits before it answers, in milliseconds.
    #[arg(long, env = "BELLHOP_SANDBOX_SLOW_MS", default_value_t = 2_000)]
    pub sandbox_slow_ms: u64,

    /// How long an operation of `pm_unknown_then_ok` is processing, in milliseconds.
    #[arg(long, env = "BELLHOP_SANDBOX_PROCESSING_MS", default_value_t = 500)]
    pub sandbox_processing_ms: u64,

    /// Where the sandbox provider sends its webhooks.
    #[arg(
        long,
        env = "BELLHOP_SANDBOX_WEBHOOK_URL",
        default_value = "http://127.0.0.1:8080/v1/webhooks/sandbox"
    )]
    pub sandbox_webhook_url: String,

    /// [`WebhookSecret`].
    #[command(flatten)]
    pub sandbox_webhook_secret: WebhookSecret,
}

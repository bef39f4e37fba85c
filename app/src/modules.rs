//! What can be set of each module.

use clap::Args;
use platform::StartError;
use platform::access::{
    AccessConfig, BelievedConfig, IssuersConfig, LinkConfig, Links, MemberConfig, PepperConfig, Peppers,
    SessionConfig, Sessions,
};

/// The settings of every module.
#[derive(Args, Debug)]
pub struct Modules {
    #[command(flatten, next_help_heading = "Identities")]
    pub(crate) identities: AccessConfig,
    #[command(flatten, next_help_heading = "Identities")]
    pub(crate) believed: BelievedConfig,
    #[command(flatten, next_help_heading = "Identities")]
    pub(crate) pepper: PepperConfig,
    #[command(flatten, next_help_heading = "Identities")]
    pub(crate) link: LinkConfig,
    #[command(flatten, next_help_heading = "Identities")]
    pub(crate) session: SessionConfig,
    #[command(flatten, next_help_heading = "Identities")]
    pub(crate) issuers: IssuersConfig,
    #[command(flatten, next_help_heading = "Identities")]
    pub(crate) member: MemberConfig,
    #[command(flatten, next_help_heading = "Hotel service")]
    pub(crate) hotel: hotel::Config,
    #[command(flatten, next_help_heading = "Inventory service")]
    pub(crate) inventory: inventory::Config,
    #[command(flatten, next_help_heading = "Reservation service")]
    pub(crate) reservation: reservation::Config,
    #[command(flatten, next_help_heading = "Payment service")]
    pub(crate) payment: payment::Config,
    #[command(flatten, next_help_heading = "Relay")]
    pub(crate) relay: relay::Config,
    #[command(flatten, next_help_heading = "Availability service")]
    pub(crate) availability: availability::Config,
    #[command(flatten, next_help_heading = "Orchestrator")]
    pub(crate) orchestrator: orchestrator::Config,
    #[command(flatten, next_help_heading = "Sandbox provider")]
    pub(crate) sandbox_provider: sandbox_provider::Config,
}

impl Modules {
    /// The peppers of API keys.
    ///
    /// # Errors
    /// When there is none that can be used.
    pub(crate) fn peppers(&self) -> Result<Peppers, StartError> {
        self.pepper.ring()
    }

    /// What makes and reads guest links.
    ///
    /// # Errors
    /// When there is no secret that can be used.
    pub(crate) fn links(&self) -> Result<Links, StartError> {
        self.link.links()
    }

    /// What makes and reads the cookies of sessions.
    ///
    /// # Errors
    /// When there is no secret that can be used.
    pub(crate) fn sessions(&self) -> Result<Sessions, StartError> {
        self.session.sessions()
    }
}

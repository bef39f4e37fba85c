//! What can be set of each module.

use clap::Args;

/// The settings of every module.
#[derive(Args, Debug)]
pub struct Modules {
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

//! Which modules a process runs. This is the only place that knows targets: nothing else in the code
//! may ask which one is running, and `all` takes no short cut.

use axum::Router;
use clap::ValueEnum;
use platform::{Parts, StartError};

use crate::modules::Modules;

/// A part of the platform that can run in a process of its own.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Everything in one process.
    All,
    /// Principals and their API keys.
    Access,
    /// Hotels, room types, rate plans, prices and quotes.
    Hotel,
    /// Rooms per night and holds.
    Inventory,
    /// Reservations.
    Reservation,
    /// Payments.
    Payment,
    /// Change data capture: Postgres to Kafka.
    Relay,
    /// The availability cache and its endpoints.
    Availability,
    /// The sagas and their inspection.
    Orchestrator,
    /// A payment provider to develop against.
    SandboxProvider,
}

/// Every target that is a module, in the order in which they start.
const MODULES: [Target; 9] = [
    Target::Relay,
    Target::Access,
    Target::SandboxProvider,
    Target::Hotel,
    Target::Inventory,
    Target::Payment,
    Target::Reservation,
    Target::Orchestrator,
    Target::Availability,
];

/// Where the sandbox provider's routes are: it is another company's server, so its paths stand apart.
pub const SANDBOX_PREFIX: &str = "/sandbox-provider";

impl Target {
    fn modules(self) -> Vec<Self> {
        if self == Self::All {
            MODULES.to_vec()
        } else {
            vec![self]
        }
    }

    fn start(self, parts: &Parts, modules: &Modules) -> Result<Router, StartError> {
        match self {
            Self::All => Ok(Router::new()),
            Self::Access => {
                let routes = access::start(
                    parts,
                    modules.peppers()?,
                    modules.sessions()?,
                    modules.believed.signing.signer()?,
                )?;
                let page = Router::new().nest(access::SIGN_IN, access::sign_in());
                Ok(routes.merge(page).route("/sign-in", to(access::SIGN_IN)))
            }
            Self::Hotel => hotel::start(parts, &modules.hotel),
            Self::Inventory => inventory::start(parts, &modules.inventory, &modules.availability.hotel_url),
            Self::Reservation => reservation::start(parts, &modules.reservation, modules.links()?),
            Self::Payment => payment::start(parts, &modules.payment),
            Self::Relay => relay::start(parts, &modules.relay),
            Self::Availability => availability::start(parts, &modules.availability),
            Self::Orchestrator => {
                let routes = orchestrator::start(parts, &modules.orchestrator)?;
                let page = Router::new().nest("/dashboard/", orchestrator::dashboard());
                Ok(routes.merge(page).route("/dashboard", to("/dashboard/")))
            }
            Self::SandboxProvider => {
                let routes = sandbox_provider::start(parts, &modules.sandbox_provider)?;
                Ok(Router::new().nest(SANDBOX_PREFIX, routes))
            }
        }
    }
}

fn to(path: &'static str) -> axum::routing::MethodRouter {
    axum::routing::get(move || async move { axum::response::Redirect::permanent(path) })
}

/// Starts the modules of the targets and answers all their routes.
///
/// # Errors
/// When a module's settings are not usable.
pub fn start(targets: &[Target], parts: &Parts, modules: &Modules) -> Result<Router, StartError> {
    let mut wanted: Vec<Target> = targets.iter().flat_map(|target| target.modules()).collect();
    wanted.sort_by_key(|target| MODULES.iter().position(|module| module == target));
    wanted.dedup();
    wanted.into_iter().try_fold(Router::new(), |routes, target| {
        Ok(routes.merge(target.start(parts, modules)?))
    })
}

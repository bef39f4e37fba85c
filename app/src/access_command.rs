//! `bellhop access make`: principals with a key each, written past HTTP by who may log in to the database, since somebody has to
//! be the first. Each key is printed once and kept nowhere.

use std::process::ExitCode;

use access::{NewPrincipal, PrincipalKind};
use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use contract::{HotelId, Text};
use platform::access::PepperConfig;
use platform::db::DatabaseConfig;

use crate::say;

/// What there is to do with access from the command line.
#[derive(Subcommand, Debug)]
pub enum Access {
    /// Make a principal of each kind, with a key, and print the keys, one a line: kind and key.
    Make(Make),
}

/// Settings of `bellhop access make`.
#[derive(Args, Debug)]
pub struct Make {
    /// What they are; several are separated by commas.
    #[arg(long, value_enum, value_delimiter = ',', required = true)]
    kind: Vec<Kind>,
    /// Who they are, for people.
    #[arg(long, default_value = "made by bellhop access make")]
    name: Text<200>,
    /// The hotels that partners and staff work for, separated by commas; all of them without this.
    #[arg(long, value_delimiter = ',')]
    hotels: Vec<HotelId>,
    #[command(flatten)]
    database: DatabaseConfig,
    #[command(flatten)]
    pepper: PepperConfig,
}

/// What a principal is.
#[derive(ValueEnum, Debug, Clone, Copy)]
enum Kind {
    /// A company that sells rooms.
    Partner,
    /// Who works at hotels.
    Staff,
    /// Who looks after the platform, and changes nothing.
    Viewer,
    /// Who runs the platform.
    Operator,
    /// Who decides about keys.
    Admin,
}

impl Access {
    /// Makes them and prints the keys.
    ///
    /// # Errors
    /// When the database cannot be reached, or there is no pepper.
    pub async fn execute(self) -> anyhow::Result<ExitCode> {
        let Self::Make(make) = self;
        let peppers = make.pepper.ring()?;
        let pool = make.database.pool("access")?;
        for kind in make.kind {
            let kind = PrincipalKind::from(kind);
            let hotels = if kind.has_hotels() {
                make.hotels.clone()
            } else {
                Vec::new()
            };
            let wanted = NewPrincipal {
                kind,
                name: make.name.clone(),
                all_hotels: kind.has_hotels() && hotels.is_empty(),
                hotels,
            };
            let key = access::make(&pool, &peppers, wanted).await;
            let key = key.context("no key was made; was `bellhop migrate` run?")?;
            say::line(format!("{} {}", kind.word(), key.reveal()));
        }
        pool.close().await;
        Ok(ExitCode::SUCCESS)
    }
}

impl From<Kind> for PrincipalKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Partner => Self::Partner,
            Kind::Staff => Self::Staff,
            Kind::Viewer => Self::Viewer,
            Kind::Operator => Self::Operator,
            Kind::Admin => Self::Admin,
        }
    }
}

//! `bellhop access`: principals with a key each, and links by which people sign in, written past HTTP by who may log in to the
//! database, since somebody has to be the first. Each is printed once and kept nowhere.

use std::process::ExitCode;

use access::{NewPrincipal, PrincipalKind, SIGN_IN};
use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use contract::{HotelId, PrincipalId, Text};
use platform::access::{PepperConfig, SigningConfig};
use platform::db::DatabaseConfig;

use crate::{patience, say};

/// What there is to do with access from the command line.
#[derive(Subcommand, Debug)]
pub enum Access {
    /// Make a principal of each kind, with a key, and print the keys, one a line: kind and key.
    Make(Make),
    /// Print the public keys by which every process believes the rows of access: the value of `BELLHOP_ACCESS_PUBLIC_KEY`.
    PublicKey(PublicKey),
    /// Sign every row of access that has no signature of the first key, as it is, and print them, one a line: table and id.
    /// Once after the release that brings signatures, and never without a look at what is refused.
    Sign(Sign),
    /// Make a link by which a person signs in to the pages, and print its address: good once, for ten minutes.
    Link(Link),
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
    #[command(flatten)]
    signing: SigningConfig,
}

/// Settings of `bellhop access public-key`.
#[derive(Args, Debug)]
pub struct PublicKey {
    #[command(flatten)]
    signing: SigningConfig,
}

/// Settings of `bellhop access sign`.
#[derive(Args, Debug)]
pub struct Sign {
    #[command(flatten)]
    database: DatabaseConfig,
    #[command(flatten)]
    signing: SigningConfig,
}

/// Settings of `bellhop access link`.
#[derive(Args, Debug)]
pub struct Link {
    /// Who is to sign in: the id of somebody of the staff, a viewer, an operator or an administrator.
    #[arg(long)]
    principal: PrincipalId,
    /// Base URL of the platform, as the browser is to open it.
    #[arg(long, env = "BELLHOP_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
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
    /// Makes what is wanted and prints it.
    ///
    /// # Errors
    /// When the database cannot be reached, there is no pepper, or nobody of this id may sign in.
    pub async fn execute(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Make(make) => make.execute().await,
            Self::PublicKey(of) => {
                say::line(of.signing.signer()?.public_keys());
                Ok(ExitCode::SUCCESS)
            }
            Self::Sign(sign) => sign.execute().await,
            Self::Link(link) => link.execute().await,
        }
    }
}

impl Link {
    async fn execute(self) -> anyhow::Result<ExitCode> {
        let peppers = self.pepper.ring()?;
        let pool = patience::pool(&self.database, "access")?;
        let link = access::make_link(&pool, &peppers, self.principal).await;
        let link = link.context("no link was made; was `bellhop migrate` run?")?;
        let link = link.with_context(|| {
            format!(
                "nobody who may sign in has the id {}; `GET /v1/principals` lists all, and partners ask with keys",
                self.principal
            )
        })?;
        let url = self.url.trim_end_matches('/');
        say::line(format!("{url}{SIGN_IN}#{}", link.reveal()));
        pool.close().await;
        Ok(ExitCode::SUCCESS)
    }
}

impl Sign {
    async fn execute(self) -> anyhow::Result<ExitCode> {
        let signer = self.signing.signer()?;
        let pool = patience::pool(&self.database, "access")?;
        let rows = access::sign(&pool, &signer).await;
        for (table, id) in rows.context("not all was signed; was `bellhop migrate` run?")? {
            say::line(format!("{table} {id}"));
        }
        pool.close().await;
        Ok(ExitCode::SUCCESS)
    }
}

impl Make {
    async fn execute(self) -> anyhow::Result<ExitCode> {
        let peppers = self.pepper.ring()?;
        let signer = self.signing.signer()?;
        let pool = patience::pool(&self.database, "access")?;
        for kind in self.kind {
            let kind = PrincipalKind::from(kind);
            let hotels = if kind.has_hotels() {
                self.hotels.clone()
            } else {
                Vec::new()
            };
            let wanted = NewPrincipal {
                kind,
                name: self.name.clone(),
                all_hotels: kind.has_hotels() && hotels.is_empty(),
                hotels,
            };
            let key = access::make(&pool, &peppers, &signer, wanted).await;
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

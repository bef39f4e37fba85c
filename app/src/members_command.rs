//! `bellhop members mint`: tokens of members that nobody has as rows, for load.

use std::process::ExitCode;

use anyhow::Context as _;
use chrono::TimeDelta;
use clap::{Args, Subcommand};
use contract::MemberId;
use platform::Clock;
use platform::access::{Member, MemberConfig};

use crate::say;

/// What there is to do with members from the command line.
#[derive(Subcommand, Debug)]
pub enum Members {
    /// Sign tokens of members that are in no table, and print them, one a line.
    Mint(Mint),
}

/// Settings of `bellhop members mint`.
#[derive(Args, Debug)]
pub struct Mint {
    /// How many.
    #[arg(long)]
    count: u32,
    /// What kind of members, in a word of 1 to 16 small letters and digits.
    #[arg(long, default_value = "basic")]
    grade: String,
    /// For how many days they have been members.
    #[arg(long, default_value_t = 0)]
    days: u16,
    /// For how many hours the tokens are good.
    #[arg(long, default_value_t = 24)]
    hours: u16,
    #[command(flatten)]
    secret: MemberConfig,
}

impl Members {
    /// Signs and prints.
    ///
    /// # Errors
    /// When there is no secret, or the grade is no word.
    pub fn execute(&self) -> anyhow::Result<ExitCode> {
        let Self::Mint(mint) = self;
        let members = mint.secret.members()?;
        let members = members.context("BELLHOP_MEMBER_SECRET is not set; scripts/up makes one")?;
        let now = Clock::system().now();
        let ends_at = now + TimeDelta::hours(i64::from(mint.hours));
        for _ in 0..mint.count {
            let member = Member {
                id: MemberId::new().uuid(),
                grade: mint.grade.clone(),
                since: now - TimeDelta::days(i64::from(mint.days)),
                blocked: false,
            };
            let token = members.write(&member, ends_at);
            say::line(token.context("--grade: a word of 1 to 16 small letters and digits")?);
        }
        Ok(ExitCode::SUCCESS)
    }
}

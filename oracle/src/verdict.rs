//! What was compared and what was found.

use std::collections::BTreeMap;
use std::fmt;

use crate::timeline::Window;

/// Findings that are printed at most.
const PRINTED_MAX: usize = 20;

/// What was compared and what was found.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What was compared, how often.
    pub compared: BTreeMap<&'static str, u64>,
    /// Where the platform was wrong.
    pub violations: Vec<String>,
    windows_us: Vec<i64>,
    ages_us: Vec<i64>,
    lags_us: Vec<i64>,
}

impl Verdict {
    /// Counts a comparison.
    pub fn compared(&mut self, what: &'static str) {
        *self.compared.entry(what).or_default() += 1;
    }

    /// How often something was compared.
    pub fn count(&self, what: &str) -> u64 {
        self.compared.get(what).copied().unwrap_or_default()
    }

    /// Counts an answer with the window in which it must have been true.
    pub fn answer(&mut self, what: &'static str, window: Window) {
        self.compared(what);
        self.windows_us.push(window.length_us());
    }

    /// Remembers how old an answer of the cache said that it was.
    pub fn age(&mut self, age_us: i64) {
        self.ages_us.push(age_us);
    }

    /// Remembers an answer of the cache that was older than it said, by at most so much.
    pub fn older_than_told(&mut self, lag_us: i64) {
        self.lags_us.push(lag_us);
    }

    /// Something was wrong.
    pub fn violation(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }

    /// Answers that were held against the log.
    pub fn answers(&self) -> usize {
        self.windows_us.len()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, count) in &self.compared {
            writeln!(f, "{count:>8} {what}")?;
        }
        writeln!(f, "windows of the answers: {}", quantiles(&self.windows_us))?;
        writeln!(f, "ages of what the cache told: {}", quantiles(&self.ages_us))?;
        writeln!(
            f,
            "pages of the cache that were older than they said: {}, by up to {} ms",
            self.lags_us.len(),
            self.lags_us.iter().max().map_or(0, |us| us / 1_000)
        )?;
        for violation in self.violations.iter().take(PRINTED_MAX) {
            writeln!(f, "WRONG: {violation}")?;
        }
        write!(
            f,
            "{} answers, {} violations",
            self.answers(),
            self.violations.len()
        )
    }
}

fn quantiles(times_us: &[i64]) -> String {
    let mut times = times_us.to_vec();
    times.sort_unstable();
    let ms = |percent: usize| {
        let at = (times.len() * percent / 100).min(times.len().saturating_sub(1));
        times.get(at).map_or(0, |us| us / 1_000)
    };
    format!("p50 {} ms, p99 {} ms, longest {} ms", ms(50), ms(99), ms(100))
}

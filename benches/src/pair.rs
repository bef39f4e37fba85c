//! Two builds, or one with two settings, by turns on the same servers: what a change is worth on a machine whose speed changes
//! from minute to minute. Each turn has a platform of its own, so that none works on what the other has left.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use futures::future::join_all;
use tests::{Hotel, Platform};

use crate::book::{HOTELS, ROOMS, closed};
use crate::cpu::{self, Processes};
use crate::machine::{self, hundredths, say};

/// Seconds of a turn that are not measured: statements are prepared, and the cache is filled.
const WARM_UP: u64 = 10;
/// Before the first turn, until the broker has compiled its code.
const BROKER_WARM_UP: u64 = 60;

/// What one side came to: bookings per second, CPU of each part and their sum, of each turn.
#[derive(Default)]
struct Side {
    per_second: Vec<u64>,
    each: Vec<Vec<u64>>,
}

pub(crate) async fn run(
    other: Option<PathBuf>,
    set: &[String],
    seconds: u64,
    turns: usize,
    clients: usize,
) -> anyhow::Result<()> {
    let set: Vec<(&str, &str)> = set
        .iter()
        .map(|setting| setting.split_once('=').context("a setting is NAME=VALUE"))
        .collect::<Result<_, _>>()?;
    say(format!("conditions: {}", machine::conditions()));
    turn(Platform::migrated(), BROKER_WARM_UP, 1, clients).await?;
    let (mut this, mut that) = (Side::default(), Side::default());
    for number in 0..turns {
        // Who is first in a pair changes with each.
        for is_this in [number % 2 == 0, number % 2 != 0] {
            let mut platform = Platform::migrated();
            if !is_this {
                if let Some(other) = &other {
                    platform = Platform::migrated_by(other.clone());
                }
                for (name, value) in &set {
                    platform.set(name, value);
                }
            }
            say(if is_this { "this" } else { "other" });
            let came = turn(platform, WARM_UP, seconds, clients).await?;
            let side = if is_this { &mut this } else { &mut that };
            side.per_second.push(came.0);
            side.each.push(came.1);
        }
    }
    say(format!("conditions: {}", machine::conditions()));
    say("medians, this / other:");
    let per_second = [&this, &that].map(|side| median(&side.per_second));
    tell("bookings/s", per_second);
    let names = cpu::ALL.map(cpu::Part::name).into_iter().chain(["sum"]);
    for (at, name) in names.enumerate() {
        let part = |side: &Side| -> Vec<u64> {
            side.each
                .iter()
                .filter_map(|each| each.get(at).copied())
                .collect()
        };
        tell(
            &format!("{name}, us"),
            [&this, &that].map(|side| median(&part(side))),
        );
    }
    Ok(())
}

fn tell(what: &str, [this, that]: [u64; 2]) {
    say(format!(
        "  {what:<14} {this:>6} / {that:>6} = {}",
        hundredths(this, that)
    ));
}

/// Bookings per second, and CPU of the parts and in all.
async fn turn(
    mut platform: Platform,
    warm_up: u64,
    seconds: u64,
    clients: usize,
) -> anyhow::Result<(u64, Vec<u64>)> {
    platform.run("all");
    platform.ready().await;
    let platform = Arc::new(platform);
    let processes = Processes::of(&platform, &cpu::ALL)?;
    let hotels = join_all((0..HOTELS).map(|_| Hotel::create(&platform, ROOMS))).await;
    closed(&platform, &processes, &hotels, warm_up, clients).await?;
    let came = closed(&platform, &processes, &hotels, seconds, clients).await?;
    let each = came.cost.each.iter().map(|(_, micros)| *micros);
    Ok((came.per_second, each.chain([came.cost.sum]).collect()))
}

fn median(figures: &[u64]) -> u64 {
    let mut sorted = figures.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

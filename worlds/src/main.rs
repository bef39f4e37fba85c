//! `worlds`: visits every state of small worlds and says what it found.

use std::process::ExitCode;

use clap::Parser;
use sim::provider::Card;
use worlds::{Left, Setup, search, shortest};

/// Visits every state of small worlds.
#[derive(Parser, Debug)]
#[command(about = "Two bookings and a cancellation for one room: every order of events, every fault")]
struct Arguments {
    /// Messages that come again.
    #[arg(long, default_value_t = 1)]
    copies: u8,

    /// Commands that are sent again because no answer came in time.
    #[arg(long, default_value_t = 0)]
    resends: u8,

    /// Payment processes that are killed.
    #[arg(long, default_value_t = 1)]
    crashes: u8,

    /// Requests to the provider, or its answers, that are lost or late.
    #[arg(long, default_value_t = 1)]
    losses: u8,

    /// Whether the first booking's guest may cancel: 0 or 1.
    #[arg(long, default_value_t = 1)]
    cancellations: u8,

    /// Runs that an operator cancels.
    #[arg(long, default_value_t = 0)]
    verbs: u8,

    /// Messages that come again are handled again, as if the inbox had forgotten them.
    #[arg(long)]
    inbox_forgets: bool,

    /// The first card's capture is declined.
    #[arg(long)]
    capture_declined: bool,

    /// Looks for the violation with the fewest steps, in one thread.
    #[arg(long)]
    shortest: bool,

    /// Threads; one per core without it.
    #[arg(long)]
    threads: Option<usize>,
}

fn say(text: impl std::fmt::Display) {
    #[expect(clippy::print_stdout, reason = "a command's output")]
    {
        println!("{text}");
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut setup = Setup::usual(Left {
        copies: arguments.copies,
        resends: arguments.resends,
        crashes: arguments.crashes,
        losses: arguments.losses,
        cancellations: arguments.cancellations,
        verbs: arguments.verbs,
    });
    setup.inbox_forgets = arguments.inbox_forgets;
    if arguments.capture_declined {
        setup.cards[0] = Card::CaptureDeclined;
    }
    let threads = arguments
        .threads
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    say(format!("{arguments:?}"));
    let found = if arguments.shortest {
        shortest(setup)
    } else {
        search(setup, threads)
    };
    say(format!(
        "{} states, {} transitions, the longest path {} steps, {:.1} s",
        found.states,
        found.transitions,
        found.depth,
        found.took.as_secs_f64()
    ));
    for name in &found.unseen {
        say(format!("never came up: {name}"));
    }
    for (name, steps) in &found.violations {
        say(format!("VIOLATED after {} steps: {name}", steps.len()));
        for (number, step) in steps.iter().enumerate() {
            say(format!("  {:>3}. {step}", number + 1));
        }
    }
    if found.violations.is_empty() {
        say("nothing is violated");
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

//! A journal read line by line: which command each line is about.

use contract::Command;

use super::dsl::Saga;
use super::journal::{Line, What};
use super::settle;
use super::standing::Run;
use super::waiting::Pace;

/// Where a run of this definition and this version stands whose journal this is, and of each line the command that it is
/// about: the one that followed from the lines before, sent or held back; of what settles something, its own.
pub(super) fn replay<D>(
    saga: &Saga<D>,
    data: &D,
    journal: &[Line],
    pace: Pace,
) -> (Run, Vec<Option<Command>>) {
    let mut run = Run::begun_with(saga.version);
    let mut followed = None;
    let about = journal.iter().map(|line| {
        let own = run.owing.is_about(line);
        let follows = run.add(saga, data, std::slice::from_ref(line), pace);
        let about = match own {
            Some(at) => settle::command(saga, data, at),
            None => followed.take(),
        };
        followed = follows.command.filter(|_| own.is_none());
        about.filter(|_| line.what != What::Opened)
    });
    let about = about.collect();
    (run, about)
}

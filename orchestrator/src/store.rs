//! Every statement of the schema `orchestrator`. The number of statements for a batch does not depend
//! on its size.

mod epochs;
mod inspect;
mod lines;
mod owed;
mod retention;
mod rules;
mod runs;
mod verbs;
mod write;

pub(crate) use epochs::{begin_epochs, claim_alone, current, end_epochs, lock_epochs};
pub(crate) use inspect::{Filter, RunRow, list, one};
pub(crate) use lines::{JournalRow, journals};
pub(crate) use owed::{
    Handed, ListedRow, ObligationRow, OpenMoney, OwedFilter, SortKey, obligations, open_money,
    open_obligations, owed, own,
};
pub(crate) use retention::{remove, removed_before, unended};
pub(crate) use rules::{
    Lift, NewRule, RuleRow, lift_rule, make_rule, open_runs, rule, rule_made_before, rules, rules_in_force,
    wake_held,
};
pub(crate) use runs::{due, now, runs, wake_in};
pub(crate) use verbs::{
    AskedRow, EndedVerb, NewVerb, approve, ask, asked_before, end_verbs, lock_verb, verb,
};
pub(crate) use write::{Batch, NewLine, write};

//! Steps that only some runs have: each run goes through those that apply to its data, forward and back, and through no other.

use contract::{Outcome, Reply, SagaId};

use super::*;
use crate::engine::example::{Ids, act, back, ids, no};
use crate::engine::{State, saga, undo, undone_by, when};

fn declared() -> Saga<Ids> {
    saga("example", "An example.")
        .opened_by("open", "it is done", undo(back))
        .step("a", act, undo(back))
        .step_when(
            when("there is one", |ids: &Ids| ids.2 & 1 == 1),
            "b",
            act,
            undo(back),
        )
        .step_when(
            when("there are two", |ids: &Ids| ids.2 & 2 == 2),
            "c",
            act,
            undo(back),
        )
        .pivot("d", act)
        .then_when(when("there is one", |ids: &Ids| ids.2 & 1 == 1), "e", act)
        .then("f", act)
        .build()
}

/// What each kind of data leads through, of what is sent.
const APPLYING: [&[&str]; 4] = [
    &["a", "d", "f"],
    &["a", "b", "d", "e", "f"],
    &["a", "c", "d", "f"],
    &["a", "b", "c", "d", "e", "f"],
];

fn of_kind(kind: usize) -> Ids {
    let mut ids = ids();
    ids.2 = u8::try_from(kind).unwrap();
    ids
}

/// Runs to the end, with a no at this step; answers what was sent, and where it ends.
fn run(versions: &Versions<Ids>, data: &Ids, refused: Option<&str>) -> (Vec<(&'static str, bool)>, Run) {
    let pace = Pace::new(Duration::from_mins(1));
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let (mut run, mut journal, mut sent) = (Run::new(), Vec::new(), Vec::new());
    let mut moves = versions.advance(data, &mut run, &Input::Start, now, pace);
    while let Some(command) = moves.commands.pop() {
        journal.append(&mut moves.lines);
        let read = versions.standing(data, run.version.unwrap(), &journal, pace);
        assert_eq!(read.as_ref(), Some(&run), "the journal says the same");
        sent.push((command.step, command.undo));
        let outcome = if refused == Some(command.step) && !command.undo {
            no()
        } else {
            Outcome::Done
        };
        let reply: Reply = command.envelope(SagaId::new()).reply(outcome);
        moves = versions.advance(data, &mut run, &Input::Reply(&reply), now, pace);
    }
    (sent, run)
}

#[test]
fn each_run_goes_through_the_steps_that_apply_to_it() {
    let versions = Versions::new([declared()]);
    for (kind, applying) in APPLYING.into_iter().enumerate() {
        let data = of_kind(kind);
        let outline = versions.outline_of(1, &data).unwrap();
        assert!(
            outline
                .steps
                .iter()
                .skip(1)
                .map(|step| step.name)
                .eq(applying.iter().copied())
        );
        let (sent, ended) = run(&versions, &data, None);
        assert_eq!(
            sent,
            applying.iter().map(|step| (*step, false)).collect::<Vec<_>>()
        );
        assert_eq!(ended.state, State::Completed);
    }
}

#[test]
fn each_run_undoes_what_it_has_done_and_nothing_else() {
    let versions = Versions::new([declared()]);
    for (kind, applying) in APPLYING.into_iter().enumerate() {
        let pivot = applying.iter().position(|step| *step == "d").unwrap();
        for (number, refused) in applying.iter().enumerate() {
            let (sent, ended) = run(&versions, &of_kind(kind), Some(refused));
            let forward = applying[..=number].iter().map(|step| (*step, false));
            if number > pivot {
                assert_eq!(sent, forward.collect::<Vec<_>>());
                assert_eq!(ended.state, State::Stuck);
                continue;
            }
            let undone = applying[..number].iter().rev().map(|step| (*step, true));
            let wanted: Vec<_> = forward.chain(undone).chain([("open", true)]).collect();
            assert_eq!(sent, wanted);
            assert_eq!(ended.state, State::Compensated);
        }
    }
}

#[test]
fn the_outline_tells_on_what_a_step_depends_and_a_run_has_no_step_that_depends() {
    let told = |outline: &Outline| -> Vec<_> {
        let depending = outline.steps.iter().filter(|step| step.only_when.is_some());
        depending
            .map(|step| (step.name, step.only_when.unwrap()))
            .collect()
    };
    let versions = Versions::new([declared()]);
    assert_eq!(
        told(versions.outline()),
        [
            ("b", "there is one"),
            ("c", "there are two"),
            ("e", "there is one")
        ]
    );
    assert!(told(versions.outline_of(1, &of_kind(3)).unwrap()).is_empty());
}

#[test]
fn a_saga_without_conditions_has_one_combination() {
    let saga = saga("example", "An example.").pivot("a", act).build();
    assert_eq!((saga.combinations().len(), saga.combination(&ids())), (1, 0));
}

#[test]
#[should_panic(expected = "does not come before it in every run")]
fn what_not_every_run_has_undoes_nothing_else() {
    saga("example", "An example.")
        .opened_by("open", "it is done", undo(back))
        .step_when(when("there is one", |_: &Ids| true), "a", act, undo(back))
        .step("b", act, undone_by("a", "a takes it along"));
}

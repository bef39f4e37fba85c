//! Histories of every kind, recorded once and kept in `orchestrator/histories`. Today's code must do the same on each:
//! a saga that was begun by yesterday's code is carried on by today's, from its journal alone. When this fails because
//! a saga is meant to go another way, give it a new version in `sagas.rs` beside the former one, and record the
//! histories of that.
//!
//! `scripts/prove histories --record` records those that are missing, and no other.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contract::saga::SagaData;
use contract::{Outcome, Refusal, Reply, SagaId, VerbId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::engine::{Input, Line, Moves, Owed, Pace, Run, Sent, Spoken, State, StepKind, Verb, What};
use crate::sagas::{self, cancel_stay, samples};

const PACE: Pace = Pace::new(Duration::from_mins(1));

/// What came in, when, and what the code made of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Event {
    /// Seconds since the start.
    at: i64,
    input: Came,
    /// What was appended to the journal.
    lines: Vec<Value>,
    /// What was sent.
    commands: Vec<Value>,
    /// What is owed from then on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    owed: Vec<Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Came {
    Start,
    Reply(Reply),
    Time,
    Verb(Spoken),
}

/// A recorded history.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct History {
    /// The version of the saga that it was recorded with.
    #[serde(default = "first")]
    version: i32,
    data: SagaData,
    end: String,
    events: Vec<Event>,
}

const fn first() -> i32 {
    1
}

/// What happens to the replies of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Trouble {
    None,
    Refused(&'static str),
    /// No reply ever comes, until the step is given up.
    Silent(&'static str),
    /// The reply comes when the step has been given up.
    Late(&'static str),
    /// The first reply is lost, and the second says no.
    RefusedTheSecondTime(&'static str),
    /// Every reply comes twice, and those of the step before once more.
    Twice,
    /// While the step is on its way somebody says this, and the other when it was answered.
    Said(&'static str, Verb, Option<Verb>),
    /// The step is refused, and where that makes the run stuck, somebody retries it.
    Retried(&'static str),
}

/// A verb of the recordings, which have each of them once.
fn spoken(verb: Verb) -> Came {
    let number = Verb::ALL
        .iter()
        .position(|known| *known == verb)
        .unwrap_or_default();
    Came::Verb(Spoken {
        verb_id: VerbId::from_uuid(uuid::Uuid::from_u128(number as u128 + 1)),
        verb,
        actor: "operator".to_owned(),
        reason: "Recorded for those who come later.".to_owned(),
        step: verb.takes_step().then(|| "open-reservation".to_owned()),
        result: None,
        evidence: None,
        approved_by: None,
    })
}

fn owed_as_written(owed: &Owed) -> Value {
    json!({"step": owed.step, "is": owed.is.word(), "command": owed.command})
}

fn line_as_written(data: &SagaData, line: &Line) -> Value {
    let step = &sagas::outline(data).steps[line.step];
    json!({"what": line.what, "step": step.name, "undo": line.undo, "round": line.round, "sendings": line.sendings})
}

/// Histories say nothing of a refusal's class: it follows from the code, and those of before there was one stay as
/// they are (docs/decisions/2026-11-30-refusals.md).
fn command_as_written(sent: &Sent) -> Value {
    let mut command = json!(sent.command);
    if let Some(refusal) = command.get_mut("refusal").and_then(Value::as_object_mut) {
        refusal.remove("class");
    }
    json!({"step": sent.step, "undo": sent.undo, "round": sent.round, "sending": sent.sending,
           "topic": sent.command.topic(), "command": command})
}

fn event(data: &SagaData, at: i64, input: Came, moves: &Moves) -> Event {
    let lines = moves.lines.iter().map(|line| line_as_written(data, line));
    Event {
        at,
        input,
        lines: lines.collect(),
        commands: moves.commands.iter().map(command_as_written).collect(),
        owed: moves.owed.iter().map(owed_as_written).collect(),
    }
}

fn began() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn step(data: &SagaData, run: &mut Run, at: i64, came: &Came) -> Moves {
    let input = match came {
        Came::Start => Input::Start,
        Came::Reply(reply) => Input::Reply(reply),
        Came::Time => Input::Time,
        Came::Verb(spoken) => Input::Verb(spoken),
    };
    sagas::advance(data, run, &input, began() + TimeDelta::seconds(at), PACE)
}

/// Runs a saga into this trouble and records it.
fn record(data: &SagaData, trouble: Trouble) -> History {
    let saga_id = SagaId::from_uuid(uuid::Uuid::from_u128(1));
    let (mut run, mut at, mut events) = (Run::new(), 0, Vec::new());
    let mut coming = VecDeque::from([Came::Start]);
    let mut late = None;
    while events.len() < 200 {
        let came = coming.pop_front().unwrap_or(Came::Time);
        if came == Came::Time {
            let Some(due) = run.due() else { break };
            at = (due - began()).num_seconds().max(at);
        } else {
            at += 1;
        }
        let moves = step(data, &mut run, at, &came);
        if moves.lines.iter().any(|line| line.what == What::GivenUp) {
            coming.extend(late.take().map(Came::Reply));
        }
        for sent in &moves.commands {
            let forward = |step| step == sent.step && !sent.undo;
            let outcome = match trouble {
                Trouble::Silent(silent) if forward(silent) => continue,
                Trouble::RefusedTheSecondTime(step) if forward(step) && sent.sending == 1 => continue,
                Trouble::Refused(step) | Trouble::RefusedTheSecondTime(step) | Trouble::Retried(step)
                    if forward(step) && sent.round == 1 =>
                {
                    Outcome::Refused(Refusal::stored("no".to_owned(), "No.".to_owned(), None))
                }
                _ => Outcome::Done,
            };
            let reply = sent.clone().envelope(saga_id).reply(outcome);
            if matches!(trouble, Trouble::Late(step) if forward(step)) {
                late = Some(reply);
                continue;
            }
            let said = match trouble {
                Trouble::Said(step, verb, then) if forward(step) && (sent.round, sent.sending) == (1, 1) => {
                    Some((verb, then))
                }
                _ => None,
            };
            coming.extend(said.map(|(verb, _)| spoken(verb)));
            let copies = if trouble == Trouble::Twice { 2 } else { 1 };
            coming.extend(std::iter::repeat_n(Came::Reply(reply), copies));
            coming.extend(said.and_then(|(_, then)| then).map(spoken));
        }
        if matches!(trouble, Trouble::Retried(_)) && run.state == State::Stuck {
            coming.push_back(spoken(Verb::Retry));
        }
        events.push(event(data, at, came, &moves));
    }
    History {
        version: run.version.unwrap_or_else(first),
        data: data.clone(),
        end: run.state.word().to_owned(),
        events,
    }
}

/// Every kind of history there is, by name.
fn kinds() -> BTreeMap<String, (SagaData, Trouble)> {
    let mut kinds = BTreeMap::new();
    for data in samples::all() {
        let newest = sagas::newest(&data);
        let name = match newest {
            1 => data.name().to_owned(),
            later => format!("{}.v{later}", data.name()),
        };
        kinds.insert(format!("{name}.completed"), (data.clone(), Trouble::None));
        kinds.insert(format!("{name}.everything-twice"), (data.clone(), Trouble::Twice));
        for step in &sagas::outline(&data).steps {
            if step.kind == StepKind::Opening {
                continue;
            }
            let mut add = |how: &str, trouble| {
                kinds.insert(format!("{name}.{}-{how}", step.name), (data.clone(), trouble));
            };
            add("refused", Trouble::Refused(step.name));
            add(
                "refused-the-second-time",
                Trouble::RefusedTheSecondTime(step.name),
            );
            add("sent-again-by-hand", Trouble::Said(step.name, Verb::Retry, None));
            add(
                "paused-and-resumed",
                Trouble::Said(step.name, Verb::Pause, Some(Verb::Resume)),
            );
            add("abandoned", Trouble::Said(step.name, Verb::Abandon, None));
            if step.kind == StepKind::Then {
                add("refused-and-retried", Trouble::Retried(step.name));
            }
            if step.kind == StepKind::Do {
                add("cancelled", Trouble::Said(step.name, Verb::Cancel, None));
                add(
                    "gone-back-and-forward",
                    Trouble::Said(step.name, Verb::BackTo, None),
                );
                add("given-up", Trouble::Silent(step.name));
                add("answered-too-late", Trouble::Late(step.name));
            }
        }
    }
    // Those recorded before bookings named their hotel's zone have none, and their commands are the same to the byte.
    let zoned = samples::all().into_iter().find(|data| data.name() == "book-stay");
    kinds.extend(zoned.map(|data| ("book-stay.completed-in-a-zone".to_owned(), (data, Trouble::None))));
    let begun = SagaData::CancelStay(cancel_stay::tests::during_the_stay());
    kinds.insert(
        "cancel-stay.completed-during-the-stay".to_owned(),
        (begun, Trouble::None),
    );
    kinds
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/histories"))
}

#[test]
fn todays_code_does_on_every_recorded_history_what_it_did() {
    #[expect(clippy::disallowed_methods, reason = "recording is asked for by hand")]
    let recording = std::env::var("BELLHOP_RECORD_HISTORIES").is_ok();
    for (name, (data, trouble)) in kinds() {
        let file = folder().join(format!("{name}.json"));
        if recording && !file.exists() {
            let text = serde_json::to_string_pretty(&record(&data, trouble)).unwrap();
            std::fs::write(&file, text + "\n").unwrap();
        }
        assert!(
            file.exists(),
            "there is no history {name}; see orchestrator/src/histories.rs"
        );
    }
    let mut replayed = 0;
    for file in std::fs::read_dir(folder()).unwrap() {
        let file = file.unwrap().path();
        let history: History = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let mut run = Run::begun_with(history.version);
        assert!(
            sagas::outline_of(&history.data, history.version).is_some(),
            "{}: version {} of {} is gone; its histories may go when no run of it is open",
            file.display(),
            history.version,
            history.data.name()
        );
        for (number, recorded) in history.events.iter().enumerate() {
            let moves = step(&history.data, &mut run, recorded.at, &recorded.input);
            assert_eq!(
                event(&history.data, recorded.at, recorded.input.clone(), &moves),
                *recorded,
                "{}: event {number} leads elsewhere than when it was recorded: give the saga a new version, see \
                 orchestrator/src/histories.rs",
                file.display()
            );
        }
        assert_eq!(run.state.word(), history.end, "{}", file.display());
        replayed += 1;
    }
    assert!(replayed >= kinds().len(), "{replayed} histories");
}

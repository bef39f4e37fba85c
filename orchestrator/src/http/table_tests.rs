//! Every verb in every state that a run can be in, by rows. What a verb may do where is in `table_tests/cells.csv`, by hand, so
//! that nobody changes it unawares. Where a verb is forbidden it is 409 with its rule and nothing is written, and 412 where its
//! speaker saw another version or another preview. Where it is obeyed, the lines, commands, obligations and the state that stand
//! in the tables are those that the preview showed, whatever crashes between the verb's row and what comes of it.

mod cells;
mod states;

use axum::http::StatusCode;
use contract::SagaId;
use serde_json::{Value, json};
use sqlx::{Executor as _, PgPool};

use super::desk::{Answer, Desk, WHY};
use crate::engine::Verb;
use crate::fixtures::{answered, journal, runner, state, take};
use crate::message::Message;
use cells::{COLUMNS, Cell, Column, cells};
use states::{Kind, State, states};

/// What crashes between the verb's row and what comes of it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Crash {
    /// Nothing.
    Nothing,
    /// Its owner after the commit, so that the verb comes again.
    AfterCommit,
    /// Its owner before the commit, when the line is written and the verb's outcome is not.
    BeforeCommit,
    /// Its owner before it hears of it: another process does, which remembers nothing, and the former one wakes up too late.
    TakenOver,
}

impl Desk {
    /// The commands of a run that went out, in order, as a preview shows them.
    async fn sent(&self, run: &State) -> Vec<Value> {
        let rows = self.outbox(run).await.into_iter();
        let shown = |(name, sent): (String, Value)| {
            json!({
                "step": sent["step"], "undo": sent["undo"], "round": sent["round"], "sending": sent["attempt"],
                "command_name": name, "command": sent["command"],
            })
        };
        rows.filter(|(name, _)| name != "Verb").map(shown).collect()
    }

    /// Everything that was written for a run: lines, commands, obligations, verbs, and its own row.
    async fn rows(&self, run: &State) -> Value {
        let lines = journal(&self.pool, run.saga_id).await.len();
        let row = self.get(&run.path("")).await;
        let verbs = "select count(*)::text from orchestrator.verb where saga_id = $1";
        json!({
            "lines": lines, "sent": self.sent(run).await, "owed": row["obligations"], "state": row["state"],
            "paused": row["paused_since"], "outbox": self.outbox(run).await.len(), "verbs": self.text(verbs, run).await,
        })
    }

    async fn preview_of(&self, run: &State, column: Column) -> Answer {
        let path = run.path(&format!("/{}?dry_run=true", column.verb.word()));
        self.post_body(&path, &[], &column.body(run.kind)).await
    }

    /// Says a verb, as whoever saw this version and this preview.
    async fn say_as(&self, run: &State, verb: Verb, body: &Value, seen: (&str, &str)) -> Answer {
        let key = SagaId::new().to_string();
        let headers = [
            ("if-match", seen.0),
            ("preview-digest", seen.1),
            ("idempotency-key", &key),
        ];
        let path = run.path(&format!("/{}", verb.word()));
        self.post_body(&path, &headers, body).await
    }

    /// The owner hears the verb that was said last, unless it crashes.
    async fn hear_verb(&mut self, run: &State, crash: Crash) {
        let (_, verb) = self.outbox(run).await.pop().unwrap();
        let verb: Message = serde_json::from_value(verb).unwrap();
        let before = self.rows(run).await;
        match crash {
            Crash::Nothing | Crash::AfterCommit => {}
            Crash::BeforeCommit => {
                let torn =
                    "alter table orchestrator.verb add constraint torn check (state <> 'applied') not valid";
                self.pool.execute(torn).await.unwrap();
                let heard = take(&self.runner, std::slice::from_ref(&verb)).await;
                assert!(heard.is_err(), "it was killed");
                let mended = "alter table orchestrator.verb drop constraint torn";
                self.pool.execute(mended).await.unwrap();
                assert_eq!(self.rows(run).await, before, "all of it or nothing");
            }
            Crash::TakenOver => {
                let former = std::mem::replace(&mut self.runner, runner(&self.pool, "another").await);
                let heard = take(&former, std::slice::from_ref(&verb)).await;
                assert!(heard.is_err(), "its epoch has ended");
                assert_eq!(self.rows(run).await, before);
            }
        }
        self.hear(std::slice::from_ref(&verb)).await;
        if crash == Crash::AfterCommit {
            let rows = self.rows(run).await;
            self.hear(&[verb]).await;
            assert_eq!(self.rows(run).await, rows, "a verb is obeyed once");
        }
    }

    /// Participants do what they are asked until nothing more is sent.
    async fn go_on(&self, run: &State) {
        let mut heard = 0;
        loop {
            let sent = self.sent(run).await;
            if sent.len() == heard {
                return;
            }
            heard = sent.len();
            self.hear(&[answered(run.saga_id, &sent[heard - 1], true)]).await;
        }
    }
}

/// A verb that is forbidden says by which rule, in a sentence, and nothing is written.
async fn assert_forbidden(desk: &Desk, run: &State, column: Column, rule: &str) {
    let before = desk.rows(run).await;
    let version = format!("\"{}\"", before["lines"]);
    let shown = desk.preview_of(run, column).await;
    let digest = "0".repeat(64);
    let body = column.body(run.kind);
    let said = desk.say_as(run, column.verb, &body, (&version, &digest)).await;
    for answer in [shown, said] {
        let told = (answer.status, answer.json["code"].as_str());
        assert_eq!(
            told,
            (StatusCode::CONFLICT, Some("against_rule")),
            "{}",
            answer.json
        );
        assert_eq!(answer.json["rule"], rule);
        assert!(answer.json["detail"].as_str().unwrap().ends_with('.'));
    }
    assert_eq!(desk.rows(run).await, before);
}

/// Whoever saw another version, or another preview, is refused, and nothing is written.
async fn assert_unseen_is_refused(desk: &Desk, run: &State, column: Column, shown: &Answer) {
    let before = desk.rows(run).await;
    let version = shown.json["version"].as_u64().unwrap();
    let digest = shown.json["digest"].as_str().unwrap();
    for (version, digest) in [(version + 1, digest), (version - 1, digest), (version, "another")] {
        let (seen, body) = (format!("\"{version}\""), column.body(run.kind));
        let said = desk.say_as(run, column.verb, &body, (&seen, digest)).await;
        let told = (said.status, said.json["code"].as_str());
        let wanted = (StatusCode::PRECONDITION_FAILED, Some("precondition_failed"));
        assert_eq!(told, wanted, "{}", said.json);
    }
    assert_eq!(desk.rows(run).await, before);
}

/// What is owed, as a preview shows it and as it is kept.
fn debts(of: &Value) -> Vec<Value> {
    let debts = of.as_array().unwrap().iter();
    let minor = |debt: &Value| {
        let money = serde_json::from_value::<contract::Money>(debt["amount"].clone());
        money.map_or(debt["amount_minor"].clone(), |money| money.minor().into())
    };
    let told = |debt: &Value| {
        json!([
            debt["what"],
            debt["step"],
            debt["is_done"],
            debt["thing"],
            minor(debt)
        ])
    };
    debts.map(told).collect()
}

/// What a verb comes to is what was shown, at once and until the end.
async fn assert_obeyed(desk: &mut Desk, run: &State, column: Column, crash: Crash) {
    let shown = desk.preview_of(run, column).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.json);
    assert_unseen_is_refused(desk, run, column, &shown).await;
    let (before, shown) = (desk.rows(run).await, shown.json);
    let seen = format!("\"{}\"", shown["version"]);
    let (body, digest) = (column.body(run.kind), shown["digest"].as_str().unwrap());
    let said = desk.say_as(run, column.verb, &body, (&seen, digest)).await;
    assert_eq!(said.status, StatusCode::ACCEPTED, "{}", said.json);
    desk.hear_verb(run, crash).await;
    let location = said.headers["location"].to_str().unwrap();
    let became = desk.get(location).await;
    let commands = shown["commands"].as_array().unwrap();
    // What is held back at once is a line more.
    let is_held = commands.iter().any(|sent| run.is_held(sent));
    let seen = shown["version"].as_u64().unwrap();
    let version = seen + 1 + u64::from(is_held);
    assert_eq!(became["state"], "applied", "{became}");
    assert_eq!(became["outcome"], json!({"version": version, "changed": true}));

    let rows = desk.rows(run).await;
    assert_eq!(rows["lines"], version);
    let line = &desk.get(&run.path("")).await["journal"][usize::try_from(seen).unwrap()];
    assert_eq!(
        [&line["what"], &line["verb"]["verb"], &line["verb"]["reason"]],
        ["verb", column.verb.word(), WHY],
        "{line}"
    );
    // A rule that is in force holds back what was shown, which says so.
    let held: Vec<_> = shown["held_back"].as_array().into_iter().flatten().collect();
    let sent_before = before["sent"].as_array().unwrap().len();
    let sent = |rows: &Value| rows["sent"].as_array().unwrap()[sent_before..].to_vec();
    if held.is_empty() {
        assert_eq!(sent(&rows), *commands, "{shown}");
    } else {
        let all = [commands.clone(), shown["until_end"].as_array().unwrap().clone()].concat();
        assert_eq!(sent(&rows), if is_held { Vec::new() } else { commands.clone() });
        assert!(all.iter().any(|sent| run.is_held(sent)), "{shown}");
    }
    assert_eq!(
        (&rows["state"], rows["paused"].is_string()),
        (&shown["state"], shown["paused"] == true)
    );
    let owed_before = debts(&before["owed"]).len();
    assert_eq!(
        debts(&rows["owed"])[owed_before..],
        debts(&shown["obligations"]),
        "{shown}"
    );

    desk.lift_rules_of(run).await;
    desk.go_on(run).await;
    let until_end = [commands.clone(), shown["until_end"].as_array().unwrap().clone()].concat();
    assert_eq!(sent(&desk.rows(run).await), until_end, "{shown}");
    assert_eq!(
        state(&desk.pool, run.saga_id).await.0,
        shown["ends_as"],
        "{shown}"
    );
    let closed = desk.get(&run.path("")).await["obligations"].take();
    let closed = closed.as_array().unwrap().iter();
    let closed: Vec<_> = closed.filter(|debt| debt["closed_at"].is_string()).collect();
    let steps: Vec<_> = shown["settles"].as_array().into_iter().flatten().collect();
    let told: Vec<_> = closed.iter().map(|debt| &debt["step"]).collect();
    assert_eq!(told, steps, "{shown}");
}

/// A verb that changes nothing is done at once, and nothing is written but the verb.
async fn assert_same(desk: &Desk, run: &State, column: Column) {
    let shown = desk.preview_of(run, column).await;
    assert_eq!(
        (shown.status, &shown.json["changes"]),
        (StatusCode::OK, &false.into())
    );
    let mut before = desk.rows(run).await;
    let seen = format!("\"{}\"", shown.json["version"]);
    let (body, digest) = (column.body(run.kind), shown.json["digest"].as_str().unwrap());
    let said = desk.say_as(run, column.verb, &body, (&seen, digest)).await;
    assert_eq!(
        (said.status, &said.json["outcome"]["changed"]),
        (StatusCode::CREATED, &false.into())
    );
    let mut after = desk.rows(run).await;
    (before["verbs"], after["verbs"]) = (Value::Null, Value::Null);
    assert_eq!(after, before);
}

/// Tries each cell of a kind of saga with a crash.
async fn try_cells(pool: PgPool, kind: Kind, crash: Crash) {
    let mut desk = Desk::open(pool).await;
    let cells = cells(kind);
    let (mut obeyed, mut forbidden) = (0, 0);
    for (name, how) in states(kind) {
        for column in COLUMNS {
            let cell = cells.get(&(name, column.name)).copied();
            let cell = cell.unwrap_or_else(|| panic!("{kind:?} has no cell of {name} and {}", column.name));
            let is_tried = crash == Crash::Nothing || cell == Cell::Obeyed;
            if !is_tried {
                continue;
            }
            let run = desk.state(kind, &how).await;
            match cell {
                Cell::Forbidden(rule) => assert_forbidden(&desk, &run, column, rule).await,
                Cell::Same => assert_same(&desk, &run, column).await,
                Cell::Obeyed => assert_obeyed(&mut desk, &run, column, crash).await,
            }
            *(if cell == Cell::Obeyed {
                &mut obeyed
            } else {
                &mut forbidden
            }) += 1;
            desk.leave_alone(&run).await;
        }
    }
    assert_eq!(
        cells.len(),
        states(kind).len() * COLUMNS.len(),
        "a cell of no state"
    );
    assert!(obeyed > 9, "{obeyed} of {kind:?}, {forbidden} forbidden");
}

macro_rules! tried {
    ($($name:ident: $kind:ident, $crash:ident;)*) => {
        $(#[sqlx::test(migrations = false)]
        async fn $name(pool: PgPool) {
            try_cells(pool, Kind::$kind, Crash::$crash).await;
        })*
    };
}

tried! {
    each_verb_of_a_booking_comes_to_what_was_shown_or_is_forbidden: Booking, Nothing;
    each_verb_of_a_booking_is_obeyed_once_though_it_comes_again: Booking, AfterCommit;
    each_verb_of_a_booking_is_obeyed_by_a_process_that_was_killed_before: Booking, BeforeCommit;
    each_verb_of_a_booking_is_obeyed_by_whoever_takes_over: Booking, TakenOver;
    each_verb_of_a_cancellation_comes_to_what_was_shown_or_is_forbidden: Cancellation, Nothing;
    each_verb_of_a_cancellation_is_obeyed_once_though_it_comes_again: Cancellation, AfterCommit;
    each_verb_of_a_cancellation_is_obeyed_by_a_process_that_was_killed_before: Cancellation, BeforeCommit;
    each_verb_of_a_cancellation_is_obeyed_by_whoever_takes_over: Cancellation, TakenOver;
    each_verb_of_a_saga_with_a_marked_step_comes_to_what_was_shown_or_is_forbidden: Marked, Nothing;
    each_verb_of_a_saga_with_a_marked_step_is_obeyed_once_though_it_comes_again: Marked, AfterCommit;
    each_verb_of_a_saga_with_a_marked_step_is_obeyed_by_a_process_that_was_killed_before: Marked, BeforeCommit;
    each_verb_of_a_saga_with_a_marked_step_is_obeyed_by_whoever_takes_over: Marked, TakenOver;
}

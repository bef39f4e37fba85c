//! The states that a run can be in, each by how it comes there: `step` was done, `!step` refused, `-step` undone and `-!step` not
//! undone; a verb was said, perhaps with its step; a rule holds the step back (`held:step`), or its undo (`held_undo:step`).

use contract::saga::SagaData;
use contract::{HotelId, SagaId};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::cells::EVIDENCE;
use super::{Crash, Desk, WHY};
use crate::engine::Verb;
use crate::fixtures::{answered, booking, cancellation, runner, start};
use crate::{timers, watch};

/// What is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Booking,
    Cancellation,
    /// A cancellation of a version that only tests have, whose refund may be skipped.
    Marked,
}

/// A run in its state.
#[derive(Debug)]
pub(super) struct State {
    pub(super) kind: Kind,
    pub(super) saga_id: SagaId,
    hotel_id: HotelId,
    /// The steps that a rule holds back, and whether their undo.
    held: Vec<(String, bool)>,
}

impl State {
    pub(super) fn path(&self, rest: &str) -> String {
        format!("/v1/sagas/{}{rest}", self.saga_id)
    }

    /// Whether a rule holds this command back.
    pub(super) fn is_held(&self, sent: &Value) -> bool {
        let of = |(step, undo): &(String, bool)| sent["step"] == step[..] && sent["undo"] == *undo;
        self.held.iter().any(of)
    }
}

const PAID: &str = "hold-rooms authorize-payment book-rooms";
const CAPTURED: &str = "hold-rooms authorize-payment book-rooms capture-payment";

/// The states of a kind of saga, by the names that the table has.
pub(super) fn states(kind: Kind) -> Vec<(&'static str, String)> {
    let states = match kind {
        Kind::Booking => [before_the_pivot(), from_the_pivot_on(), undoing(), over()].concat(),
        Kind::Cancellation | Kind::Marked => of_a_cancellation(),
    };
    let mut names: Vec<_> = states.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), states.len(), "two states of one name");
    states
}

fn before_the_pivot() -> Vec<(&'static str, String)> {
    let states = [
        ("hold on its way", ""),
        ("payment on its way", "hold-rooms"),
        ("in round 2", "hold-rooms back_to:hold-rooms -authorize-payment"),
        ("paused with the hold on its way", "pause"),
        ("paused before the payment", "pause hold-rooms"),
        (
            "held back before the payment",
            "held:authorize-payment hold-rooms",
        ),
    ];
    states.map(|(name, how)| (name, how.to_owned())).to_vec()
}

fn from_the_pivot_on() -> Vec<(&'static str, String)> {
    vec![
        ("pivot on its way", PAID.to_owned()),
        ("paused with the pivot on its way", format!("{PAID} pause")),
        (
            "paused before the pivot",
            "hold-rooms authorize-payment pause book-rooms".to_owned(),
        ),
        (
            "held back before the pivot",
            format!("held:capture-payment {PAID}"),
        ),
        ("after the pivot", CAPTURED.to_owned()),
        (
            "paused with the confirmation on its way",
            format!("{CAPTURED} pause"),
        ),
        ("paused after the pivot", format!("{PAID} pause capture-payment")),
        (
            "held back after the pivot",
            format!("held:confirm-reservation {CAPTURED}"),
        ),
        (
            "stuck after the pivot",
            format!("{CAPTURED} !confirm-reservation"),
        ),
    ]
}

fn undoing() -> Vec<(&'static str, String)> {
    let states = [
        ("undoing", "hold-rooms !authorize-payment"),
        (
            "undoing what was sent three times",
            "hold-rooms !authorize-payment retry retry",
        ),
        ("going back", "hold-rooms back_to:hold-rooms"),
        (
            "paused with an undo on its way",
            "hold-rooms !authorize-payment pause",
        ),
        (
            "paused before an undo",
            "hold-rooms authorize-payment !book-rooms pause -authorize-payment",
        ),
        (
            "paused on the way back",
            "hold-rooms authorize-payment back_to:open-reservation pause -authorize-payment",
        ),
        (
            "held back before an undo",
            "held_undo:hold-rooms hold-rooms !authorize-payment",
        ),
        ("stuck in an undo", "hold-rooms !authorize-payment -!hold-rooms"),
    ];
    states.map(|(name, how)| (name, how.to_owned())).to_vec()
}

fn over() -> Vec<(&'static str, String)> {
    vec![
        ("completed", format!("{CAPTURED} confirm-reservation")),
        ("compensated", "!hold-rooms -open-reservation".to_owned()),
        ("abandoned before the pivot", "hold-rooms abandon".to_owned()),
        ("abandoned after the pivot", format!("{CAPTURED} abandon")),
        (
            "abandoned and settled",
            "hold-rooms abandon settled_by_hand:hold-rooms settled_by_hand:authorize-payment settled_by_hand:open-reservation".to_owned(),
        ),
        ("of a version that is gone", "hold-rooms version:99".to_owned()),
    ]
}

fn of_a_cancellation() -> Vec<(&'static str, String)> {
    let states = [
        ("pivot on its way", ""),
        ("paused with the pivot on its way", "pause"),
        ("stuck at the pivot", "!release-rooms"),
        ("after the pivot", "release-rooms"),
        ("paused with the refund on its way", "release-rooms pause"),
        ("paused after the pivot", "pause release-rooms"),
        ("held back after the pivot", "held:refund-payment release-rooms"),
        ("last step on its way", "release-rooms refund-payment"),
        ("stuck after the pivot", "release-rooms !refund-payment"),
        ("completed", "release-rooms refund-payment mark-cancelled"),
        ("abandoned", "release-rooms abandon"),
        (
            "abandoned and settled",
            "release-rooms abandon settled_by_hand:release-rooms settled_by_hand:refund-payment settled_by_hand:mark-cancelled",
        ),
    ];
    states.map(|(name, how)| (name, how.to_owned())).to_vec()
}

impl Desk {
    /// A run that came so to its state.
    pub(super) async fn state(&mut self, kind: Kind, how: &str) -> State {
        let data = match kind {
            Kind::Booking => booking(),
            Kind::Cancellation | Kind::Marked => cancellation(),
        };
        let mut run = State {
            kind,
            saga_id: SagaId::new(),
            hotel_id: data.hotel_id(),
            held: Vec::new(),
        };
        self.begin(&run, data).await;
        for word in how.split_whitespace() {
            self.word(&mut run, word).await;
        }
        run
    }

    async fn begin(&mut self, run: &State, data: SagaData) {
        self.hear(&[start(run.saga_id, data)]).await;
        if run.kind == Kind::Marked {
            // Its first step is that of the newest version, with which it was begun.
            self.change(&format!(
                "update orchestrator.run set definition = -1 where saga_id = '{}'",
                run.saga_id
            ))
            .await;
            self.forget().await;
        }
    }

    async fn word(&mut self, run: &mut State, word: &str) {
        let (what, step) = word.split_once(':').unwrap_or((word, ""));
        let verb = Verb::ALL.into_iter().find(|verb| verb.word() == what);
        match (what, verb) {
            ("held" | "held_undo", _) => self.hold_back(run, step, what == "held_undo").await,
            ("version", _) => {
                self.change(&format!(
                    "update orchestrator.run set definition = {step} where saga_id = '{}'",
                    run.saga_id
                ))
                .await;
                self.forget().await;
            }
            (_, Some(verb)) => self.say_to(run, verb, step).await,
            (_, None) => {
                let (undo, rest) = word.strip_prefix('-').map_or((false, word), |rest| (true, rest));
                let (yes, step) = rest.strip_prefix('!').map_or((true, rest), |rest| (false, rest));
                let sent = self.sent(run).await;
                let is_it = |sent: &&Value| sent["step"] == step && sent["undo"] == undo;
                let Some(sent) = sent.iter().rev().find(is_it) else {
                    panic!("{word} was never sent: {sent:?}")
                };
                self.hear(&[answered(run.saga_id, sent, yes)]).await;
            }
        }
    }

    /// Says a verb as it was shown, and its owner hears it.
    async fn say_to(&mut self, run: &State, verb: Verb, step: &str) {
        let mut body = json!({"reason": WHY});
        if verb.takes_step() {
            body["step"] = step.into();
        }
        if verb.takes_evidence() {
            body["evidence"] = EVIDENCE.into();
        }
        let path = run.path(&format!("/{}?dry_run=true", verb.word()));
        let shown = self.post_body(&path, &[], &body).await.json;
        let digest = shown["digest"].as_str();
        let digest = digest.unwrap_or_else(|| panic!("{verb:?} of {run:?}: {shown}"));
        let seen = format!("\"{}\"", shown["version"]);
        let said = self.say_as(run, verb, &body, (&seen, digest)).await;
        assert!(said.status.is_success(), "{}", said.json);
        self.hear_verb(run, Crash::Nothing).await;
    }

    /// A rule of the run's hotel, of which runner and pages hear.
    async fn hold_back(&mut self, run: &mut State, step: &str, undo: bool) {
        let subject = json!({"step": step, "undo": undo, "hotel_id": run.hotel_id});
        let rule = json!({"kind": "pause", "subject": subject, "reason": WHY});
        let key = SagaId::new().to_string();
        let made = self
            .post_body("/v1/saga-rules", &[("idempotency-key", &key)], &rule)
            .await;
        assert!(made.status.is_success(), "{}", made.json);
        run.held.push((step.to_owned(), undo));
        self.hear_of_rules().await;
    }

    /// The rules of the run's hotel hold no longer.
    pub(super) async fn lift_rules_of(&self, run: &State) {
        if run.held.is_empty() {
            return;
        }
        let page = self.get("/v1/saga-rules?in_force=true&limit=100").await;
        for rule in page["items"].as_array().unwrap() {
            if rule["subject"]["hotel_id"] == json!(run.hotel_id) {
                let path = format!("{}/lift", rule["links"]["self"].as_str().unwrap());
                self.post_body(&path, &[], &json!({"reason": WHY})).await;
            }
        }
        self.hear_of_rules().await;
        timers::round(&self.runner).await.unwrap();
    }

    async fn hear_of_rules(&self) {
        watch::look(&self.runner, &mut 0).await.unwrap();
        let rules = self.runner.rules_in_force().await.unwrap();
        self.rules.read(rules);
    }

    /// Another process owns the runs, and remembers none.
    async fn forget(&mut self) {
        self.runner = runner(&self.pool, "fresh").await;
    }

    /// The timer looks at the run no more.
    pub(super) async fn leave_alone(&self, run: &State) {
        self.lift_rules_of(run).await;
        self.change(&format!(
            "update orchestrator.run set wake_at = wake_at + interval '1 day' where saga_id = '{}'",
            run.saga_id
        ))
        .await;
    }

    async fn change(&self, sql: &str) {
        #[expect(clippy::disallowed_methods, reason = "tests move what is kept")]
        let changed = sqlx::query(AssertSqlSafe(sql.to_owned()))
            .execute(&self.pool)
            .await;
        changed.unwrap();
    }

    /// What was said of a run, in order: kind and body.
    pub(super) async fn outbox(&self, run: &State) -> Vec<(String, Value)> {
        #[expect(clippy::disallowed_methods, reason = "tests look at what is kept")]
        let rows = sqlx::query_as::<_, (String, Value)>(
            "select type, payload from orchestrator.outbox where payload ->> 'saga_id' = $1 order by id",
        );
        rows.bind(run.saga_id.to_string())
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    /// One text about a run.
    pub(super) async fn text(&self, sql: &'static str, run: &State) -> String {
        #[expect(clippy::disallowed_methods, reason = "tests look at what is kept")]
        let text = sqlx::query_scalar::<_, String>(sql).bind(run.saga_id.uuid());
        text.fetch_one(&self.pool).await.unwrap()
    }
}

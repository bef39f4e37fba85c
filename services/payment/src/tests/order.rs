//! The order of calls: an outcome that is not known is asked for before anything is repeated, and a
//! repeat has the same key.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use contract::Outcome;
use platform::Tasks;
use platform::consumer::Participant as _;
use sqlx::{Executor as _, PgPool};

use super::world::{Booking, SECRET, migrate, parts, record};
use crate::model::Answer;
use crate::model::Call;
use crate::provider::{Heard, Provider};
use crate::{Config, assemble};

/// A provider that answers by a script and remembers what it was asked.
#[derive(Clone, Default)]
struct Scripted {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    fn answer(&self, word: &str, key: &str) -> Answer {
        let kind = key.split('.').skip(2).collect::<Vec<_>>().join(".");
        self.asked.lock().unwrap().push(format!("{word} {kind}"));
        self.answers
            .lock()
            .unwrap()
            .pop_front()
            .expect("no more calls than the script has answers")
    }
}

impl Provider for Scripted {
    async fn submit(&self, key: &str, _: &Call) -> Heard {
        Heard::answered(self.answer("submit", key))
    }

    async fn ask(&self, key: &str) -> Heard {
        Heard::answered(self.answer("ask", key))
    }

    fn name(&self) -> &'static str {
        "scripted"
    }
}

fn unknown() -> Answer {
    Answer::Unknown("no answer in time".to_owned())
}

fn succeeded() -> Answer {
    Answer::Succeeded {
        authorization_id: Some("auth_1".to_owned()),
    }
}

/// Authorises under a script and answers the calls that were made and how it ended. The operation is handed to the desk
/// so many times; never, when the process died after the commit.
async fn authorize(pool: PgPool, handed: usize, script: Vec<Answer>) -> (Vec<String>, Outcome) {
    migrate(&pool).await;
    let tasks = Tasks::new();
    let provider = Scripted::default();
    provider.answers.lock().unwrap().extend(script);
    let config = Config {
        provider_url: String::new(),
        provider_timeout_ms: 500,
        provider_calls_max: 4,
        payment_webhook_secret: SECRET.parse().unwrap(),
    };
    let (commands, _) = assemble(&parts(&tasks), &config, &pool, provider.clone()).unwrap();
    let booking = Booking::new();
    let jobs = record(&pool, &commands, vec![booking.authorize("pm_ok", "10.00")]).await;
    if handed == 0 {
        pool.execute("update payment.operation set next_attempt_at = now()")
            .await
            .unwrap();
    }
    commands.committed(vec![jobs; handed].concat()).await;
    let reply = async {
        let mut look = tokio::time::interval(Duration::from_millis(10));
        loop {
            look.tick().await;
            #[expect(clippy::disallowed_methods, reason = "a test looks into the tables")]
            let reply: Option<serde_json::Value> = sqlx::query_scalar("select payload from payment.outbox")
                .fetch_optional(&pool)
                .await
                .unwrap();
            if let Some(reply) = reply {
                return serde_json::from_value::<contract::Reply>(reply).unwrap().outcome;
            }
        }
    };
    let outcome = tokio::time::timeout(Duration::from_secs(20), reply)
        .await
        .unwrap();
    tasks.stop();
    assert!(tasks.drained().await, "no call went beyond the script");
    let asked = provider.asked.lock().unwrap().clone();
    (asked, outcome)
}

#[sqlx::test(migrations = false)]
async fn a_known_answer_needs_no_question(pool: PgPool) {
    let (asked, outcome) = authorize(pool, 1, vec![succeeded()]).await;
    assert_eq!(asked, ["submit authorize"]);
    assert_eq!(outcome, Outcome::Done);
}

#[sqlx::test(migrations = false)]
async fn an_unknown_outcome_is_asked_for_and_not_repeated(pool: PgPool) {
    let script = vec![
        unknown(),
        Answer::Processing,
        unknown(),
        Answer::Processing,
        succeeded(),
    ];
    let (asked, outcome) = authorize(pool, 1, script).await;
    assert_eq!(
        asked,
        [
            "submit authorize",
            "ask authorize",
            "ask authorize",
            "ask authorize",
            "ask authorize"
        ]
    );
    assert_eq!(outcome, Outcome::Done);
}

#[sqlx::test(migrations = false)]
async fn what_was_never_seen_is_repeated_under_the_same_key(pool: PgPool) {
    let script = vec![
        unknown(),
        Answer::NeverSeen,
        Answer::NeverSeen,
        unknown(),
        Answer::Declined,
    ];
    let (asked, outcome) = authorize(pool, 1, script).await;
    assert_eq!(
        asked,
        [
            "submit authorize",
            "ask authorize",
            "ask authorize",
            "submit authorize",
            "ask authorize"
        ]
    );
    assert!(
        matches!(outcome, Outcome::Refused(refusal) if refusal.is(contract::refusal::Code::PaymentDeclined))
    );
}

#[sqlx::test(migrations = false)]
async fn after_a_crash_the_outcome_is_asked_for_first(pool: PgPool) {
    let (asked, outcome) = authorize(pool, 0, vec![succeeded()]).await;
    assert_eq!(asked, ["ask authorize"]);
    assert_eq!(outcome, Outcome::Done);
}

#[sqlx::test(migrations = false)]
async fn an_operation_that_is_handed_over_again_while_it_is_at_work_is_worked_on_once(pool: PgPool) {
    let (asked, outcome) = authorize(pool, 3, vec![succeeded()]).await;
    assert_eq!(asked, ["submit authorize"]);
    assert_eq!(outcome, Outcome::Done);
}

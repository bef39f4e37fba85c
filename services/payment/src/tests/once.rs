//! An operation is settled once. Its outcome may be brought again, late, twice in one group, by two processes, or with
//! another ending: the first that is written stands, and money moves for that one alone.

use contract::command::PaymentCommand;
use contract::{CommandEnvelope, Outcome, Reply};
use platform::grouped::Settle as _;
use platform::{Broken, Tasks, db};
use sqlx::{Executor as _, PgPool};
use tokio::sync::Notify;

use super::world::{Booking, eur, migrate};
use crate::model::{Asked, Begins, Effect, Ending, Payment, Refused, State};
use crate::settle::{self, Round, Settled, Writer};
use crate::store::operation::{self, Due, Intent, Postponed, Recorded};
use crate::store::payment::{self, Key};
use crate::store::webhook;

/// The books of the service, with nobody at work on them.
struct Books {
    pool: PgPool,
}

impl Books {
    async fn new(pool: PgPool) -> Self {
        migrate(&pool).await;
        Self { pool }
    }

    /// Records commands; nobody works on them unless a test does.
    async fn record(&self, batch: Vec<CommandEnvelope<PaymentCommand>>) -> Vec<Recorded> {
        let recorded = db::unit_of_work::<_, Broken, _>(&self.pool, move |db| {
            Box::pin(async move {
                let openings: Vec<Begins> = batch.iter().filter_map(Begins::of).collect();
                let intents: Vec<Intent> = batch.iter().map(intent).collect();
                let keys: Vec<Key> = intents.iter().map(|intent| intent.payment).collect();
                payment::lock_or_open(db, &keys, &openings).await?;
                let (recorded, _) = operation::record(db, &intents, &[], 60_000).await?;
                Ok(recorded)
            })
        });
        recorded.await.unwrap()
    }

    /// Records one command and answers its operation's number.
    async fn operation(&self, command: CommandEnvelope<PaymentCommand>) -> i64 {
        self.record(vec![command]).await[0].operation_no
    }

    /// Writes outcomes in one transaction and answers the replies.
    async fn settle(&self, group: Vec<Settled>) -> Vec<Outcome> {
        let replies = db::unit_of_work::<_, Broken, _>(&self.pool, move |db| {
            Box::pin(async move { settle::write(db, &group).await })
        });
        let (replies, _) = replies.await.unwrap();
        let read = |reply: &str| serde_json::from_str::<Reply>(reply).unwrap().outcome;
        replies.iter().map(|reply| read(&reply.payload)).collect()
    }

    async fn payment(&self, booking: Booking) -> Payment {
        let key = key(booking);
        let read = db::unit_of_work::<_, Broken, _>(&self.pool, move |db| {
            Box::pin(async move { payment::read(db, &[key]).await })
        });
        read.await.unwrap().remove(&key).unwrap()
    }

    /// What was booked, in the order in which it was.
    async fn moved(&self) -> Vec<i64> {
        #[expect(clippy::disallowed_methods, reason = "a test looks into the tables")]
        sqlx::query_scalar("select amount_minor from payment.movement order by at, movement_id")
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    async fn claim(&self, limit: i64) -> Vec<Due> {
        let claimed = db::unit_of_work::<_, Broken, _>(&self.pool, move |db| {
            Box::pin(async move { operation::claim(db, limit, 60_000).await })
        });
        claimed.await.unwrap()
    }

    /// A payment of 100.00 that was captured.
    async fn captured(&self, booking: Booking) {
        let authorized = self.operation(booking.authorize("pm_ok", "100.00")).await;
        assert_eq!(
            self.settle(vec![authorize(booking, authorized)]).await,
            [Outcome::Done]
        );
        let captured = self.operation(booking.capture()).await;
        assert_eq!(
            self.settle(vec![done(booking, captured, Effect::Captured)]).await,
            [Outcome::Done]
        );
    }
}

fn intent(envelope: &CommandEnvelope<PaymentCommand>) -> Intent {
    let asked = Asked::of(envelope);
    Intent {
        payment: asked.payment,
        kind: asked.kind,
        cause: asked.cause,
        round: asked.round,
        asked_minor: asked.minor,
        reply: envelope.reply(Outcome::Done),
        trace: None,
    }
}

const fn key(booking: Booking) -> Key {
    (booking.hotel_id, booking.payment_id)
}

fn done(booking: Booking, operation_no: i64, effect: Effect) -> Settled {
    Settled {
        payment: key(booking),
        operation_no,
        round: 1,
        ending: Ending::Done,
        effect,
    }
}

fn authorize(booking: Booking, operation_no: i64) -> Settled {
    let authorization_id = Some("auth_1".to_owned());
    done(booking, operation_no, Effect::Authorized { authorization_id })
}

fn refund(booking: Booking, operation_no: i64, amount: &str) -> Settled {
    let amount = eur(amount);
    done(booking, operation_no, Effect::Refunded { amount, all: false })
}

#[sqlx::test(migrations = false)]
async fn an_outcome_that_is_brought_again_changes_nothing(pool: PgPool) {
    let books = Books::new(pool).await;
    let booking = Booking::new();
    books.captured(booking).await;
    // A partial refund could follow on itself, so nothing but the operation's own state forbids it.
    let refunded = books.operation(booking.again().refund("30.00")).await;
    let outcome = refund(booking, refunded, "30.00");
    assert_eq!(books.settle(vec![outcome.clone()]).await, [Outcome::Done]);
    for _ in 0..2 {
        assert_eq!(books.settle(vec![outcome.clone()]).await, []);
        assert_eq!(books.moved().await, [10_000, -3_000]);
        assert_eq!(books.payment(booking).await.refunded_minor, 3_000);
    }
}

#[sqlx::test(migrations = false)]
async fn an_outcome_twice_in_one_group_counts_once(pool: PgPool) {
    let books = Books::new(pool).await;
    let (booking, other) = (Booking::new(), Booking::new());
    books.captured(booking).await;
    books.captured(other).await;
    let one = books.operation(booking.again().refund("30.00")).await;
    let another = books.operation(other.again().refund("7.00")).await;
    let group = vec![
        refund(booking, one, "30.00"),
        refund(other, another, "7.00"),
        refund(booking, one, "30.00"),
    ];
    assert_eq!(books.settle(group).await.len(), 2);
    assert_eq!(books.payment(booking).await.refunded_minor, 3_000);
    assert_eq!(books.payment(other).await.refunded_minor, 700);
    assert_eq!(books.moved().await.iter().sum::<i64>(), 20_000 - 3_700);
}

#[sqlx::test(migrations = false)]
async fn two_refunds_of_one_payment_in_one_group_both_count(pool: PgPool) {
    let books = Books::new(pool).await;
    let booking = Booking::new();
    books.captured(booking).await;
    let one = books.operation(booking.again().refund("30.00")).await;
    let another = books.operation(booking.again().refund("70.00")).await;
    let group = vec![refund(booking, one, "30.00"), refund(booking, another, "70.00")];
    assert_eq!(books.settle(group).await, [Outcome::Done, Outcome::Done]);
    let payment = books.payment(booking).await;
    assert_eq!((payment.state, payment.refunded_minor), (State::Refunded, 10_000));
}

#[sqlx::test(migrations = false)]
async fn of_two_endings_the_first_stands(pool: PgPool) {
    let books = Books::new(pool).await;
    let (taken, declined) = (Booking::new(), Booking::new());
    let ended_both_ways = async |booking: Booking, taken_first: bool| {
        let authorized = books.operation(booking.authorize("pm_ok", "100.00")).await;
        books.settle(vec![authorize(booking, authorized)]).await;
        let capture = books.operation(booking.capture()).await;
        let yes = done(booking, capture, Effect::Captured);
        let no = Settled {
            ending: Ending::Refused(Refused::CaptureDeclined),
            effect: Effect::CaptureDeclined,
            ..yes.clone()
        };
        let (first, late) = if taken_first { (yes, no) } else { (no, yes) };
        assert_eq!(books.settle(vec![first]).await.len(), 1);
        assert_eq!(books.settle(vec![late]).await, []);
    };
    ended_both_ways(taken, true).await;
    ended_both_ways(declined, false).await;
    assert_eq!(books.payment(taken).await.state, State::Captured);
    assert_eq!(books.payment(declined).await.state, State::CaptureDeclined);
    assert_eq!(books.moved().await, [10_000]);
    // Who asks again is told what was told first.
    for (booking, ending) in [
        (taken, Ending::Done),
        (declined, Ending::Refused(Refused::CaptureDeclined)),
    ] {
        let again = books.record(vec![booking.capture()]).await;
        assert_eq!((again[0].new, again[0].ending), (false, Some(ending)));
    }
}

#[sqlx::test(migrations = false)]
async fn an_outcome_of_one_payment_settles_no_operation_of_another(pool: PgPool) {
    let books = Books::new(pool).await;
    let (booking, other) = (Booking::new(), Booking::new());
    let authorized = books.operation(booking.authorize("pm_ok", "100.00")).await;
    books.operation(other.authorize("pm_ok", "100.00")).await;
    assert_eq!(books.settle(vec![authorize(other, authorized)]).await, []);
    assert_eq!(books.payment(booking).await.state, State::New);
    assert_eq!(books.payment(other).await.state, State::New);
}

#[sqlx::test(migrations = false)]
async fn what_is_settled_is_neither_put_off_nor_taken_up_again(pool: PgPool) {
    let books = Books::new(pool).await;
    let booking = Booking::new();
    let operation_no = books.operation(booking.authorize("pm_ok", "100.00")).await;
    books.settle(vec![authorize(booking, operation_no)]).await;
    let late = Postponed {
        payment: key(booking),
        operation_no,
        is_tried: true,
        wait_ms: -1_000,
        trouble: "no answer in time".to_owned(),
    };
    let put_off = db::unit_of_work::<_, Broken, _>(&books.pool, move |db| {
        Box::pin(async move {
            operation::postpone(db, &[late]).await?;
            operation::wake(db, &[key(booking)]).await
        })
    });
    assert_eq!(put_off.await.unwrap(), 0, "nothing is due");
    let past = "update payment.operation set next_attempt_at = now() - interval '1 day'";
    books.pool.execute(past).await.unwrap();
    assert!(books.claim(10).await.is_empty());
    #[expect(clippy::disallowed_methods, reason = "a test looks into the tables")]
    let row: (String, i32, Option<String>) =
        sqlx::query_as("select state, tries, trouble from payment.operation")
            .fetch_one(&books.pool)
            .await
            .unwrap();
    assert_eq!(row, ("done".to_owned(), 0, None));
}

#[sqlx::test(migrations = false)]
async fn an_operation_is_taken_up_when_it_is_due_by_one_and_after_the_earlier_ones(pool: PgPool) {
    let books = Books::new(pool).await;
    let bookings = [Booking::new(), Booking::new(), Booking::new()];
    let mut first = Vec::new();
    for booking in bookings {
        first.push(books.operation(booking.authorize("pm_ok", "100.00")).await);
        books.operation(booking.void()).await;
    }
    assert!(
        books.claim(10).await.is_empty(),
        "they are left to who recorded them"
    );
    let due = "update payment.operation set next_attempt_at = now()";
    books.pool.execute(due).await.unwrap();
    let mut taken: Vec<i64> = books.claim(2).await.iter().map(|due| due.operation_no).collect();
    assert_eq!(taken.len(), 2, "no more than there is place for");
    taken.extend(books.claim(10).await.iter().map(|due| due.operation_no));
    taken.sort_unstable();
    assert_eq!(taken, first, "each once, and no void before its authorisation");
    assert!(books.claim(10).await.is_empty(), "they are left to who took them");

    // What waits for an operation is due when that is settled, whenever it would have come up by itself.
    let far = "update payment.operation set next_attempt_at = now() + interval '1 day' where state = 'due'";
    books.pool.execute(far).await.unwrap();
    books.settle(vec![authorize(bookings[1], first[1])]).await;
    let next = books.claim(10).await;
    assert_eq!(next.len(), 1);
    assert_eq!(
        (next[0].payment, next[0].cause),
        (key(bookings[1]), Some(bookings[1].saga_id))
    );
}

#[sqlx::test(migrations = false)]
async fn what_happens_once_to_a_payment_is_one_operation_whoever_asks(pool: PgPool) {
    let books = Books::new(pool).await;
    let booking = Booking::new();
    let one = books.record(vec![booking.authorize("pm_ok", "100.00")]).await;
    let same = books
        .record(vec![booking.again().authorize("pm_ok", "100.00")])
        .await;
    assert!(one[0].new && !same[0].new);
    assert_eq!(one[0].operation_no, same[0].operation_no);
    let refund = books.record(vec![booking.refund("10.00")]).await;
    let same = books.record(vec![booking.refund("10.00")]).await;
    assert_eq!(refund[0].operation_no, same[0].operation_no);
    let another = books.record(vec![booking.again().refund("10.00")]).await;
    assert!(another[0].new, "each cancellation gives back its own amount");
}

#[sqlx::test(migrations = false)]
async fn an_outcome_that_contradicts_the_books_keeps_no_other_from_being_written(pool: PgPool) {
    let books = Books::new(pool).await;
    let (wrong, right) = (Booking::new(), Booking::new());
    let authorized = books.operation(wrong.authorize("pm_ok", "100.00")).await;
    let right_one = books.operation(right.authorize("pm_ok", "100.00")).await;
    let mut writer = Writer {
        pool: books.pool.clone(),
        tasks: Tasks::new(),
        nudge: std::sync::Arc::new(Notify::new()),
    };
    let group = vec![
        Round::Settled(done(wrong, authorized, Effect::Captured)),
        Round::Settled(authorize(right, right_one)),
    ];
    assert_eq!(writer.settle(group).await.len(), 2);
    assert_eq!(books.payment(right).await.state, State::Authorized);
    assert_eq!(books.payment(wrong).await.state, State::New);
    let again = books.record(vec![wrong.authorize("pm_ok", "100.00")]).await;
    assert_eq!(again[0].ending, None, "it comes up again");
    assert!(books.moved().await.is_empty());
}

#[sqlx::test(migrations = false)]
async fn a_webhook_is_remembered_for_its_time_and_no_longer(pool: PgPool) {
    let books = Books::new(pool).await;
    let heard = db::unit_of_work::<_, Broken, _>(&books.pool, |db| {
        Box::pin(async move {
            for id in ["old", "older", "new"] {
                assert!(webhook::remember(db, id).await?);
            }
            webhook::remember(db, "new").await
        })
    });
    assert!(!heard.await.unwrap(), "a repeat is known");
    // Its signature is good for five minutes; it is known for much longer.
    let aged = "update payment.webhook set heard_at = now() - interval '59 minutes'";
    books.pool.execute(aged).await.unwrap();
    crate::sweep::tidy(&books.pool).await.unwrap();
    assert_eq!(webhooks(&books.pool).await, ["new", "old", "older"]);
    let aged =
        "update payment.webhook set heard_at = now() - interval '61 minutes' where webhook_id like 'old%'";
    books.pool.execute(aged).await.unwrap();
    let forgotten = db::unit_of_work::<_, Broken, _>(&books.pool, |db| {
        Box::pin(async move {
            let one = webhook::forget(db, 60, 1).await?;
            Ok((one, webhook::forget(db, 60, 10).await?))
        })
    });
    assert_eq!(forgotten.await.unwrap(), (1, 1));
    assert_eq!(webhooks(&books.pool).await, ["new"]);
    let aged = "update payment.webhook set heard_at = now() - interval '61 minutes'";
    books.pool.execute(aged).await.unwrap();
    crate::sweep::tidy(&books.pool).await.unwrap();
    assert!(webhooks(&books.pool).await.is_empty());
}

/// The webhooks that are known.
async fn webhooks(pool: &PgPool) -> Vec<String> {
    #[expect(clippy::disallowed_methods, reason = "a test looks into the tables")]
    let known = sqlx::query_scalar("select webhook_id from payment.webhook order by 1")
        .fetch_all(pool)
        .await;
    known.unwrap()
}

//! A quote and a reservation that all tests know, and a database to keep them in.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contract::command::ReservationCommand;
use contract::penalty::Penalty;
use contract::quote::{CancellationPolicy, NightPrice, Party, Quote, TaxLine};
use contract::{
    GuestId, HoldId, HotelId, Money, PaymentId, QuoteId, RatePlanId, ReservationId, RoomTypeId, SagaId,
};
use contract::{Stay, StayDate, Text};
use http_body_util::BodyExt as _;
use platform::access::{Actor, LinkConfig, Links, trial};
use platform::consumer::Participant as _;
use platform::token::Tokens;
use platform::{Broken, Clock, Parts, Tasks, db};
use serde_json::{Value, json};
use sqlx::{PgPool, Row as _};
use tower::ServiceExt as _;

use crate::commands::Commands;
use crate::model::{Promised, Reservation, State, Terms};
use crate::store::read;
use crate::{App, Config};

mod answers;
mod asked;
mod codes;

pub(crate) use answers::{Answer, at_once, replayed, same};
pub(crate) use asked::{confirm, incoming, mark_cancelled, reject};

/// When the tests' clocks begin; far ahead, as cancellations go by the database's clock.
pub(crate) const NOW: &str = "2127-03-01T10:00:00Z";

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) fn day(text: &str) -> StayDate {
    text.parse().unwrap()
}

pub(crate) fn euros(amount: &str) -> Money {
    Money::parse(amount, "EUR".parse().unwrap()).unwrap()
}

/// Two rooms for three nights of 90, 100 and 110 EUR with 6% tax; free until 7 days before, then full.
pub(crate) fn quote() -> Quote {
    let stay = Stay::new(day("2127-03-10"), day("2127-03-13")).unwrap();
    let prices = ["90.00", "100.00", "110.00"];
    let with_its = |(night, price)| NightPrice {
        night,
        price: euros(price),
    };
    Quote {
        quote_id: QuoteId::new(),
        hotel_id: HotelId::new(),
        time_zone: "Europe/Lisbon".to_owned(),
        room_type_id: Some(RoomTypeId::new()),
        rate_plan_id: Some(RatePlanId::new()),
        stay,
        rooms: 2,
        party: Party {
            adults: 3,
            children: 1,
        },
        nights: stay.nights().zip(prices).map(with_its).collect(),
        lines: Vec::new(),
        taxes: vec![TaxLine {
            name: Text::new("VAT").unwrap(),
            percent: "6.00".to_owned(),
            amount: euros("36.00"),
        }],
        total: euros("636.00"),
        cancellation_policy: Some(CancellationPolicy {
            free_until_days_before: Some(7),
            penalty: Penalty::Full,
        }),
        expires_at: at(NOW) + TimeDelta::minutes(30),
    }
}

/// A reservation that was just asked for.
pub(crate) fn pending() -> Reservation {
    let quote = quote();
    Reservation {
        hotel_id: quote.hotel_id,
        reservation_id: ReservationId::new(),
        code: "7K3Q9MXQ".parse().unwrap(),
        hold_id: HoldId::new(),
        payment_id: PaymentId::new(),
        saga_id: SagaId::new(),
        cancellation_saga_id: None,
        state: State::Pending,
        version: 1,
        quote_id: quote.quote_id,
        room_type_id: quote.room_type_id.unwrap(),
        rate_plan_id: quote.rate_plan_id.unwrap(),
        rooms: quote.rooms,
        party: quote.party,
        lines: Vec::new(),
        guest_id: GuestId::new(),
        guest_name: "Ana Sousa".to_owned(),
        guest_email: "ana@example.com".to_owned(),
        guest_phone: None,
        cancellation_policy: quote.cancellation_policy.unwrap(),
        terms: Terms::of(&quote).unwrap(),
        cancel_requested_at: None,
        cost: None,
        promised: Promised::of(&quote),
        later: Vec::new(),
        refusal: None,
        created_at: at(NOW),
        updated_at: at(NOW),
    }
}

/// The secret that signs the tests' quotes.
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// What makes the tests' guest links.
fn links() -> Links {
    let link_secret = format!("1:{SECRET}").parse().unwrap();
    LinkConfig { link_secret }.links().unwrap()
}

/// One process of the service, on a database of its own.
pub(crate) struct World {
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) app: App,
    routes: axum::Router,
    tokens: Tokens,
    commands: Arc<Commands>,
}

/// Makes the schema in an empty database.
pub(crate) async fn migrate(pool: &PgPool) {
    sqlx::raw_sql("create schema reservation")
        .execute(pool)
        .await
        .unwrap();
    crate::MIGRATOR.run(pool).await.unwrap();
}

fn parts(clock: Clock) -> Parts {
    use clap::Parser as _;
    #[derive(clap::Parser)]
    struct All {
        #[command(flatten)]
        database: platform::db::DatabaseConfig,
        #[command(flatten)]
        kafka: platform::kafka::KafkaConfig,
        #[command(flatten)]
        token: platform::token::TokenConfig,
    }
    let all = All::parse_from(["test"]);
    Parts {
        database: all.database,
        kafka: all.kafka,
        token: all.token,
        repeat: platform::repeat::RepeatConfig::default(),
        clock,
        tasks: Tasks::new(),
        health: platform::health::Health::default(),
        tracer: platform::Tracer::default(),
    }
}

impl World {
    /// A process on an empty database.
    pub(crate) async fn new(pool: &PgPool) -> Self {
        migrate(pool).await;
        Self::again(pool)
    }

    /// A process on an empty database, with both clocks set: in its sessions, `now()` is a function of the tests,
    /// as Postgres looks for names where the session says.
    pub(crate) async fn at(pool: &PgPool, now: &str) -> Self {
        migrate(pool).await;
        let clock = "create schema clock; create table clock.hands (at timestamptz); \
                     insert into clock.hands values ('epoch'); \
                     create function clock.now() returns timestamptz stable language sql \
                         begin atomic select at from clock.hands; end";
        sqlx::raw_sql(clock).execute(pool).await.unwrap();
        let looks = [("search_path", "clock,pg_catalog")];
        let options = pool.connect_options().as_ref().clone().options(looks);
        let pool = pool.options().clone().connect_with(options).await.unwrap();
        let world = Self::again(&pool);
        world.set_clock(now).await;
        world
    }

    /// Sets the clocks of a process that was made with [`World::at`].
    pub(crate) async fn set_clock(&self, now: &str) {
        self.clock.set(at(now));
        self.sql(format!("update clock.hands set at = '{now}'")).await;
    }

    /// Another process on the same database.
    pub(crate) fn again(pool: &PgPool) -> Self {
        Self::with_places(pool, 2_000)
    }

    /// A process that lets so many bookings wait for their outcome.
    pub(crate) fn with_places(pool: &PgPool, open_bookings_max: u32) -> Self {
        Self::with(pool, open_bookings_max, SECRET)
    }

    /// A process for whose quotes this secret signs.
    pub(crate) fn with_secret(pool: &PgPool, secret: &str) -> Self {
        Self::with(pool, 2_000, secret)
    }

    fn with(pool: &PgPool, open_bookings_max: u32, secret: &str) -> Self {
        let clock = Clock::fixed(at(NOW));
        let config = Config {
            reservation_group_max: 200,
            reservation_queue_max: 2_000,
            open_bookings_max,
            guest_secret: format!("1:{SECRET}").parse().unwrap(),
            reservation_quote_secret: format!("1:{secret}").parse().unwrap(),
        };
        let tokens = config.tokens().unwrap();
        let parts = parts(clock.clone());
        let app = App::start(&parts, &config, pool.clone(), tokens.clone(), links()).unwrap();
        Self {
            pool: pool.clone(),
            clock,
            routes: trial(crate::routes(app.clone()), crate::operations(), Actor::ANYONE),
            commands: Arc::new(Commands {
                waiting: app.waiting.clone(),
            }),
            app,
            tokens,
        }
    }

    /// The body that books a quote.
    pub(crate) fn body(&self, quote: &Quote, payment_method: &str) -> Value {
        json!({
            "quote_token": self.tokens.sign(quote, quote.expires_at).unwrap(),
            "guest": {"name": "Ana Sousa", "email": "Ana@Example.com"},
            "party": quote.party,
            "payment_method": payment_method,
        })
    }

    pub(crate) async fn send(&self, request: axum::http::Request<String>) -> Answer {
        let response = self
            .routes
            .clone()
            .oneshot(request.map(axum::body::Body::from))
            .await
            .unwrap();
        let (head, body) = response.into_parts();
        Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            bytes: body.collect().await.unwrap().to_bytes().to_vec(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(axum::http::Request::get(path).body(String::new()).unwrap())
            .await
    }

    /// Books, waiting so many seconds.
    pub(crate) async fn book(&self, key: &str, body: &Value, wait: u32) -> Answer {
        let request = axum::http::Request::post("/v1/reservations")
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .header("prefer", format!("wait={wait}"));
        self.send(request.body(body.to_string()).unwrap()).await
    }

    pub(crate) async fn cancel(&self, reservation_id: ReservationId, wait: u32) -> Answer {
        let path = format!("/v1/reservations/{reservation_id}/cancellation");
        let request = axum::http::Request::post(path).header("prefer", format!("wait={wait}"));
        self.send(request.body(String::new()).unwrap()).await
    }

    /// Handles commands as the consumer would: one batch, one transaction.
    pub(crate) async fn command(&self, commands: Vec<ReservationCommand>) -> Result<(), Broken> {
        let batch: Vec<_> = commands.into_iter().map(incoming).collect();
        let participant = Arc::clone(&self.commands);
        let after = db::unit_of_work::<_, Broken, _>(&self.pool, move |db| {
            Box::pin(async move {
                let (outgoing, _, after) = participant.handle(db, &batch).await?;
                assert!(
                    outgoing.is_empty(),
                    "what is to be said is written with what it is about"
                );
                Ok(after)
            })
        })
        .await?;
        self.commands.committed(after).await;
        Ok(())
    }

    /// Books and answers the reservation as it was stored.
    pub(crate) async fn booked(&self) -> Reservation {
        let quote = quote();
        let key = quote.quote_id.to_string();
        let answer = self.book(&key, &self.body(&quote, "pm_ok"), 0).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        self.stored(answer.reservation_id()).await
    }

    /// What the first who asks for the outcome of a booking that was made with [`World::booked`] is told.
    pub(crate) async fn answer_of(&self, row: &Reservation) -> Answer {
        let quote = Quote {
            quote_id: row.quote_id,
            hotel_id: row.hotel_id,
            room_type_id: Some(row.room_type_id),
            rate_plan_id: Some(row.rate_plan_id),
            ..quote()
        };
        self.book(&row.quote_id.to_string(), &self.body(&quote, "pm_ok"), 0)
            .await
    }

    pub(crate) async fn stored(&self, reservation_id: ReservationId) -> Reservation {
        let mut db = self.pool.acquire().await.unwrap();
        let found = read::by_ids(&mut db, &[reservation_id]).await;
        found.unwrap().remove(0)
    }

    /// Runs SQL that only tests need.
    pub(crate) async fn sql(&self, sql: String) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// Claims the keys of all bookings in their former table too, as an earlier release did.
    pub(crate) async fn claimed_by_an_earlier_release(&self) {
        let claims = "insert into reservation.idempotency_key \
                 (client, route, key, fingerprint, hotel_id, reservation_id, claimed_at) \
             select client, 'POST /v1/reservations', key, fingerprint, hotel_id, reservation_id, now() \
             from reservation.reservation";
        self.sql(claims.to_owned()).await;
    }

    /// How many rows the query finds.
    pub(crate) async fn count(&self, from: &str) -> i64 {
        let sql = format!("select count(*) as n from reservation.{from}");
        let row = sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .fetch_one(&self.pool)
            .await
            .unwrap();
        row.get("n")
    }

    /// The message of a type about something, which the outbox has once.
    pub(crate) async fn payload(&self, kind: &str, about: &str) -> Value {
        let sql = format!(
            "select payload from reservation.outbox where type = '{kind}' and aggregateid = '{about}'"
        );
        let row = sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .fetch_one(&self.pool)
            .await
            .unwrap();
        row.get("payload")
    }

    /// Types of the messages in the outbox, in their order.
    pub(crate) async fn said(&self) -> Vec<String> {
        let sql = "select type from reservation.outbox order by id";
        let rows = sqlx::raw_sql(sql).fetch_all(&self.pool).await.unwrap();
        rows.iter().map(|row| row.get("type")).collect()
    }
}

/// Waits until the condition holds, at most ten seconds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..1_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited in vain: {what}");
}

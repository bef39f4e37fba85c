//! Driving the platform: events in their order, so many at once, each guest's cancellation after their
//! own booking.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use contract::{Money, StayDate};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::{Mutex, Semaphore, oneshot};
use tokio::task::JoinSet;

use super::file::{Booking, Row};
use super::journal::Scribe;
use super::plan::{Plan, dates};
use super::setup::Resort;
use crate::client::Answer;

/// How long an outcome is waited for, in seconds.
const OUTCOME_SECONDS_MAX: u64 = 180;
/// Bounded wait that each request asks the platform for, in seconds.
const WAIT: &str = "wait=30";

/// How one row ended.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    Booked {
        charged: Money,
        cancelled: Option<Cancelled>,
    },
    Refused {
        code: String,
        detail: String,
    },
}

/// What a cancellation gave back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cancelled {
    pub(crate) refunded: Money,
}

/// Everything that happened.
#[derive(Debug)]
pub(crate) struct Driven {
    pub(crate) hotel_id: String,
    pub(crate) ended: Vec<Fate>,
    /// Time from the first request for a quote to the outcome, for each row that was sent.
    pub(crate) latencies: Vec<Duration>,
    pub(crate) took: Duration,
    /// Most rooms of each room type that were sold at once, with the night.
    pub(crate) peaks: BTreeMap<String, (u32, StayDate)>,
}

/// Sends bookings and cancellations.
#[derive(Clone)]
pub(crate) struct Driver {
    client: Scribe,
    hotel: Arc<Resort>,
    manner: Arc<Manner>,
}

/// How the guests behave.
pub(crate) struct Manner {
    pub(crate) payment_method: String,
    /// Bookings and cancellations on their way at once.
    pub(crate) concurrency: usize,
    /// Whether they look at the availability before and after they book.
    pub(crate) look: bool,
}

/// The confirmed reservation that a cancellation waits for; none when the booking was refused.
type Confirmed = Option<String>;

#[derive(Default)]
struct Log {
    ended: BTreeMap<usize, Fate>,
    latencies: Vec<Duration>,
    sold: BTreeMap<(String, StayDate), u32>,
    peaks: BTreeMap<String, (u32, StayDate)>,
}

impl Driver {
    pub(crate) fn new(client: Scribe, hotel: Resort, manner: Manner) -> Self {
        Self {
            client,
            hotel: Arc::new(hotel),
            manner: Arc::new(manner),
        }
    }

    /// Runs the whole plan.
    pub(crate) async fn run(self, rows: &[Row], plan: &Plan) -> anyhow::Result<Driven> {
        let log = Arc::new(Mutex::new(Log::default()));
        for (at, row) in rows.iter().enumerate() {
            if let Err(why) = &row.booking {
                let refused = Fate::Refused {
                    code: "unreadable_row".to_owned(),
                    detail: why.clone(),
                };
                log.lock().await.ended.insert(at, refused);
            }
        }
        let began = Instant::now();
        self.events(rows, plan, &log).await?;
        let took = began.elapsed();
        let log = Arc::into_inner(log)
            .context("a booking is still running")?
            .into_inner();
        Ok(Driven {
            hotel_id: self.hotel.hotel_id.to_string(),
            ended: log.ended.into_values().collect(),
            latencies: log.latencies,
            took,
            peaks: log.peaks,
        })
    }

    async fn events(&self, rows: &[Row], plan: &Plan, log: &Arc<Mutex<Log>>) -> anyhow::Result<()> {
        let places = Arc::new(Semaphore::new(self.manner.concurrency));
        let bar = progress(plan.events.len());
        let mut bookings: BTreeMap<usize, oneshot::Receiver<Confirmed>> = BTreeMap::new();
        let mut tasks: JoinSet<anyhow::Result<()>> = JoinSet::new();
        for event in &plan.events {
            let Some(Ok(booking)) = rows.get(event.row).map(|row| row.booking.clone()) else {
                continue;
            };
            let place = Arc::clone(&places).acquire_owned().await?;
            let (driver, log, bar, row, shift) = (
                self.clone(),
                Arc::clone(log),
                bar.clone(),
                event.row,
                plan.shift_weeks,
            );
            if event.cancels {
                let confirmed = bookings.remove(&row);
                tasks.spawn(async move {
                    // The booking was taken up earlier, so it never waits for this place.
                    if let Some(confirmed) = confirmed
                        && let Ok(Some(reservation)) = confirmed.await
                    {
                        driver.cancel(row, &booking, shift, &reservation, &log).await?;
                    }
                    bar.inc(1);
                    drop(place);
                    Ok(())
                });
            } else {
                let (tell, confirmed) = oneshot::channel();
                bookings.insert(row, confirmed);
                tasks.spawn(async move {
                    let reservation = driver.book(row, &booking, shift, &log).await?;
                    let _ = tell.send(reservation);
                    bar.inc(1);
                    drop(place);
                    Ok(())
                });
            }
            while let Some(done) = tasks.try_join_next() {
                done??;
            }
        }
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        bar.finish_and_clear();
        Ok(())
    }

    async fn book(
        &self,
        row: usize,
        booking: &Booking,
        shift: i64,
        log: &Mutex<Log>,
    ) -> anyhow::Result<Confirmed> {
        if self.manner.look {
            self.look(booking, shift, "availability").await?;
        }
        let began = Instant::now();
        let outcome = self.outcome(row, booking, shift).await?;
        let took = began.elapsed();
        if self.manner.look {
            self.look(booking, shift, "calendar").await?;
        }
        let mut log = log.lock().await;
        log.latencies.push(took);
        if !outcome.status.is_success() {
            let detail = outcome.text("/detail").unwrap_or_default().to_owned();
            log.ended.insert(
                row,
                Fate::Refused {
                    code: outcome.code(),
                    detail,
                },
            );
            return Ok(None);
        }
        let charged = serde_json::from_value(outcome.body["total"].clone()).context("no total")?;
        log.ended.insert(
            row,
            Fate::Booked {
                charged,
                cancelled: None,
            },
        );
        log.count(booking, shift, true)?;
        Ok(outcome.text("/reservation_id").map(str::to_owned))
    }

    /// Quote, reservation, outcome: the answer that says how it ended.
    async fn outcome(&self, row: usize, booking: &Booking, shift: i64) -> anyhow::Result<Answer> {
        let (check_in, check_out) = dates(booking, shift)?;
        let party = json!({"adults": booking.adults, "children": booking.children});
        let quote = json!({
            "hotel_id": self.hotel.hotel_id,
            "room_type_id": self.hotel.room_types.get(&booking.room_type),
            "rate_plan_id": self.hotel.rate_plans.get(&booking.deposit),
            "check_in": check_in,
            "check_out": check_out,
            "rooms": 1,
            "party": party,
        });
        let quoted = self
            .client
            .send(Method::POST, "/v1/quotes", Some(&quote), &[])
            .await?;
        if !quoted.status.is_success() {
            return Ok(quoted);
        }
        let key = quoted
            .text("/quote_id")
            .context("the quote has no id")?
            .to_owned();
        let reservation = json!({
            "quote_token": quoted.body["quote_token"],
            "guest": {"name": format!("Guest {row}"), "email": format!("guest-{row}@replay.example")},
            "party": party,
            "payment_method": self.manner.payment_method,
        });
        let headers = [("idempotency-key", key.as_str()), ("prefer", WAIT)];
        let answer = self
            .client
            .send(Method::POST, "/v1/reservations", Some(&reservation), &headers)
            .await?;
        self.settled(answer, &["pending"]).await
    }

    /// Asks what is left, as a guest would; what is answered decides nothing.
    async fn look(&self, booking: &Booking, shift: i64, page: &str) -> anyhow::Result<()> {
        let Some(room_type) = self.hotel.room_types.get(&booking.room_type) else {
            return Ok(());
        };
        let (from, to) = dates(booking, shift)?;
        let question = match page {
            "calendar" => format!("room_type_id={room_type}&from={from}&to={to}"),
            _ => format!(
                "check_in={from}&check_out={to}&adults={}&children={}",
                booking.adults, booking.children
            ),
        };
        let path = format!("/v1/hotels/{}/{page}?{question}", self.hotel.hotel_id);
        self.client.send(Method::GET, &path, None, &[]).await?;
        Ok(())
    }

    async fn cancel(
        &self,
        row: usize,
        booking: &Booking,
        shift: i64,
        reservation: &str,
        log: &Mutex<Log>,
    ) -> anyhow::Result<()> {
        let path = format!("/v1/reservations/{reservation}/cancellation");
        // From now on its rooms may be sold again, before the answer is read here.
        log.lock().await.count(booking, shift, false)?;
        let answer = self
            .client
            .send(Method::POST, &path, None, &[("prefer", WAIT)])
            .await?;
        let answer = self.settled(answer, &["cancelling", "confirmed"]).await?;
        let body: Value = answer
            .served()
            .with_context(|| format!("cancelling {reservation}"))?;
        let refunded = serde_json::from_value(body["refund"].clone()).context("no refund in the answer")?;
        if let Some(Fate::Booked { cancelled, .. }) = log.lock().await.ended.get_mut(&row) {
            *cancelled = Some(Cancelled { refunded });
        }
        Ok(())
    }

    /// Asks for the reservation while it is in one of the `open` states; a rejected one becomes a
    /// refusal with its code.
    async fn settled(&self, mut answer: Answer, open: &[&str]) -> anyhow::Result<Answer> {
        let began = Instant::now();
        while answer.text("/state").is_some_and(|state| open.contains(&state)) {
            let id = answer
                .text("/reservation_id")
                .context("the reservation has no id")?
                .to_owned();
            anyhow::ensure!(
                began.elapsed().as_secs() < OUTCOME_SECONDS_MAX,
                "reservation {id} does not end"
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
            let path = format!("/v1/reservations/{id}");
            answer = self.client.send(Method::GET, &path, None, &[]).await?;
        }
        if answer.text("/state") == Some("rejected") {
            let body =
                json!({"code": answer.body["refusal"]["code"], "detail": answer.body["refusal"]["message"]});
            return Ok(Answer {
                status: StatusCode::CONFLICT,
                body,
            });
        }
        Ok(answer)
    }
}

impl Log {
    fn count(&mut self, booking: &Booking, shift: i64, sold: bool) -> anyhow::Result<()> {
        for night in super::plan::stay(booking, shift)?.nights() {
            let rooms = self.sold.entry((booking.room_type.clone(), night)).or_default();
            *rooms = if sold { *rooms + 1 } else { rooms.saturating_sub(1) };
            let peak = self.peaks.entry(booking.room_type.clone()).or_insert((0, night));
            if *rooms > peak.0 {
                *peak = (*rooms, night);
            }
        }
        Ok(())
    }
}

fn progress(events: usize) -> ProgressBar {
    let bar = ProgressBar::new(events as u64);
    let template = "{bar:40} {pos}/{len} bookings and cancellations, {per_sec}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

//! `bellhop seed`: example hotels with rooms and prices for every night of the booking window, made
//! through the public interface, ready to be tried.

use std::process::ExitCode;

use clap::Args;
use contract::{Currency, Money, StayDate};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Client, ClientConfig};
use crate::say;

mod shapes;

/// Nights in one request at most.
const NIGHTS_PER_REQUEST: u32 = 300;

/// Settings of `bellhop seed`.
#[derive(Args, Debug)]
pub struct Seed {
    /// Hotels to create.
    #[arg(long, default_value_t = 1)]
    hotels: u32,
    /// Nights on sale, from today.
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=730))]
    nights: u32,
    /// Rooms of each room type.
    #[arg(long, default_value_t = 20)]
    rooms: u32,
    /// Hotels of every shape instead: from none to three room types, from none to two rate plans, with nights and prices
    /// or without, in zones around the earth. For trying what has to bear all of them.
    #[arg(long)]
    any_shape: bool,
    #[command(flatten)]
    client: ClientConfig,
}

/// A hotel that was created.
#[derive(Debug)]
struct Made {
    hotel: String,
    room_type: String,
    rate_plan: String,
}

const ROOM_TYPES: [(&str, &str, u16, u16, i64); 2] = [
    ("Double with sea view", "double", 2, 1, 12_900),
    ("Family suite", "queen", 3, 3, 21_900),
];

impl Seed {
    /// Creates the hotels and prints a booking to try.
    ///
    /// # Errors
    /// When the platform cannot be reached or refuses.
    pub async fn execute(self) -> anyhow::Result<ExitCode> {
        let client = Client::new(&self.client)?;
        let bar = ProgressBar::new(u64::from(self.hotels)).with_style(ProgressStyle::with_template(
            "{bar:40} {pos}/{len} hotels, {eta} left",
        )?);
        let from = today()?;
        if self.any_shape {
            return shapes::create(&client, self.hotels, from, &bar).await;
        }
        let mut last = None;
        for number in 1..=self.hotels {
            last = Some(self.hotel(&client, number, from).await?);
            bar.inc(1);
        }
        bar.finish_and_clear();
        say::line(format!(
            "created {} hotels with {} nights on sale from {from}",
            self.hotels, self.nights
        ));
        if let Some(made) = last {
            self.say_how_to_book(&made, from);
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn hotel(&self, client: &Client, number: u32, from: StayDate) -> anyhow::Result<Made> {
        let body = json!({
            "name": format!("Hotel Bellhop {number}"),
            "address": "Largo do Chiado 1, 1200-108 Lisboa, Portugal",
            "time_zone": "Europe/Lisbon",
            "currency": "EUR",
            "description": "A house on the hill above the river.",
            "taxes": [{"name": "VAT", "percent": "6.00"}],
        });
        let hotel = text(
            &client.write(Method::POST, "/v1/hotels", &body).await?,
            "hotel_id",
        )?;
        let flexible = json!({
            "name": "Flexible",
            "cancellation_policy": {"free_until_days_before": 3, "penalty": {"kind": "first_night"}},
        });
        let saver = json!({"name": "Non-refundable", "cancellation_policy": {"penalty": {"kind": "full"}}});
        let path = format!("/v1/hotels/{hotel}/rate-plans");
        let rate_plan = text(
            &client.write(Method::POST, &path, &flexible).await?,
            "rate_plan_id",
        )?;
        let saver = text(&client.write(Method::POST, &path, &saver).await?, "rate_plan_id")?;
        let mut first = None;
        for (name, bed, adults, children, cents) in ROOM_TYPES {
            let body = json!({
                "name": name, "beds": [bed], "adults_max": adults, "children_max": children,
                "amenities": ["wifi", "breakfast"],
            });
            let path = format!("/v1/hotels/{hotel}/room-types");
            let room_type = text(&client.write(Method::POST, &path, &body).await?, "room_type_id")?;
            self.nights(
                client,
                &hotel,
                &room_type,
                &[(&rate_plan, cents), (&saver, cents * 9 / 10)],
                from,
            )
            .await?;
            first.get_or_insert(room_type);
        }
        Ok(Made {
            hotel,
            room_type: first.unwrap_or_default(),
            rate_plan,
        })
    }

    async fn nights(
        &self,
        client: &Client,
        hotel: &str,
        room_type: &str,
        plans: &[(&String, i64)],
        from: StayDate,
    ) -> anyhow::Result<()> {
        let euro: Currency = "EUR".parse()?;
        let mut done = 0;
        while done < self.nights {
            let count = (self.nights - done).min(NIGHTS_PER_REQUEST);
            let (start, end) = (from.plus_days(done), from.plus_days(done + count));
            let path = format!("/v1/hotels/{hotel}/room-types/{room_type}/inventory");
            let body = json!({"from": start, "to": end, "total": self.rooms});
            client.write::<Value>(Method::PUT, &path, &body).await?;
            for (rate_plan, cents) in plans {
                let price = Money::from_minor(*cents, euro)?;
                let night = |offset| json!({"night": start.plus_days(offset), "price": price});
                let nights: Vec<Value> = (0..count).map(night).collect();
                let body = json!({"room_type_id": room_type, "rate_plan_id": rate_plan, "nights": nights});
                client
                    .write::<Value>(Method::PUT, &format!("/v1/hotels/{hotel}/prices"), &body)
                    .await?;
            }
            done += count;
        }
        Ok(())
    }

    fn say_how_to_book(&self, made: &Made, from: StayDate) {
        let (check_in, check_out) = (
            from.plus_days(self.nights / 2),
            from.plus_days(self.nights / 2 + 2),
        );
        let url = self.client.url.trim_end_matches('/');
        say::line(format!("hotel_id     {}", made.hotel));
        say::line(format!("room_type_id {}", made.room_type));
        say::line(format!("rate_plan_id {}", made.rate_plan));
        say::line("try: a quote, then the booking of its token");
        say::line(format!(
            "curl -s {url}/v1/quotes -H 'content-type: application/json' -d '{{\"hotel_id\":\"{}\",\
             \"room_type_id\":\"{}\",\"rate_plan_id\":\"{}\",\"check_in\":\"{check_in}\",\
             \"check_out\":\"{check_out}\",\"rooms\":1,\"party\":{{\"adults\":2}}}}'",
            made.hotel, made.room_type, made.rate_plan
        ));
    }
}

/// Today in UTC: a night that every hotel still sells, give or take its zone.
#[expect(clippy::disallowed_methods, reason = "a command run by a person, now")]
pub(crate) fn today() -> anyhow::Result<StayDate> {
    Ok(StayDate::from_date(chrono::Utc::now().date_naive())?)
}

fn text(body: &Value, field: &str) -> anyhow::Result<String> {
    let text = body.get(field).and_then(Value::as_str).map(str::to_owned);
    text.ok_or_else(|| anyhow::anyhow!("the platform's answer has no {field}"))
}

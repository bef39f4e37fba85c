//! `POST /v1/reservations`: book what was quoted.

use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use contract::quote::{Party, Quote};
use contract::{ReservationId, SagaId};
use platform::Broken;
use platform::grouped::Settle as _;
use platform::http::{Caller, Problem, ProblemBody, idempotency_key, prefer_wait};
use platform::token::TokenError;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::body::CardFreeJson;
use super::view::{self, ReservationBody};
use crate::App;
use crate::answers::{Answers, Due};
use crate::booking::{Created, Creation, Known, Order, shed};
use crate::model::{self, Guest, PaymentMethod, Terms};
use crate::store::keys::{self, Key, Stored};
use crate::waiting::Watch;

/// The route, as part of the scope of its keys.
const ROUTE: &str = "POST /v1/reservations";

/// A stay to book.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({
    "quote_token": "the quote_token of POST /v1/quotes",
    "guest": {"name": "Ana Sousa", "email": "ana@example.com", "phone": "+351 21 123 4567"},
    "party": {"adults": 2, "children": 0},
    "payment_method": "pm_ok"
})))]
pub(super) struct NewReservation {
    /// From `POST /v1/quotes`; what is booked and charged is what was quoted.
    #[schema(max_length = 16384)]
    quote_token: String,
    #[schema(value_type = NewGuest)]
    guest: Guest,
    /// The party that was quoted.
    party: Party,
    /// The payment provider's token for the guest's payment method. Card data are refused.
    #[schema(value_type = String, pattern = "^pm_[a-z0-9_]{1,60}$", example = "pm_ok")]
    payment_method: PaymentMethod,
}

/// Who books.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "documents the body; read as crate::model::Guest")]
pub(super) struct NewGuest {
    #[schema(example = "Ana Sousa")]
    name: contract::Text<200>,
    /// By which the guest is known; kept in lower case.
    #[schema(format = "email", max_length = 254, example = "ana@example.com")]
    email: String,
    #[schema(max_length = 32, example = "+351 21 123 4567")]
    phone: Option<String>,
}

/// Book a stay
///
/// The answer comes at once (202), or with `Prefer: wait=N` when the outcome is known, after at most N
/// seconds: 201 when it is confirmed, the reason when it is refused. A repeat with the same key and the same
/// body is answered with the same bytes and the header `Idempotent-Replayed: true`.
#[utoipa::path(
    post, path = "/v1/reservations", tag = "Reservations", request_body = NewReservation,
    params(
        ("Idempotency-Key" = String, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$", description = "1 to 255 visible ASCII characters; the quote_id may serve. A repeat with the same key is the same booking.", example = "booking-1"),
        ("Prefer" = Option<String>, Header, description = "`wait=N` waits up to N seconds (at most 30) for the outcome.", example = "wait=10"),
    ),
    responses(
        (status = 201, description = "Confirmed: rooms are sold and paid for", body = ReservationBody),
        (status = 202, description = "Taken; ask the Location for the outcome", body = ReservationBody),
        (status = 400, description = "`idempotency_key_missing`, `idempotency_key_invalid`, `malformed_json`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 402, description = "`payment_declined`, `capture_declined`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`sold_out` (with the night), `closed`, `stay_in_past`, `unknown_room_type`, `rooms_out_of_range`, `hold_expired`, `hold_released`, `payment_unavailable`, `payment_voided`, `timed_out`: the booking is refused, and another try needs another key; `quote_expired`; `request_in_progress` (with Retry-After)", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`invalid_field`, `invalid_quote`, `party_differs`, `card_data_refused`, `idempotency_key_reused`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`: too many bookings wait for their outcome, or the platform is hurt and the booking may have been taken; send the same request again with the same key, Retry-After seconds later", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create_reservation(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    CardFreeJson(body): CardFreeJson<NewReservation>,
) -> Result<Response, Problem> {
    let key = Key {
        client: caller.client,
        route: ROUTE,
        text: idempotency_key(&headers)?,
    };
    let fingerprint = fingerprint(&body);
    let order = match check(&app, body) {
        Ok(order) => order,
        // A repeat is answered as it was, even when the quote has expired meanwhile.
        Err(problem) => return app.replay(key, fingerprint).await?.ok_or(problem),
    };
    let wait = prefer_wait(&headers);
    let creation = Creation {
        key: key.clone(),
        fingerprint,
        order,
        reservation_id: ReservationId::new(),
        saga_id: SagaId::new(),
        wait,
    };
    let due = Due {
        key,
        reservation_id: creation.reservation_id,
    };
    // Watched from before the commit, so that no outcome is too early to be seen.
    let watch = wait.map(|limit| (limit, app.waiting.watch(due.reservation_id)));
    // The answer is given even when the caller has gone away: a repeat will ask for it.
    let answering = app.clone();
    let work = app
        .tasks
        .spawn_work(async move { answering.create(creation, due, watch).await });
    work.await.map_err(Broken::from)?
}

impl App {
    async fn create(
        self,
        creation: Creation,
        due: Due,
        watch: Option<(Duration, Watch)>,
    ) -> Result<Response, Problem> {
        let created = self.bookings.ask(creation).await.map_err(|_| {
            shed(1);
            busy()
        })??;
        match (created, watch) {
            (Created::Accepted(answer), _) => Ok(view::send(answer, false)),
            (Created::Waiting, watch) => {
                if let Some((limit, mut watch)) = watch {
                    let settled = |state| state != model::State::Pending;
                    watch.until(&self.tasks, limit, settled).await;
                }
                Ok(view::send(self.answer(due).await?, false))
            }
            (Created::Known(known), _) => self.known(due.key, known).await,
            (Created::Full, _) => Err(busy()),
        }
    }

    /// Answers a repeat of an earlier request, if there was one.
    async fn replay(&self, key: Key, fingerprint: [u8; 32]) -> Result<Option<Response>, Problem> {
        let mut db = platform::db::lease(&self.pool).await.map_err(Broken::from)?;
        let claimed = keys::find(&mut db, &[&key]).await?.remove(&0);
        drop(db);
        match claimed {
            Some(claimed) => {
                let known = Known::of(&claimed, &fingerprint);
                self.known(key, known).await.map(Some)
            }
            None => Ok(None),
        }
    }

    /// Keeps and answers how the reservation stands. A process that stops has no more groups, and lets
    /// nobody wait in vain all the same.
    async fn answer(&self, due: Due) -> Result<Stored, Problem> {
        if let Ok(answer) = self.answers.ask(due.clone()).await {
            return answer;
        }
        let pool = self.pool.clone();
        let alone = Answers { pool }.settle(vec![due]).await.pop();
        alone.unwrap_or_else(|| {
            let detail = "The booking was taken; ask for its outcome with the same Idempotency-Key.";
            Err(Problem::unavailable(detail, 1))
        })
    }

    async fn known(&self, key: Key, known: Known) -> Result<Response, Problem> {
        match known {
            Known::Answered(answer) => Ok(view::send(answer, true)),
            Known::Unanswered(reservation_id) => {
                let due = Due { key, reservation_id };
                Ok(view::send(self.answer(due).await?, true))
            }
            Known::InProgress => {
                let detail = "The first request with this Idempotency-Key is still waiting for its outcome.";
                let status = axum::http::StatusCode::CONFLICT;
                Err(Problem::new(status, "request_in_progress", detail).retry_after(1))
            }
            Known::Reused => {
                let detail = "This Idempotency-Key belongs to another request. A new request needs a new key; \
                              a repeat must have the same body.";
                Err(Problem::invalid(
                    "idempotency_key_reused",
                    "Idempotency-Key",
                    detail,
                ))
            }
        }
    }
}

/// SHA-256 of the request in one canonical form: white space and the order of fields do not count.
fn fingerprint(body: &NewReservation) -> [u8; 32] {
    Sha256::digest(serde_json::to_vec(body).unwrap_or_default()).into()
}

fn check(app: &App, body: NewReservation) -> Result<Order, Problem> {
    let quote = quoted(app, &body.quote_token)?;
    if body.party != quote.party {
        let detail = "The party differs from the one that was quoted; ask for a new quote.";
        return Err(Problem::invalid("party_differs", "/party", detail));
    }
    let terms =
        Terms::of(&quote).map_err(|error| invalid_quote(&format!("The quote is not usable: {error}.")))?;
    Ok(Order {
        quote,
        terms,
        guest: body.guest,
        payment_method: body.payment_method,
    })
}

fn quoted(app: &App, token: &str) -> Result<Quote, Problem> {
    let quote: Quote = app.tokens.verify(token, app.clock.now()).map_err(|error| match error {
        TokenError::Expired => {
            let detail = "The quote has expired and its price with it. Ask for a new one by POST /v1/quotes \
                          and book that.";
            Problem::new(axum::http::StatusCode::CONFLICT, "quote_expired", detail).at("/quote_token")
        }
        TokenError::Invalid | TokenError::WeakSecret => {
            invalid_quote("The quote token is not one that POST /v1/quotes gave out, or was changed.")
        }
    })?;
    Ok(quote)
}

fn invalid_quote(detail: &str) -> Problem {
    Problem::invalid("invalid_quote", "/quote_token", detail)
}

fn busy() -> Problem {
    Problem::unavailable(
        "Too many bookings wait for their outcome; try again with the same Idempotency-Key.",
        1,
    )
}

#[cfg(test)]
#[path = "create_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "create_waiting_tests.rs"]
mod waiting_tests;

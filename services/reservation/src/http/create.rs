//! `POST /v1/reservations`: book what was quoted.

use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use contract::quote::{Party, Quote};
use contract::refusal::Code;
use contract::{HotelId, QuoteId, Refusal, ReservationId, SagaId, Why};
use platform::access::Allowed;
use platform::grouped::Settle as _;
use platform::http::{Common, Key, Keyed, KeyedRequest, Prefer, Problem, Stored, reused};
use platform::token::Tokens;
use platform::{Broken, Envelope, problems};
use rules::{Ask, Field};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::GuestsJson;
use crate::answers::{Answers, Unanswered};
use crate::booking::{Created, Creation, Known, Order, shed};
use crate::fingerprint::Fingerprint;
use crate::model::{self, Guest, PaymentMethod, Terms};
use crate::store::asked::{self, ACCEPTED, Asked};
use crate::view::{self, ReservationBody};
use crate::waiting::Watch;
use crate::{App, link};

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

problems!(Problems:
    Common::IdempotencyKeyMissing, Common::IdempotencyKeyInvalid, Code::PaymentDeclined,
    Code::CaptureDeclined, Code::SoldOut, Code::Closed, Code::StayInPast, Code::UnknownRoomType,
    Code::RoomsOutOfRange, Code::HoldExpired, Code::HoldReleased, Code::PaymentUnavailable,
    Code::PaymentVoided, Code::TimedOut, Code::QuoteExpired, Code::QuoteUsed, Code::InvalidQuote,
    Code::PartyTooSmall, Code::PartyDiffers, Common::IdempotencyKeyReused,
);

/// Book a stay
///
/// The answer comes at once (202), or with `Prefer: wait=N` when the outcome is known, after at most N
/// seconds: 201 when it is confirmed, the reason when it is refused. A repeat with the same key and the same
/// body, marked `Idempotent-Replayed: true`, is told how the booking stands: 202 while it is pending (it may
/// wait, too), then the outcome, in the same bytes from then on.
///
/// 201 and 202 have `guest_link`: the token with which the guest, and nobody who knows just the id, sees and cancels the
/// booking. It is made for each answer and kept in none. It ends thirty days after the check-out, or when the
/// booking's links are withdrawn; `POST /v1/reservations/look-up` gives another.
///
/// A quote is an order form for one booking. Under another key it is refused with `quote_used` and the path of
/// its booking, unless that was rejected: also when the booking is pending still, was cancelled, or the quote has
/// expired. What is wrong with a request is said in this order: headers and body, the key (`idempotency_key_reused`,
/// or what the first request was told), the quote (`invalid_quote`, `party_too_small`, `party_differs`, `quote_used`,
/// `quote_expired`), and whether there is a place for it (503). A refused request claims no key.
///
/// A key is yours at one hotel. From the next release on the same key with a quote of another hotel is another booking;
/// until then it is refused with `idempotency_key_reused`.
#[utoipa::path(
    post, path = "/v1/reservations", tag = "Reservations", request_body = NewReservation,
    params(
        ("Idempotency-Key" = String, Header, min_length = 1, max_length = 255, pattern = "^[!#-~][!-~]*$", description = "1 to 255 visible ASCII characters, the same with and without quotation marks around them; the quote_id may serve. A repeat with the same key is the same booking.", example = "booking-1"),
        ("Prefer" = Option<String>, Header, description = "`wait=N` waits up to N seconds (at most 30) for the outcome; `Preference-Applied` says how long (RFC 7240).", example = "wait=10"),
    ),
    responses(
        (status = 201, description = "Confirmed: rooms are sold and paid for", body = ReservationBody,
            headers(
                ("Location" = String, description = "The path of the reservation."),
                ("Preference-Applied" = Option<String>, description = "How long was waited, where `Prefer` asked for it."),
            )),
        (status = 202, description = "Taken; ask the Location for the outcome", body = ReservationBody,
            headers(
                ("Location" = String, description = "The path of the reservation."),
                ("Preference-Applied" = Option<String>, description = "How long was waited, where `Prefer` asked for it."),
            )),
        Problems,
    )
)]
pub(super) async fn create_reservation(
    allowed: Allowed<super::CreateReservation>,
    State(app): State<App>,
    keyed: Keyed,
    headers: HeaderMap,
    GuestsJson(body): GuestsJson<NewReservation>,
) -> Result<Response, Problem> {
    let KeyedRequest { key, fingerprint } = keyed.required(&body)?;
    let fingerprint = app.fingerprints.of(fingerprint);
    let prefer = Prefer::of(&headers);
    let said = Tokens::says(&body.quote_token).map(|said: AtHotel| said.hotel_id);
    let order = match check(&app, body) {
        Ok(order) => order,
        Err(unfit) => {
            let request = (key, fingerprint);
            let answer = app.refuse(request, said, prefer.wait, unfit).await?;
            return Ok(prefer.applied(answer));
        }
    };
    let hotel_id = order.quote.hotel_id;
    let creation = Creation {
        guest_id: app.guest_ids.of(&order.guest.email),
        key,
        fingerprint,
        order,
        reservation_id: ReservationId::of(hotel_id),
        saga_id: SagaId::of(hotel_id),
        envelope: Envelope::of_request(&headers).by(allowed.actor.named()),
        waits: prefer.wait.is_some(),
    };
    // The answer is given even when the caller has gone away: a repeat will ask for it.
    let answering = app.clone();
    let work = app
        .tasks
        .spawn_work(async move { answering.create(creation, prefer.wait).await });
    let answer = work.await.map_err(Broken::from)??;
    Ok(prefer.applied(answer))
}

impl App {
    async fn create(self, creation: Creation, wait: Option<Duration>) -> Result<Response, Problem> {
        let unanswered = Unanswered {
            key: creation.key.clone(),
            hotel_id: Some(creation.order.quote.hotel_id),
            reservation_id: creation.reservation_id,
        };
        // Watched from before the commit, so that no outcome is too early to be seen.
        let watch = wait.map(|limit| (limit, self.waiting.watch(unanswered.reservation_id)));
        let created = self.bookings.ask(creation).await.map_err(|_| {
            shed(1);
            busy()
        })??;
        match created {
            Created::Taken(Some(shown)) => Ok(link::given(&self.links, shown).first()),
            Created::Taken(None) => {
                let handed = match watch {
                    Some(watch) => self.until_settled(watch).await,
                    None => None,
                };
                let answer = self.handed_or_kept(handed, unanswered).await?;
                Ok(link::given(&self.links, answer).first())
            }
            Created::Known(known) => self.known(unanswered.key, unanswered.hotel_id, known, wait).await,
            Created::QuoteUsed(reservation_id) => Ok(view::quote_used(reservation_id).first()),
            Created::Full => Err(busy()),
        }
    }

    async fn until_settled(&self, (limit, mut watch): (Duration, Watch)) -> Option<Stored> {
        let settled = |state| state != model::State::Pending;
        watch.until(&self.tasks, limit, settled).await
    }

    async fn handed_or_kept(
        &self,
        handed: Option<Stored>,
        unanswered: Unanswered,
    ) -> Result<Stored, Problem> {
        match handed {
            Some(answer) => Ok(answer),
            None => self.answer(unanswered).await,
        }
    }

    /// Answers a request that cannot be booked: a repeat as its first request, another with the reason. The hotel is what
    /// its token says, genuine or not: a repeat is one also when quotes are signed under another secret meanwhile, and
    /// nobody else's request has its fingerprint.
    async fn refuse(
        &self,
        (key, fingerprint): (Key, Fingerprint),
        hotel_id: Option<HotelId>,
        wait: Option<Duration>,
        unfit: Unfit,
    ) -> Result<Response, Problem> {
        let mut db = platform::db::lease(&self.pool).await.map_err(Broken::from)?;
        let asked = Asked {
            key: &key,
            hotel_id,
            quote: match &unfit {
                Unfit::Wrong(_) => None,
                Unfit::Expired(quote_id) => Some(*quote_id),
            },
            email: None,
        };
        let found = asked::look(&mut db, &[asked]).await?.found.into_iter().next();
        drop(db);
        let (claimed, used) = found.map_or((None, None), |found| (found.claimed, found.used));
        match (claimed, unfit, used) {
            (Some(claimed), ..) => {
                let known = Known::of(&claimed, &fingerprint);
                self.known(key, hotel_id, known, wait).await
            }
            (None, Unfit::Wrong(problem), _) => Err(problem),
            (None, Unfit::Expired(..), Some(reservation_id)) => Ok(view::quote_used(reservation_id).first()),
            (None, Unfit::Expired(..), None) => Err(quote_expired()),
        }
    }

    /// How the reservation stands, or its outcome. A process that stops has no more groups, and lets nobody
    /// wait in vain all the same.
    async fn answer(&self, unanswered: Unanswered) -> Result<Stored, Problem> {
        if let Ok(answer) = self.answers.ask(unanswered.clone()).await {
            return answer;
        }
        let pool = self.pool.clone();
        let alone = Answers { pool }.settle(vec![unanswered]).await.pop();
        alone.unwrap_or_else(|| {
            let detail = "The booking was taken; ask for its outcome with the same Idempotency-Key.";
            Err(Problem::unavailable(detail, 1))
        })
    }

    /// Answers a request whose key was claimed before: a repeat with the outcome, for which it may wait too.
    async fn known(
        &self,
        key: Key,
        hotel_id: Option<HotelId>,
        known: Known,
        wait: Option<Duration>,
    ) -> Result<Response, Problem> {
        let reservation_id = match known {
            Known::Told(outcome) => return Ok(link::given(&self.links, outcome).again()),
            Known::Reused => return Err(reused()),
            Known::Open(reservation_id) => reservation_id,
        };
        let unanswered = Unanswered {
            key,
            hotel_id,
            reservation_id,
        };
        let watch = wait.map(|limit| (limit, self.waiting.watch(reservation_id)));
        let mut answer = self.answer(unanswered.clone()).await?;
        if let Some(watch) = watch
            && answer.status == ACCEPTED
        {
            let handed = self.until_settled(watch).await;
            answer = self.handed_or_kept(handed, unanswered).await?;
        }
        Ok(link::given(&self.links, answer).again())
    }
}

/// Why a request cannot be booked.
enum Unfit {
    Wrong(Problem),
    /// Its quote has expired; it may have been booked before.
    Expired(QuoteId),
}

/// What is read of a token that may not be genuine.
#[derive(Deserialize)]
struct AtHotel {
    hotel_id: HotelId,
}

fn check(app: &App, body: NewReservation) -> Result<Order, Unfit> {
    let opened = app.tokens.verify_at_any_time(&body.quote_token, app.clock.now());
    let invalid = |refusal: Refusal| Unfit::Wrong(refusal.tell(Problem::refused).at("/quote_token"));
    let (quote, in_time): (Quote, bool) = opened.map_err(|_| invalid(Why::InvalidQuote.into()))?;
    Ask::new(quote.stay, quote.rooms, body.party).map_err(|blocked| {
        let field = |detail| Problem::new(Common::InvalidField, detail);
        let pointer = blocked.field().map_or("/party", Field::pointer);
        Unfit::Wrong(blocked.tell(Problem::refused, field).at(pointer))
    })?;
    if body.party != quote.party {
        return Err(Unfit::Wrong(
            Why::PartyDiffers.tell(Problem::refused).at("/party"),
        ));
    }
    let unusable = |error| Why::InvalidQuote.saying(format!("The quote is not usable: {error}."));
    let terms = Terms::of(&quote).map_err(|error| invalid(unusable(error)))?;
    if !in_time {
        return Err(Unfit::Expired(quote.quote_id));
    }
    Ok(Order {
        quote,
        terms,
        guest: body.guest,
        payment_method: body.payment_method,
    })
}

fn quote_expired() -> Problem {
    Why::QuoteExpired.tell(Problem::refused).at("/quote_token")
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
#[path = "create_apart_tests.rs"]
mod apart_tests;

#[cfg(test)]
#[path = "create_guest_tests.rs"]
mod guest_tests;

#[cfg(test)]
#[path = "create_hotel_tests.rs"]
mod hotel_tests;

#[cfg(test)]
#[path = "create_quote_tests.rs"]
mod quote_tests;

#[cfg(test)]
#[path = "create_waiting_tests.rs"]
mod waiting_tests;

//! One payment with the money that moved.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Shared;
use chrono::{DateTime, Utc};
use contract::{HotelId, Money, PaymentId, ReservationId};
use platform::access::Allowed;
use platform::http::{Common, Problem, StrictPath};
use platform::problems;
use platform::{Broken, db};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::model::{Payment, State};
use crate::store::ledger::Booked;
use crate::store::{ledger, payment};

/// A payment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Payment)]
pub(super) struct Body {
    /// The payment.
    payment_id: PaymentId,
    /// Whose money it is.
    hotel_id: HotelId,
    /// What is paid for; absent when the payment was called off before it was ever asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    reservation_id: Option<ReservationId>,
    state: State,
    /// What was agreed.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Money>,
    /// What was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    captured: Option<Money>,
    /// What of it was given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    refunded: Option<Money>,
    /// The money that moved, oldest first.
    movements: Vec<MovementBody>,
}

/// Money that moved.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Movement)]
pub(super) struct MovementBody {
    /// The movement; its transfer in the ledger has the same id.
    movement_id: Uuid,
    #[schema(value_type = MovementKind)]
    kind: String,
    /// How much, always positive.
    amount: Money,
    /// When it was booked.
    at: DateTime<Utc>,
}

/// Which way money moved.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "documents the words that the ledger holds")]
enum MovementKind {
    /// From the guest.
    Capture,
    /// To the guest.
    Refund,
}

impl Body {
    fn of(payment: &Payment, movements: Vec<Booked>) -> Self {
        let terms = payment.terms.as_ref();
        let amount = terms.map(|terms| terms.amount);
        let money = |minor| amount.and_then(|amount| Money::from_minor(minor, amount.currency()).ok());
        Self {
            payment_id: payment.payment_id,
            hotel_id: payment.hotel_id,
            reservation_id: terms.map(|terms| terms.reservation_id),
            state: payment.state,
            amount,
            captured: money(payment.captured_minor),
            refunded: money(payment.refunded_minor),
            movements: movements
                .into_iter()
                .map(|booked| MovementBody {
                    movement_id: booked.movement_id,
                    kind: booked.kind,
                    amount: booked.amount,
                    at: booked.at,
                })
                .collect(),
        }
    }
}

problems!(Problems: Common::NotFound);

/// Look a payment up
#[utoipa::path(
    get, path = "/v1/payments/{payment_id}", tag = "Payments",
    params(("payment_id" = PaymentId, Path, description = "The payment_id of the reservation")),
    responses(
        (status = 200, description = "The payment with the money that moved", body = Body),
        Problems,
    )
)]
pub(super) async fn get_payment(
    allowed: Allowed<super::GetPayment>,
    Shared(state): Shared<Arc<super::State>>,
    StrictPath(payment_id): StrictPath<PaymentId>,
) -> Result<Json<Body>, Problem> {
    let found = db::unit_of_work::<_, Broken, _>(&state.pool, move |db| {
        Box::pin(async move {
            let Some(payment) = payment::by_id(db, &allowed.sees, payment_id).await? else {
                return Ok(None);
            };
            let movements = ledger::of_payment(db, payment.hotel_id, payment_id).await?;
            Ok(Some((payment, movements)))
        })
    })
    .await?;
    let (payment, movements) = found.ok_or_else(|| Problem::not_found("payment").at("payment_id"))?;
    Ok(Json(Body::of(&payment, movements)))
}

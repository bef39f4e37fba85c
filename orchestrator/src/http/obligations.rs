//! `GET /v1/obligations` and `GET /v1/obligations/{saga_id}/{seq}`: what is owed because of runs.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Shared;
use contract::{HotelId, SagaId};
use platform::access::Allowed;
use platform::http::{Common, Cursor, PageLimit, Problem, StrictPath, StrictQuery};
use platform::{Broken, db, problems};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Inspection;
use super::obligation::ListedBody;
use crate::sagas::DebtKind;
use crate::store::{self, ListedRow, OpenMoney, OwedFilter, Place};

/// Whether somebody still has to see to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ObligationState)]
enum Standing {
    /// It is owed.
    Open,
    /// It was settled.
    Closed,
}

/// Which obligations.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Query {
    /// Only those that are `open`, or only those that are `closed`.
    #[param(example = "open")]
    state: Option<Standing>,
    /// Only `rooms`, `money`, or word to the `guest`.
    what: Option<DebtKind>,
    /// Only those of this hotel.
    hotel_id: Option<HotelId>,
    /// Only those of this run.
    saga_id: Option<SagaId>,
    /// How many at most, 1 to 200.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, example = 50)]
    limit: PageLimit,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of obligations.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ObligationPage)]
pub(super) struct Page {
    items: Vec<ListedBody>,
    /// The money behind all open obligations of the hotel and the run that were asked for, in each currency.
    open_money: Vec<OpenMoneyBody>,
    /// Names the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Money that is owed, in one currency.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ObligationMoney)]
struct OpenMoneyBody {
    #[schema(example = "EUR")]
    currency: String,
    /// In minor units of the currency. Each payment counts once, however many steps are about it.
    #[schema(example = 38_700)]
    amount_minor: i64,
    /// In how many payments.
    payments: i64,
}

impl From<OpenMoney> for OpenMoneyBody {
    fn from(open: OpenMoney) -> Self {
        Self {
            currency: open.currency,
            amount_minor: open.minor,
            payments: open.payments,
        }
    }
}

problems!(Problems: Common::InvalidCursor);
problems!(Missing: Common::NotFound);

/// What is owed because of runs, the oldest first
///
/// Because a run was abandoned, or because what no participant undoes was undone by hand. Each is owed until it is closed.
#[utoipa::path(
    get, path = "/v1/obligations", tag = "Sagas", params(Query),
    responses((status = 200, description = "A page of obligations", body = Page), Problems)
)]
pub(super) async fn list_obligations(
    _: Allowed<super::ListObligations>,
    Shared(inspection): Shared<Arc<Inspection>>,
    StrictQuery(query): StrictQuery<Query>,
) -> Result<Json<Page>, Problem> {
    let limit = query.limit;
    let filter = OwedFilter {
        is_open: query.state.map(|state| state == Standing::Open),
        what: query.what.map(DebtKind::word),
        hotel_id: query.hotel_id.map(HotelId::uuid),
        saga_id: query.saga_id.map(SagaId::uuid),
        seq: None,
        after: query.cursor.as_deref().map(Cursor::read::<Place>).transpose()?,
    };
    let listed = db::unit_of_work::<_, Problem, _>(&inspection.pool, move |db| {
        Box::pin(async move {
            let rows = store::owed(db, filter, limit.rows_and_one()).await?;
            let money = store::open_money(db, filter.hotel_id, filter.saga_id).await?;
            Ok((rows, money))
        })
    });
    let (mut rows, money) = listed.await?;
    let next_cursor = limit.cut(&mut rows, place);
    Ok(Json(Page {
        items: rows.into_iter().map(ListedBody::from).collect(),
        open_money: money.into_iter().map(OpenMoneyBody::from).collect(),
        next_cursor,
    }))
}

const fn place(row: &ListedRow) -> Place {
    (row.obligation.opened_at, row.saga_id, row.obligation.seq)
}

/// One obligation
#[utoipa::path(
    get, path = "/v1/obligations/{saga_id}/{seq}", tag = "Sagas",
    params(
        ("saga_id" = SagaId, Path, description = "The run that it comes from"),
        ("seq" = u16, Path, description = "Its place among those of the run, from 1", minimum = 1),
    ),
    responses((status = 200, description = "The obligation", body = ListedBody), Missing)
)]
pub(super) async fn get_obligation(
    _: Allowed<super::GetObligation>,
    Shared(inspection): Shared<Arc<Inspection>>,
    StrictPath((saga_id, seq)): StrictPath<(SagaId, u16)>,
) -> Result<Json<ListedBody>, Problem> {
    let filter = OwedFilter {
        saga_id: Some(saga_id.uuid()),
        seq: Some(seq.into()),
        ..OwedFilter::default()
    };
    let mut db = db::lease(&inspection.pool).await.map_err(Broken::from)?;
    let found = db::patiently(store::owed(&mut db, filter, 1)).await?;
    let row = found.into_iter().next().ok_or_else(no_obligation)?;
    Ok(Json(row.into()))
}

pub(super) fn no_obligation() -> Problem {
    Problem::not_found("obligation").at("seq")
}

//! `GET /v1/obligations` and `GET /v1/obligations/{saga_id}/{seq}`: what is owed because of runs.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use axum::Json;
use axum::extract::State as Shared;
use contract::{HotelId, SagaId};
use platform::access::Allowed;
use platform::http::{Common, Cursor, PageLimit, Problem, StrictPath, StrictQuery};
use platform::{Broken, db, problems};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::Inspection;
use super::obligation::ListedBody;
use crate::engine::Pace;
use crate::kept::Kept;
use crate::sagas::DebtKind;
use crate::store::{self, ListedRow, OpenMoney, OwedFilter, SortKey};

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
    #[param(inline, example = "open")]
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
    let (limit, pace) = (query.limit, inspection.pace);
    let filter = OwedFilter {
        is_open: query.state.map(|state| state == Standing::Open),
        what: query.what.map(DebtKind::word),
        hotel_id: query.hotel_id.map(HotelId::uuid),
        saga_id: query.saga_id.map(SagaId::uuid),
        seq: None,
        after: query.cursor.as_deref().map(Cursor::read::<SortKey>).transpose()?,
    };
    let listed = db::unit_of_work::<_, Problem, _>(&inspection.pool, move |db| {
        Box::pin(async move {
            let rows = store::owed(db, filter, limit.rows_and_one()).await?;
            let money = store::open_money(db, filter.hotel_id, filter.saga_id).await?;
            let runs = runs_of(db, &rows, pace).await?;
            Ok((rows, money, runs))
        })
    });
    let (mut rows, money, runs) = listed.await?;
    let next_cursor = limit.cut(&mut rows, place);
    Ok(Json(Page {
        items: bodies(rows, &runs),
        open_money: money.into_iter().map(OpenMoneyBody::from).collect(),
        next_cursor,
    }))
}

/// The runs of what is listed, those of them that this release can read.
async fn runs_of(
    db: &mut PgConnection,
    rows: &[ListedRow],
    pace: Pace,
) -> Result<HashMap<SagaId, Kept>, Broken> {
    let open = rows.iter().filter(|row| row.obligation.closed_at.is_none());
    let ids: BTreeSet<Uuid> = open.map(|row| row.saga_id).collect();
    let ids: Vec<Uuid> = ids.into_iter().collect();
    Ok(store::runs(db, &ids, pace).await?.runs)
}

fn bodies(rows: Vec<ListedRow>, runs: &HashMap<SagaId, Kept>) -> Vec<ListedBody> {
    let body = |row: ListedRow| {
        let kept = runs.get(&SagaId::from_uuid(row.saga_id));
        ListedBody::of(row, kept)
    };
    rows.into_iter().map(body).collect()
}

const fn place(row: &ListedRow) -> SortKey {
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
    let pace = inspection.pace;
    let found = db::unit_of_work::<_, Problem, _>(&inspection.pool, move |db| {
        Box::pin(async move { Ok(one(db, saga_id, seq, pace).await?) })
    });
    Ok(Json(found.await?.ok_or_else(no_obligation)?))
}

/// The obligation of this place among those of this run.
pub(super) async fn one(
    db: &mut PgConnection,
    saga_id: SagaId,
    seq: u16,
    pace: Pace,
) -> Result<Option<ListedBody>, Broken> {
    let filter = OwedFilter {
        saga_id: Some(saga_id.uuid()),
        seq: Some(seq.into()),
        ..OwedFilter::default()
    };
    let rows = store::owed(db, filter, 1).await?;
    let runs = runs_of(db, &rows, pace).await?;
    Ok(bodies(rows, &runs).pop())
}

pub(super) fn no_obligation() -> Problem {
    Problem::not_found("obligation").at("seq")
}

//! The ids of a hotel's things name their hotel, in every table that has any.

use serde_json::json;
use tests::{Hotel, Platform, until};

/// Columns with ids that are no hotel's thing.
const OF_NOBODY: &str = "'hotel_id', 'guest_id'";

/// A statement that finds, in each table with a hotel's id, the columns of ids that do not have bytes 6 to 9 of it. An id of
/// zeros stands in a key for none.
fn all_columns() -> String {
    format!(
        "select string_agg(format(
             'select %L as place from %I.%I where %I <> ''00000000-0000-0000-0000-000000000000''
              and substr(replace(%I::text, ''-'', ''''), 13, 8) <> substr(replace(hotel_id::text, ''-'', ''''), 13, 8)',
             c.table_schema || '.' || c.table_name || '.' || c.column_name, c.table_schema, c.table_name,
             c.column_name, c.column_name), ' union all ')
         from information_schema.columns c
         join information_schema.columns h on (h.table_schema, h.table_name, h.column_name)
             = (c.table_schema, c.table_name, 'hotel_id')
         join information_schema.tables t on (t.table_schema, t.table_name) = (c.table_schema, c.table_name)
         where c.data_type = 'uuid' and t.table_type = 'BASE TABLE' and c.column_name not in ({OF_NOBODY})
             and c.table_schema in ('hotel', 'inventory', 'reservation', 'payment', 'orchestrator')"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_id_of_a_hotels_thing_names_its_hotel() {
    let platform = Platform::start().await;
    // Two hotels, so that ids of one are not those of the other by chance.
    for hotel in [
        Hotel::create(&platform, 3).await,
        Hotel::create(&platform, 3).await,
    ] {
        let booked = hotel.book(&platform, 1, 2, "pm_ok").await;
        assert_eq!(booked.status, 201, "{}", booked.json);
        let path = format!("/v1/reservations/{}", booked.text("/reservation_id"));
        let cancelled = platform.post(&format!("{path}/cancellation"), &json!({})).await;
        assert!(cancelled.status.is_success(), "{}", cancelled.json);
        until("it is cancelled", async || {
            (platform.get(&path).await.text("/state") == "cancelled").then_some(())
        })
        .await;
        let declined = hotel.book(&platform, 1, 1, "pm_declined").await;
        assert_eq!(declined.status, 402, "{}", declined.json);
    }
    let columns = platform.query(&all_columns()).await.unwrap();
    assert!(columns.matches("union all").count() > 15, "{columns}");
    for known in [
        "inventory.hold.hold_id",
        "payment.movement.movement_id",
        "reservation.reservation.quote_id",
    ] {
        assert!(columns.contains(known), "{known}: {columns}");
    }
    let others = format!("select coalesce(string_agg(distinct place, ', '), '') from ({columns}) found");
    let others = platform.query(&others).await;
    assert_eq!(others.as_deref(), Some(""), "ids that do not name their hotel");
    // A run and the messages about it are found by the run's id.
    let runs = "select coalesce(string_agg(r.saga_id::text, ', '), '') from orchestrator.run r
         join reservation.reservation v on r.saga_id in (v.saga_id, v.cancellation_saga_id)
         where substr(replace(r.saga_id::text, '-', ''), 13, 8) <> substr(replace(v.hotel_id::text, '-', ''), 13, 8)";
    assert_eq!(platform.query(runs).await.as_deref(), Some(""));
}

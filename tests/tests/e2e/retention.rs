//! Ended runs and holds of stays long over are removed while the platform runs, and nothing is wrong after it.

use tests::{Hotel, Platform, until};

/// So many days pass for what is kept: more than the shortest retention, and than the nights on sale are ahead.
const DAYS: u32 = 130;

/// Moves everything that was booked into the past. An id of a run begins with the time when it was made, so the runs
/// get the ids that they would have had then.
fn long_ago() -> String {
    format!(
        "begin; set local session_replication_role = replica;
         create function public.then(id uuid) returns uuid language sql immutable as $$
             select (lpad(to_hex(('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint
                                 - {DAYS}::bigint * 86400000), 12, '0') || substr(replace(id::text, '-', ''), 13))::uuid $$;
         update orchestrator.run set saga_id = public.then(saga_id), created_at = created_at - interval '{DAYS} days',
             ended_at = ended_at - interval '{DAYS} days', deadline = deadline - interval '{DAYS} days';
         update orchestrator.journal set saga_id = public.then(saga_id);
         update inventory.room_night set night = night - {DAYS};
         update inventory.hold set saga_id = public.then(saga_id), check_in = check_in - {DAYS},
             check_out = check_out - {DAYS}, expires_at = expires_at - interval '{DAYS} days',
             created_at = created_at - interval '{DAYS} days', changed_at = changed_at - interval '{DAYS} days';
         update reservation.reservation set saga_id = public.then(saga_id),
             cancellation_saga_id = public.then(cancellation_saga_id), check_in = check_in - {DAYS},
             check_out = check_out - {DAYS}, free_until = free_until - {DAYS},
             created_at = created_at - interval '{DAYS} days', updated_at = updated_at - interval '{DAYS} days';
         commit"
    )
}

/// What asked for the runs and for the rooms comes again, under ids that no inbox knows.
fn everything_again(hotel: &Hotel) -> String {
    let date = |ahead: u32| hotel.night(ahead).to_string();
    let past = |ahead: u32| format!("(date '{}' - {DAYS})::text", date(ahead));
    let shifted = format!(
        "replace(replace(payload::text, aggregateid, public.then(aggregateid::uuid)::text), '{}', {})",
        date(0),
        past(0)
    );
    format!(
        "insert into reservation.outbox (id, aggregatetype, aggregateid, type, payload, created_at)
             select gen_random_uuid(), aggregatetype, public.then(aggregateid::uuid)::text, type, ({shifted})::json, now()
             from reservation.outbox where type = 'StartSaga';
         insert into orchestrator.outbox (id, aggregatetype, aggregateid, type, payload, created_at)
             select gen_random_uuid(), aggregatetype, aggregateid, type,
                 replace(replace(payload::text, '{}', {}), '{}', {})::json, now()
             from orchestrator.outbox where aggregatetype = 'inventory.commands';",
        date(0),
        past(0),
        date(2),
        past(2),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_wrong_after_ended_runs_and_old_holds_are_gone() {
    let mut platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 5).await;
    let kept = hotel.book(&platform, 0, 2, "pm_ok").await;
    let cancelled = hotel.book(&platform, 0, 2, "pm_ok").await;
    assert_eq!((kept.status.as_u16(), cancelled.status.as_u16()), (201, 201));
    assert_eq!(hotel.book(&platform, 0, 2, "pm_declined").await.status, 402);
    let path = format!(
        "/v1/reservations/{}/cancellation",
        cancelled.text("/reservation_id")
    );
    let answer = platform.post(&path, &serde_json::json!({})).await;
    assert!(answer.status.is_success(), "{}", answer.json);
    let patience = std::time::Duration::from_mins(1);
    platform.comes_to_rest(patience).await.unwrap();
    let rows = async |platform: &Platform, sql: &str| {
        let count = platform.query(&format!("select count(*)::text from {sql}")).await;
        count.unwrap().parse::<i64>().unwrap()
    };
    assert_eq!(rows(&platform, "orchestrator.run").await, 4);
    assert_eq!(rows(&platform, "inventory.hold").await, 3);

    platform.kill();
    platform.tamper(&long_ago()).await;
    platform.set("BELLHOP_SAGA_KEPT_DAYS", "30");
    platform.set("BELLHOP_HOLD_KEPT_DAYS", "30");
    platform.run("all");
    platform.ready().await;
    for table in ["orchestrator.run", "orchestrator.journal", "inventory.hold"] {
        until(&format!("{table} is empty"), async || {
            (rows(&platform, table).await == 0).then_some(())
        })
        .await;
    }
    platform.comes_to_rest(patience).await.unwrap();
    assert_eq!(
        rows(&platform, "inventory.room_night where sold = 1").await,
        2,
        "what was sold is told for ever"
    );
    assert_eq!(rows(&platform, "reservation.reservation").await, 3);
    let answer = platform
        .get(&format!("/v1/reservations/{}", kept.text("/reservation_id")))
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.text("/state")),
        (200, "confirmed")
    );
    let metrics = String::from_utf8(platform.get("/metrics").await.bytes).unwrap();
    for (table, count) in [("orchestrator.run", 4), ("inventory.hold", 3)] {
        let line = format!(r#"bellhop_rows_removed_total{{table="{table}"}} {count}"#);
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }

    let heard = "orchestrator.inbox";
    let before = rows(&platform, heard).await;
    platform.tamper(&everything_again(&hotel)).await;
    until("the starts are heard again", async || {
        (rows(&platform, heard).await >= before + 4).then_some(())
    })
    .await;
    platform.comes_to_rest(patience).await.unwrap();
    assert_eq!(
        rows(&platform, "orchestrator.run").await,
        0,
        "nothing was begun again"
    );
    assert_eq!(
        rows(&platform, "inventory.hold where state in ('held', 'sold')").await,
        0,
        "no room was taken again"
    );
    assert_eq!(
        rows(&platform, "inventory.room_night where held > 0 or sold > 1").await,
        0
    );
    assert_eq!(
        hotel.book(&platform, 0, 1, "pm_ok").await.status.as_u16() / 100,
        4,
        "there are no nights to come"
    );
}

//! What the days of an outbox promise, on a real Postgres.

use std::cell::Cell;
use std::time::{Duration, Instant};

use sqlx::Executor as _;

use super::*;
use crate::outbox::{Outgoing, write};
use crate::testing::{BY_DAY, SHOP, open_shop, soon, texts, until};

/// The parts of the outbox, with how many days from today each is; `outbox_other` is none.
async fn parts(pool: &PgPool) -> Vec<i32> {
    let sql = "select (to_date(right(c.relname, 8), 'YYYYMMDD') - (now() at time zone 'UTC')::date)::text
               from pg_inherits i join pg_class c on c.oid = i.inhrelid
               where i.inhparent = 'shop.outbox'::regclass and c.relname ~ '[0-9]{8}$' order by c.relname";
    let days = texts(pool, sql).await;
    days.iter().map(|day| day.parse().unwrap()).collect()
}

/// Makes the part of a day so many days from today.
async fn make_one(pool: &PgPool, from_today: i32) {
    let day = format!("(now() at time zone 'UTC')::date + {from_today}");
    let made = texts(pool, &format!("select shop.make_outbox_day({day})::text")).await;
    assert_eq!(made, ["true"]);
}

/// Drops the part of a day past all rules.
async fn lose(pool: &PgPool, from_today: i32) {
    let sql = format!(
        "do $$ begin execute 'drop table shop.outbox_' ||
             to_char((now() at time zone 'UTC')::date + {from_today}, 'YYYYMMDD'); end $$"
    );
    pool.execute(AssertSqlSafe(sql)).await.unwrap();
}

/// Says something, as services do.
async fn say(pool: &PgPool, key: &str) -> Result<(), Broken> {
    let message = Outgoing::new("topic", key, "Kind", &key)?;
    let mut db = pool.acquire().await?;
    write(&mut db, SHOP, &[message]).await
}

/// The names of the parts in which messages are.
async fn places(pool: &PgPool) -> Vec<String> {
    texts(
        pool,
        "select distinct tableoid::regclass::text from shop.outbox order by 1",
    )
    .await
}

#[sqlx::test(migrations = false)]
async fn today_and_three_days_after_it_are_made_once(pool: PgPool) {
    open_shop(&pool).await;
    assert_eq!(parts(&pool).await, [0, 1, 2, 3], "by the migration");
    for lost in [0, 2, 3] {
        lose(&pool, lost).await;
    }
    for _ in 0..2 {
        make(&pool, SHOP).await.unwrap();
        assert_eq!(parts(&pool).await, [0, 1, 2, 3]);
    }
    say(&pool, "a").await.unwrap();
    let today = texts(
        &pool,
        "select 'shop.outbox_' || to_char(now() at time zone 'UTC', 'YYYYMMDD')",
    )
    .await;
    assert_eq!(places(&pool).await, today);
}

#[sqlx::test(migrations = false)]
async fn a_day_is_one_of_utc_wherever_its_maker_is(pool: PgPool) {
    open_shop(&pool).await;
    lose(&pool, 2).await;
    pool.execute(
        "set timezone = 'Pacific/Kiritimati'; set datestyle = 'SQL, DMY';
         select shop.make_outbox_day((now() at time zone 'UTC')::date + 2);
         reset timezone; reset datestyle;
         insert into shop.outbox select gen_random_uuid(), at::text, '', '', '{}', at from (
             select ((now() at time zone 'UTC')::date + 2)::timestamp at time zone 'UTC' + late as at
             from unnest(array['0 seconds', '23 hours 59 minutes 59.999999 seconds']::interval[]) late) moments",
    )
    .await
    .unwrap();
    assert_eq!(places(&pool).await.len(), 1);
    assert_ne!(places(&pool).await, ["shop.outbox_other"]);
}

#[sqlx::test(migrations = false)]
async fn a_missing_day_stops_no_message_and_what_was_said_on_it_goes_when_it_is_old(pool: PgPool) {
    open_shop(&pool).await;
    for lost in 0..4 {
        lose(&pool, lost).await;
    }
    say(&pool, "on a missing day").await.unwrap();
    // The day is not made any more, those after it are, and nothing that was said is lost.
    make(&pool, SHOP).await.unwrap();
    assert_eq!(parts(&pool).await, [1, 2, 3]);
    say(&pool, "later on that day").await.unwrap();
    assert_eq!(places(&pool).await, ["shop.outbox_other"]);
    drop_old(&pool, SHOP).await.unwrap();
    let count = "select count(*)::text from shop.outbox";
    assert_eq!(texts(&pool, count).await, ["2"]);

    let age = |key: &str, hours: i32| {
        format!(
            "update shop.outbox_other set created_at = now() - interval '{hours} hours' where aggregateid = '{key}'"
        )
    };
    let first = age("on a missing day", 80);
    pool.execute(AssertSqlSafe(first)).await.unwrap();
    drop_old(&pool, SHOP).await.unwrap();
    assert_eq!(texts(&pool, count).await, ["2"], "one is young");
    let second = age("later on that day", 73);
    pool.execute(AssertSqlSafe(second)).await.unwrap();
    drop_old(&pool, SHOP).await.unwrap();
    assert_eq!(texts(&pool, count).await, ["0"]);
}

#[sqlx::test(migrations = false)]
async fn a_day_goes_when_its_last_message_is_72_hours_old_and_no_sooner(pool: PgPool) {
    open_shop(&pool).await;
    for day in [-40, -6, -5, -4, -3, -2, -1] {
        make_one(&pool, day).await;
    }
    pool.execute(
        "insert into shop.outbox select gen_random_uuid(), age, '', '', '{}', now() - age::interval
         from unnest(array['72 hours', '71 hours 59 minutes', '30 hours', '0 hours', '100 hours']) age",
    )
    .await
    .unwrap();
    drop_old(&pool, SHOP).await.unwrap();
    // The last moment of the day before yesterday's eve was less than 72 hours ago, that of the day before it not.
    assert_eq!(parts(&pool).await, [-3, -2, -1, 0, 1, 2, 3]);
    let kept = texts(&pool, "select aggregatetype from shop.outbox order by created_at").await;
    assert_eq!(kept, ["72 hours", "71 hours 59 minutes", "30 hours", "0 hours"]);
}

#[sqlx::test(migrations = false)]
async fn making_a_day_waits_for_no_writer_and_no_writer_waits_for_it(pool: PgPool) {
    open_shop(&pool).await;
    lose(&pool, 3).await;
    let mut writer = pool.acquire().await.unwrap();
    writer.execute("begin").await.unwrap();
    let message = Outgoing::new("topic", "open", "Kind", &1).unwrap();
    write(&mut writer, SHOP, &[message]).await.unwrap();
    let mut maker = pool.acquire().await.unwrap();
    maker.execute("begin").await.unwrap();
    maker
        .execute("select shop.make_outbox_day((now() at time zone 'UTC')::date + 3)")
        .await
        .unwrap();
    // Neither has ended.
    soon("a message is written", say(&pool, "another")).await.unwrap();
    maker.execute("commit").await.unwrap();
    writer.execute("commit").await.unwrap();
    assert_eq!(parts(&pool).await, [0, 1, 2, 3]);
}

async fn is_dropping(pool: &PgPool) -> bool {
    let sql = "select exists (select from pg_locks where locktype = 'advisory'
        and database = (select oid from pg_database where datname = current_database()))";
    #[expect(clippy::disallowed_methods, reason = "a test looks who holds what")]
    let is_dropping = sqlx::query_scalar(sql).fetch_one(pool).await;
    is_dropping.unwrap()
}

/// Somebody reads the whole outbox for a long time, as a snapshot does, while a service writes and an old day is due.
#[sqlx::test(migrations = false)]
async fn dropping_a_day_blocks_no_writer_longer_than_200_ms_and_comes_again(pool: PgPool) {
    open_shop(&pool).await;
    make_one(&pool, -5).await;
    let mut reader = pool.acquire().await.unwrap();
    reader.execute("begin; select from shop.outbox").await.unwrap();
    let (mut shortest, over) = (Duration::MAX, Cell::new(false));
    let dropping = async {
        for _ in 0..3 {
            // The one before gives its turn back when its connection has rolled back, and who finds it taken does not wait.
            while is_dropping(&pool).await {}
            let begun = Instant::now();
            drop_old(&pool, SHOP).await.unwrap();
            shortest = shortest.min(begun.elapsed());
        }
        over.set(true);
    };
    // Whoever stood in the line behind a drop that waits as long as the reader reads would be told so.
    let mut writer = pool.acquire().await.unwrap();
    writer.execute("set lock_timeout = '1s'").await.unwrap();
    let writing = async {
        while !over.get() {
            let message = Outgoing::new("topic", "under load", "Kind", &1).unwrap();
            write(&mut writer, SHOP, &[message]).await.unwrap();
        }
    };
    tokio::join!(dropping, writing);
    assert!(parts(&pool).await.contains(&-5), "the reader still reads it");
    let wanted = Duration::from_millis(200)..Duration::from_millis(400);
    assert!(
        wanted.contains(&shortest),
        "it stood in the line for {shortest:?}"
    );

    reader.execute("commit").await.unwrap();
    let written = "select count(*)::text from shop.outbox";
    let before = texts(&pool, written).await;
    until("it is dropped between two writers", async || {
        let (dropped, said) = tokio::join!(drop_old(&pool, SHOP), say(&pool, "under load"));
        dropped.unwrap();
        said.unwrap();
        (!parts(&pool).await.contains(&-5)).then_some(())
    })
    .await;
    assert_ne!(texts(&pool, written).await, before);
}

#[sqlx::test(migrations = false)]
async fn a_day_that_somebody_reads_alone_is_not_waited_for_with_the_line_behind(pool: PgPool) {
    open_shop(&pool).await;
    make_one(&pool, -5).await;
    let part = "select to_char((now() at time zone 'UTC')::date - 5, 'YYYYMMDD')";
    let part = texts(&pool, part).await.remove(0);
    let mut reader = pool.acquire().await.unwrap();
    let read = format!("begin; select from shop.outbox_{part}");
    reader.execute(AssertSqlSafe(read)).await.unwrap();
    let mut shortest = Duration::MAX;
    for _ in 0..3 {
        while is_dropping(&pool).await {}
        let begun = Instant::now();
        drop_old(&pool, SHOP).await.unwrap();
        shortest = shortest.min(begun.elapsed());
    }
    assert!(shortest < Duration::from_millis(200), "{shortest:?}");
    assert!(parts(&pool).await.contains(&-5));
    reader.execute("rollback").await.unwrap();
    while is_dropping(&pool).await {}
    drop_old(&pool, SHOP).await.unwrap();
    assert!(!parts(&pool).await.contains(&-5));
}

#[sqlx::test(migrations = false)]
async fn one_process_at_a_time_changes_days_and_the_others_do_not_wait(pool: PgPool) {
    open_shop(&pool).await;
    make_one(&pool, -5).await;
    lose(&pool, 3).await;
    let mut other = pool.acquire().await.unwrap();
    other
        .execute("begin; select pg_advisory_xact_lock(hashtextextended('shop.outbox', 0))")
        .await
        .unwrap();
    make(&pool, SHOP).await.unwrap();
    drop_old(&pool, SHOP).await.unwrap();
    assert_eq!(parts(&pool).await, [-5, 0, 1, 2]);
    other.execute("rollback").await.unwrap();
    let (one, two) = tokio::join!(drop_old(&pool, SHOP), drop_old(&pool, SHOP));
    one.unwrap();
    two.unwrap();
    make(&pool, SHOP).await.unwrap();
    assert_eq!(parts(&pool).await, [0, 1, 2, 3]);
}

#[sqlx::test(migrations = false)]
async fn what_was_said_can_neither_be_changed_nor_taken_back(pool: PgPool) {
    open_shop(&pool).await;
    pool.execute("create publication p for table shop.outbox with (publish_via_partition_root)")
        .await
        .unwrap();
    say(&pool, "a").await.unwrap();
    for change in ["delete from shop.outbox", "update shop.outbox set payload = '{}'"] {
        let refused = pool.execute(change).await.unwrap_err();
        let refused = refused
            .as_database_error()
            .and_then(|error| error.code().map(String::from));
        assert_eq!(refused.as_deref(), Some("55000"), "{change}");
    }
}

#[sqlx::test(migrations = false)]
async fn a_table_that_is_not_published_does_not_take_a_published_ones_place(pool: PgPool) {
    let schema = "create schema shop; create table shop.outbox (id uuid primary key);";
    pool.execute(schema).await.unwrap();
    let [by_day, takes_over] = BY_DAY.map(|step| step.replace("inventory.", "shop."));
    pool.execute(AssertSqlSafe(by_day)).await.unwrap();
    pool.execute("create publication p for table shop.outbox")
        .await
        .unwrap();
    for publication in [
        "alter publication p set (publish_via_partition_root = false)",
        "alter publication p add table shop.outbox_by_day",
    ] {
        // Several statements at once are one transaction.
        let refused = pool.execute(AssertSqlSafe(takes_over.clone())).await.unwrap_err();
        assert!(refused.to_string().contains("run `bellhop migrate`"), "{refused}");
        pool.execute(publication).await.unwrap();
    }
    pool.execute("alter publication p set (publish_via_partition_root = true)")
        .await
        .unwrap();
    pool.execute(AssertSqlSafe(takes_over)).await.unwrap();
    assert_eq!(parts(&pool).await, [0, 1, 2, 3]);
}

#[test]
fn every_owner_has_the_same_outbox() {
    const OTHERS: [(&str, [&str; 2]); 3] = [
        (
            "reservation.",
            [
                include_str!("../../../migrations/reservation/202611300400_outbox_by_day.sql"),
                include_str!("../../../migrations/reservation/202611300401_published_outbox_by_day.sql"),
            ],
        ),
        (
            "payment.",
            [
                include_str!("../../../migrations/payment/202611300400_outbox_by_day.sql"),
                include_str!("../../../migrations/payment/202611300401_published_outbox_by_day.sql"),
            ],
        ),
        (
            "orchestrator.",
            [
                include_str!("../../../migrations/orchestrator/202611300400_outbox_by_day.sql"),
                include_str!("../../../migrations/orchestrator/202611300401_published_outbox_by_day.sql"),
            ],
        ),
    ];
    for (schema, steps) in OTHERS {
        let ours = BY_DAY.map(|step| step.replace("inventory.", schema));
        assert_eq!(ours, steps.map(str::to_owned), "{schema}");
    }
}

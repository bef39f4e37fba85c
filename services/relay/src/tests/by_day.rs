//! Outboxes by day: how they came to be, and that a day is published as its outbox.

use super::stage::{SPEAKERS, on_former_stage, on_stage};
use super::*;

/// How an outbox gets its days, in two steps; for every owner the same but for the schema's name.
const BY_DAY: [&str; 2] = [
    include_str!("../../../../migrations/inventory/202611300400_outbox_by_day.sql"),
    include_str!("../../../../migrations/inventory/202611300401_published_outbox_by_day.sql"),
];

const REPLIES: &str = "orchestrator.messages";

impl Stage {
    /// Goes a step of the way to outboxes by day, as `bellhop migrate` does.
    pub(super) async fn by_day(&self, step: usize) {
        for schema in SPEAKERS {
            let sql = BY_DAY[step].replace("inventory.", &format!("{schema}."));
            self.execute(&sql).await;
        }
    }

    /// Lets the relay read what it captures, as `bellhop migrate` does.
    pub(super) async fn grant(&self) {
        let tables = crate::captured_tables().join(", ");
        self.execute(&format!("grant select on {tables} to bellhop_relay"))
            .await;
    }
}

/// The slot of a relay of the former release, which has published what was there before it.
async fn former_slot(stage: &Stage) {
    stage
        .execute(&format!(
            "select pg_create_logical_replication_slot('{0}', 'pgoutput');
             insert into relay.position (slot, state, snapshot_done_at) values ('{0}', 'streaming', now());",
            stage.name
        ))
        .await;
}

/// Processes of the former release write at each point of the upgrade, and nothing that they say is lost.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_at_any_point_on_the_way_to_days_is_published_and_in_order() {
    on_former_stage("road", async |stage: Stage| {
        let say = async |number: usize| {
            let both =
                message("inventory", REPLIES, "a", number) + &message("payment", REPLIES, "b", number + 100);
            stage.execute(&both).await;
        };
        stage.publish().await;
        stage.make_topics().await;
        former_slot(&stage).await;
        say(1).await;
        stage.by_day(0).await;
        say(2).await;
        stage.publish().await;
        say(3).await;
        stage.by_day(1).await;
        say(4).await;
        stage.publish().await;
        stage.grant().await;
        say(5).await;

        let all = [vec![1, 2, 3, 4, 5], vec![101, 102, 103, 104, 105]];
        let mut events = stage.consume(&[REPLIES]);
        let relay = stage.relay("1");
        assert_eq!(events.first(10).await, all);
        relay.stop().await;

        // A relay that finds its slot gone publishes all of it again, what was said first first. (Read from the beginning,
        // all would be there already.)
        events.skip(REPLIES).await;
        stage.drop_slot().await;
        let relay = stage.relay("1");
        assert_eq!(events.first(10).await, all);
        relay.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_published_as_its_outbox_also_when_it_came_or_went_meanwhile() {
    on_stage("days", async |stage: Stage| {
        stage.publish().await;
        let relay = stage.relay("1");
        relay.is(State::Streaming, "").await;
        let mut events = stage.consume(&[REPLIES]);
        let days_ago = |days: i32, number: usize| {
            let now = message("inventory", REPLIES, "a", number);
            let then = now.replace("payload)", "payload, created_at)");
            then.replace("}');", &format!("}}', now() - interval '{days} days');"))
        };
        // Before its day is made, on a new day, and on one that goes with it.
        stage.execute(&days_ago(9, 1)).await;
        stage
            .execute("select inventory.make_outbox_day((now() at time zone 'UTC')::date - 8)")
            .await;
        stage.execute(&days_ago(8, 2)).await;
        stage.execute("select inventory.drop_outbox_day()").await;
        stage.execute(&days_ago(8, 3)).await;
        stage.execute("select inventory.drop_outbox_day()").await;
        stage.execute(&days_ago(0, 4)).await;
        assert_eq!(events.first(4).await, [[1, 2, 3, 4]]);
        assert_eq!(
            stage.number("select count(*) from inventory.outbox").await,
            1,
            "the others were dropped, and are published all the same"
        );
        relay.stop().await;
    })
    .await;
}

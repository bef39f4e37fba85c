//! Kafka topics, as Debezium's outbox event router and Postgres connector name them.

/// Commands for the inventory service, keyed by hotel.
pub const INVENTORY_COMMANDS: &str = "inventory.commands";
/// Commands for the payment service, keyed by saga.
pub const PAYMENT_COMMANDS: &str = "payment.commands";
/// Commands for the reservation service, keyed by saga.
pub const RESERVATION_COMMANDS: &str = "reservation.commands";
/// Sagas to start, keyed by saga.
pub const ORCHESTRATOR_COMMANDS: &str = "orchestrator.commands";
/// Replies of all participants, keyed by saga.
pub const ORCHESTRATOR_REPLIES: &str = "orchestrator.replies";
/// Facts for other systems, keyed by reservation.
pub const RESERVATION_EVENTS: &str = "reservation.events";

/// Changes of [`crate::change::RoomNight`] rows, keyed by primary key.
pub const ROOM_NIGHT_CHANGES: &str = "bellhop.inventory.room_night";
/// Changes of hotels.
pub const HOTEL_CHANGES: &str = "bellhop.hotel.hotel";
/// Changes of room types.
pub const ROOM_TYPE_CHANGES: &str = "bellhop.hotel.room_type";
/// Changes of rate plans.
pub const RATE_PLAN_CHANGES: &str = "bellhop.hotel.rate_plan";
/// Changes of prices.
pub const PRICE_CHANGES: &str = "bellhop.hotel.price";
/// Changes of principals. Read whole by every process.
pub const PRINCIPAL_CHANGES: &str = "bellhop.access.principal";
/// Changes of what principals were granted. Read whole by every process.
pub const GRANT_CHANGES: &str = "bellhop.access.granted";
/// Changes of API keys. Read whole by every process.
pub const KEY_CHANGES: &str = "bellhop.access.api_key";
/// Changes of sessions. Read whole by every process.
pub const SESSION_CHANGES: &str = "bellhop.access.session";
/// The relay's heartbeat, by which the cache knows how fresh it is.
pub const HEARTBEAT: &str = "bellhop.relay.heartbeat";

/// Partitions of every topic: about twice the cores of one machine, and the number of saga shards.
pub const PARTITIONS: i32 = 4;

/// Topics whose messages are handled once or set aside: each has a companion with this ending
/// for the messages that kept failing.
pub const DEAD_SUFFIX: &str = ".dead";

/// Every topic with its number of partitions, for the relay to create.
pub fn all() -> Vec<(String, i32)> {
    let handled = [
        INVENTORY_COMMANDS,
        PAYMENT_COMMANDS,
        RESERVATION_COMMANDS,
        ORCHESTRATOR_COMMANDS,
        ORCHESTRATOR_REPLIES,
    ];
    let published = [
        RESERVATION_EVENTS,
        ROOM_NIGHT_CHANGES,
        HOTEL_CHANGES,
        ROOM_TYPE_CHANGES,
        RATE_PLAN_CHANGES,
        PRICE_CHANGES,
    ];
    let dead = handled.iter().map(|topic| (format!("{topic}{DEAD_SUFFIX}"), 1));
    let live = handled
        .iter()
        .chain(&published)
        .map(|topic| ((*topic).to_owned(), PARTITIONS));
    live.chain(dead)
        .chain([(HEARTBEAT.to_owned(), 1)])
        .chain(whole())
        .collect()
}

/// The topics that are read whole, which therefore keep the last message of each key for ever, with their partitions.
pub fn whole() -> [(String, i32); 4] {
    [PRINCIPAL_CHANGES, GRANT_CHANGES, KEY_CHANGES, SESSION_CHANGES].map(|topic| (topic.to_owned(), 1))
}

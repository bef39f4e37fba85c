//! Kafka topics, as Debezium's outbox event router and Postgres connector name them.

/// Commands for the inventory service, keyed by hotel.
pub const INVENTORY_COMMANDS: &str = "inventory.commands";
/// Commands for the payment service, keyed by saga.
pub const PAYMENT_COMMANDS: &str = "payment.commands";
/// Commands for the reservation service, keyed by saga.
pub const RESERVATION_COMMANDS: &str = "reservation.commands";
/// All that the orchestrator hears, keyed by saga: sagas to start, replies of all participants, what people say to runs.
/// One topic, so that what comes together is one batch. Its partitions are the shards of the runs.
pub const ORCHESTRATOR_MESSAGES: &str = "orchestrator.messages";
/// Where the former release says the same: sagas to start and what people say, and replies. Read where they are there; this
/// release neither makes nor writes them.
pub const ORCHESTRATOR_FORMER: [&str; 2] = ["orchestrator.commands", "orchestrator.replies"];
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
/// Ends of trails, as a line's number and hash, with the schemas that they are of.
pub const TRAIL_HEADS: [(&str, &str); 3] = [
    ("bellhop.access.trail_head", "access"),
    ("bellhop.inventory.trail_head", "inventory"),
    ("bellhop.orchestrator.trail_head", "orchestrator"),
];
/// The relay's heartbeat, by which the cache knows how fresh it is.
pub const HEARTBEAT: &str = "bellhop.relay.heartbeat";

/// Topics whose messages are handled once or set aside: each has a companion with this ending
/// for the messages that kept failing.
pub const DEAD_SUFFIX: &str = ".dead";

/// Who reads a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Processes of the platform that has it, and nobody else: where one day there are several platforms, each has its own.
    Cell,
    /// Other systems too: its messages are the same whichever platform says them.
    Public,
}

/// How long Kafka keeps a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// So many hours.
    Hours(u32),
    /// Until there is a later one with its key: whoever reads the topic from its beginning knows all that is.
    LastOfKey,
    /// For good, each one: what was said once cannot be unsaid by saying it otherwise.
    ForGood,
}

/// As outboxes keep rows: what is older can be had from neither, and is in nobody's inbox any more.
const COMMANDS: Kept = Kept::Hours(72);
/// For who reads them elsewhere, or looks into why something failed.
const MONTH: Kept = Kept::Hours(30 * 24);

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its name, without a namespace.
    pub name: String,
    /// The module that says what its messages are: who takes the commands, whose rows or events they are.
    pub owner: &'static str,
    /// Who reads it.
    pub reach: Reach,
    /// How long it keeps what is in it. A topic that was there before keeps that as it was.
    pub kept: Kept,
    /// Its partitions, where it is made. A broker may have another number of one that was there before.
    pub partitions: i32,
}

impl Topic {
    fn new(name: &str, owner: &'static str, kept: Kept, partitions: i32) -> Self {
        Self {
            name: name.to_owned(),
            owner,
            reach: Reach::Cell,
            kept,
            partitions,
        }
    }

    /// Its settings, as Kafka calls them.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        match self.kept {
            Kept::Hours(hours) => vec![("retention.ms", (u64::from(hours) * 3_600_000).to_string())],
            Kept::LastOfKey => vec![("cleanup.policy", "compact".to_owned())],
            Kept::ForGood => vec![("retention.ms", "-1".to_owned())],
        }
    }
}

/// A topic as it is made: name, partitions, settings.
pub type Plan = (String, i32, Vec<(&'static str, String)>);

/// Every topic, for the relay to make with so many partitions, but for those that have one order for all who read them.
pub fn all(partitions: i32) -> Vec<Topic> {
    let of = |name: &str, owner, kept| Topic::new(name, owner, kept, partitions);
    let handled = [
        (INVENTORY_COMMANDS, "inventory"),
        (PAYMENT_COMMANDS, "payment"),
        (RESERVATION_COMMANDS, "reservation"),
        (ORCHESTRATOR_MESSAGES, "orchestrator"),
    ];
    let rows = [
        (ROOM_NIGHT_CHANGES, "inventory"),
        (HOTEL_CHANGES, "hotel"),
        (ROOM_TYPE_CHANGES, "hotel"),
        (RATE_PLAN_CHANGES, "hotel"),
        (PRICE_CHANGES, "hotel"),
    ];
    let known = [PRINCIPAL_CHANGES, GRANT_CHANGES, KEY_CHANGES, SESSION_CHANGES];
    let alone = |topic: Topic| Topic {
        partitions: 1,
        ..topic
    };
    let mut all = vec![
        Topic {
            reach: Reach::Public,
            ..of(RESERVATION_EVENTS, "reservation", MONTH)
        },
        alone(of(HEARTBEAT, "relay", COMMANDS)),
    ];
    for (name, owner) in handled {
        all.push(of(name, owner, COMMANDS));
        all.push(alone(of(&format!("{name}{DEAD_SUFFIX}"), owner, MONTH)));
    }
    all.extend(rows.map(|(name, owner)| of(name, owner, Kept::LastOfKey)));
    // Read whole by every process before it is ready.
    all.extend(known.map(|name| alone(of(name, "access", Kept::LastOfKey))));
    all.extend(TRAIL_HEADS.map(|(name, owner)| alone(of(name, owner, Kept::ForGood))));
    all
}

/// Every topic as it is made, with so many partitions.
pub fn plans(partitions: i32) -> Vec<Plan> {
    let plan = |topic: Topic| (topic.name.clone(), topic.partitions, topic.settings());
    all(partitions).into_iter().map(plan).collect()
}

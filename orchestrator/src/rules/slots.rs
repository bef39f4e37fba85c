//! The slots of limits: each command takes the next one of its rule and its shard, so that they go out evenly and none
//! waits for ever. The generic cell rate algorithm (ITU-T I.371) without a burst.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use contract::{RuleId, topics};

/// When the next slot of each rule and shard is.
#[derive(Debug)]
pub(super) struct Slots {
    next: HashMap<(RuleId, i32), DateTime<Utc>>,
    /// How many shards there are.
    shards: i32,
}

impl Default for Slots {
    fn default() -> Self {
        Self {
            next: HashMap::new(),
            shards: topics::PARTITIONS,
        }
    }
}

impl Slots {
    /// There are so many shards; at least one.
    pub(super) fn share(&mut self, shards: i32) {
        self.shards = shards.max(1);
    }

    /// Takes the next slot, which is now where none was taken lately. Each shard has its share of the rate.
    pub(super) fn take(
        &mut self,
        rule_id: RuleId,
        shard: i32,
        per_minute: u32,
        now: DateTime<Utc>,
    ) -> DateTime<Utc> {
        let apart = apart(per_minute, self.shards);
        let next = self.next.entry((rule_id, shard)).or_insert(now);
        let slot = (*next).max(now);
        *next = slot + apart;
        slot
    }

    /// No other rules than these are in force.
    pub(super) fn keep(&mut self, in_force: &BTreeSet<RuleId>) {
        self.next.retain(|(rule_id, _), _| in_force.contains(rule_id));
    }
}

/// How far the slots of one shard are apart.
fn apart(per_minute: u32, shards: i32) -> TimeDelta {
    let of_all = TimeDelta::minutes(1) * shards;
    of_all / per_minute.max(1).cast_signed()
}

//! The slots of limits: each command takes the next one of its rule and its shard, so that they go out evenly and none
//! waits for ever. The generic cell rate algorithm (ITU-T I.371) without a burst.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use contract::RuleId;

/// When the next slot of each rule and shard is.
#[derive(Debug, Default)]
pub(super) struct Slots(HashMap<(RuleId, i32), DateTime<Utc>>);

impl Slots {
    /// Takes the next slot, which is now where none was taken lately. Each shard has its share of the rate, so the slots of
    /// one are as far `apart` as [`apart`] says.
    pub(super) fn take(
        &mut self,
        rule_id: RuleId,
        shard: i32,
        apart: TimeDelta,
        now: DateTime<Utc>,
    ) -> DateTime<Utc> {
        let next = self.0.entry((rule_id, shard)).or_insert(now);
        let slot = (*next).max(now);
        *next = slot + apart;
        slot
    }

    /// No other rules than these are in force.
    pub(super) fn keep(&mut self, in_force: &BTreeSet<RuleId>) {
        self.0.retain(|(rule_id, _), _| in_force.contains(rule_id));
    }
}

/// How far the slots of one of so many shards are apart.
pub(super) fn apart(shards: i32, per_minute: u32) -> TimeDelta {
    let of_all = TimeDelta::minutes(1) * shards;
    of_all / per_minute.max(1).cast_signed()
}

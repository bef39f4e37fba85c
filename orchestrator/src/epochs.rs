//! Epochs: what makes it binding whose a shard is.

use std::collections::BTreeMap;

use platform::Broken;

/// Shards with the epoch under which this process runs them.
pub(crate) type Epochs = BTreeMap<i32, i64>;

/// The error of a transaction about a shard that is not ours.
pub(crate) fn not_ours(shard: i32) -> Broken {
    Broken::Superseded(format!("shard {shard} has another owner"))
}

//! How many shards there are: as many as the topic of the runs' commands has partitions, which the brokers say.

use std::sync::Arc;
use std::time::Duration;

use contract::topics;
use platform::Tasks;
use platform::kafka::KafkaConfig;

use crate::rules::Rules;

/// Between two questions, once there was an answer: a stop of seconds is needed to change their number.
const EVERY: Duration = Duration::from_mins(1);
/// Until there is one.
const AGAIN: Duration = Duration::from_secs(1);

/// Starts asking. Until there is an answer there are as many as topics are made with.
pub(crate) fn follow(tasks: &Tasks, kafka: KafkaConfig, rules: Arc<Rules>) {
    let asking = tasks.clone();
    tasks.spawn("shards", async move {
        let mut pause = Duration::ZERO;
        while asking.pause(pause).await {
            pause = AGAIN;
            if let Ok(Some(partitions)) = kafka.partitions(topics::ORCHESTRATOR_COMMANDS).await {
                rules.share(partitions);
                pause = EVERY;
            }
        }
    });
}

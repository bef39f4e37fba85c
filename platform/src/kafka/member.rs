//! A consumer's membership in its group, and how it begins anew.
//!
//! Some things end a consumer for good. A broker that was killed may hold a member for the double of itself
//! afterwards and fence it; brokers whose logs were wiped begin their epochs anew, and librdkafka takes what
//! they say for old. Such a consumer never reads again, so another one takes its place.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use tokio::sync::mpsc;

use super::Delivery;

/// Which partitions were taken away, and when: by which revocation, the first of which is 1. What was read of one before that
/// is read again by whoever has it now, from the committed offsets; what was read of others is read again by nobody.
#[derive(Debug, Default)]
struct Taken(BTreeMap<(String, i32), u64>);

impl Taken {
    fn take(&mut self, partitions: &[(String, i32)], revocation: u64) {
        self.0
            .extend(partitions.iter().map(|partition| (partition.clone(), revocation)));
    }

    /// Whether the partition has not been taken away since so many revocations.
    fn spares(&self, partition: &(String, i32), since: u64) -> bool {
        self.0.get(partition).is_none_or(|last| *last <= since)
    }
}

/// What rebalances are told to.
pub(super) struct Rebalances {
    deliveries: mpsc::Sender<Delivery>,
    namespace: String,
    /// How often partitions were taken away.
    revocations: AtomicU64,
    taken: Mutex<Taken>,
    assigned: Mutex<Vec<(String, i32)>>,
    /// Another consumer has taken this one's place, so nobody listens any more.
    replaced: AtomicBool,
}

impl ClientContext for Rebalances {}

impl Rebalances {
    fn partitions(&self, list: &TopicPartitionList) -> Vec<(String, i32)> {
        let strip = |topic: &str| topic.strip_prefix(&self.namespace).unwrap_or(topic).to_owned();
        list.elements()
            .iter()
            .map(|element| (strip(element.topic()), element.partition()))
            .collect()
    }

    fn say(&self, delivery: Delivery) {
        if !self.replaced.load(Ordering::SeqCst) {
            // The receiver is gone only when the process stops.
            let _ = self.deliveries.blocking_send(delivery);
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change_assigned(&self, change: impl FnOnce(&mut Vec<(String, i32)>)) {
        change(&mut self.assigned.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl ConsumerContext for Rebalances {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(partitions) = rebalance {
            let gone = self.partitions(partitions);
            let revocation = self.revocations.load(Ordering::SeqCst) + 1;
            self.taken().take(&gone, revocation);
            // Told last: who sees that there was one finds which it was about.
            self.revocations.store(revocation, Ordering::SeqCst);
            self.change_assigned(|assigned| assigned.retain(|partition| !gone.contains(partition)));
            self.say(Delivery::Revoked(gone));
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(partitions) = rebalance {
            // librdkafka remembers what was paused also while a partition is another's. It would come back paused,
            // and nobody who waited for a batch when it went knows that any more.
            if let Err(error) = consumer.resume(partitions) {
                let error = crate::chain(&error);
                tracing::error!(error, "what was assigned may stay paused");
            }
            let come = self.partitions(partitions);
            self.change_assigned(|assigned| assigned.extend(come.iter().cloned()));
            self.say(Delivery::Assigned(come));
        }
    }
}

/// How to become a member.
pub(super) struct Membership {
    pub(super) client: ClientConfig,
    /// With the namespace.
    pub(super) topics: Vec<String>,
    pub(super) namespace: String,
    pub(super) deliveries: mpsc::Sender<Delivery>,
}

impl Membership {
    pub(super) fn join(&self) -> Result<Member, KafkaError> {
        let context = Rebalances {
            deliveries: self.deliveries.clone(),
            namespace: self.namespace.clone(),
            revocations: AtomicU64::new(0),
            taken: Mutex::default(),
            assigned: Mutex::default(),
            replaced: AtomicBool::new(false),
        };
        let consumer: BaseConsumer<Rebalances> = self.client.create_with_context(context)?;
        consumer.subscribe(&self.topics.iter().map(String::as_str).collect::<Vec<_>>())?;
        Ok(Member {
            consumer: Arc::new(consumer),
            cluster: None,
        })
    }
}

/// A member of a group.
pub(super) struct Member {
    pub(super) consumer: Arc<BaseConsumer<Rebalances>>,
    /// The cluster's id, once it is known.
    cluster: Option<String>,
}

impl Member {
    pub(super) fn revocations(&self) -> u64 {
        self.consumer.context().revocations.load(Ordering::SeqCst)
    }

    /// Whether the partition (its topic without the namespace) has been this member's since so many revocations.
    pub(super) fn has_had(&self, partition: &(String, i32), since: u64) -> bool {
        self.consumer.context().taken().spares(partition, since)
    }

    /// Whether the brokers have another identity than before: their logs were wiped. This consumer then holds
    /// what it knew of the former ones for newer than what these say, and never reads.
    pub(super) fn is_in_another_cluster(&mut self) -> bool {
        let Some(now) = self.consumer.client().fetch_cluster_id(Duration::ZERO) else {
            return false;
        };
        *self.cluster.get_or_insert_with(|| now.clone()) != now
    }

    /// Says that its partitions are gone, and lets nothing more be heard of it.
    pub(super) fn replace(self) {
        let context = self.consumer.context();
        let mut gone = Vec::new();
        context.change_assigned(|assigned| gone = std::mem::take(assigned));
        if !gone.is_empty() {
            context.say(Delivery::Revoked(gone));
        }
        context.replaced.store(true, Ordering::SeqCst);
        self.leave();
    }

    /// Leaves the group. Closing waits for the broker; nobody must wait with it.
    pub(super) fn leave(self) {
        std::thread::spawn(move || drop(self.consumer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revocation_is_about_its_own_partitions_and_about_what_was_read_before_it() {
        let [one, two] = [1, 2].map(|partition| ("orders".to_owned(), partition));
        let elsewhere = ("replies".to_owned(), 1);
        let mut taken = Taken::default();
        assert!(taken.spares(&one, 0));
        taken.take(std::slice::from_ref(&one), 1);
        assert!(!taken.spares(&one, 0));
        assert!(taken.spares(&two, 0) && taken.spares(&elsewhere, 0));
        // It came back and was read again.
        assert!(taken.spares(&one, 1));
        taken.take(&[two.clone(), one.clone()], 2);
        assert!(!taken.spares(&one, 1) && !taken.spares(&two, 0) && taken.spares(&two, 2));
    }
}

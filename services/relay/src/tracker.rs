//! Decides which position may be confirmed to Postgres.
//!
//! Promise: a transaction's end is confirmed only when Kafka has acknowledged every record of it and
//! of all transactions before it; after one failed delivery nothing is confirmed any more.

use std::collections::VecDeque;

/// Names a transaction among those of one tracker; travels through the producer as its opaque value.
pub type Ticket = usize;

/// A position that may be confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// First byte after the last commit that is wholly delivered.
    pub lsn: u64,
    /// When that transaction was committed, in microseconds since 1970; 0 while none was.
    pub commit_time_us: i64,
}

#[derive(Debug)]
struct Transaction {
    /// Records handed to the producer and not acknowledged.
    pending: usize,
    /// Set when the commit was read: no record will be added.
    end: Option<Position>,
}

/// The transactions that are not wholly delivered, oldest first.
#[derive(Debug, Default)]
pub struct Tracker {
    open: VecDeque<Transaction>,
    /// Ticket of the first in `open`.
    first: Ticket,
    confirmed: Position,
    failed: bool,
}

impl Tracker {
    /// A transaction begins; its records carry the ticket.
    pub fn begin(&mut self) -> Ticket {
        self.open.push_back(Transaction {
            pending: 0,
            end: None,
        });
        self.first + self.open.len() - 1
    }

    /// A record of the transaction is about to be handed to the producer.
    pub fn sent(&mut self, ticket: Ticket) {
        if let Some(transaction) = self.find(ticket) {
            transaction.pending += 1;
        }
    }

    /// The producer refused the record that [`Tracker::sent`] announced.
    pub fn not_sent(&mut self, ticket: Ticket) {
        if let Some(transaction) = self.find(ticket) {
            transaction.pending = transaction.pending.saturating_sub(1);
        }
    }

    /// The transaction's commit was read. Answers whether the confirmed position moved.
    pub fn commit(&mut self, ticket: Ticket, end: Position) -> bool {
        if let Some(transaction) = self.find(ticket) {
            transaction.end = Some(end);
        }
        self.advance()
    }

    /// The server has sent everything before `lsn`. Answers whether the confirmed position moved.
    /// Must not be called between [`Tracker::begin`] and [`Tracker::commit`].
    pub fn idle_at(&mut self, lsn: u64) -> bool {
        // The time stays that of the last commit: a keepalive's own time says nothing about commits
        // that the server has not sent yet.
        if let Some(end) = self.open.back_mut().and_then(|last| last.end.as_mut()) {
            // Waits with the last transaction; there is nothing of its own to wait for.
            end.lsn = end.lsn.max(lsn);
            return false;
        }
        if self.failed || !self.open.is_empty() || lsn <= self.confirmed.lsn {
            return false;
        }
        self.confirmed.lsn = lsn;
        true
    }

    /// Kafka acknowledged a record. Answers whether the confirmed position moved.
    pub fn delivered(&mut self, ticket: Ticket) -> bool {
        self.not_sent(ticket);
        self.advance()
    }

    /// A record was not delivered: from here on nothing is confirmed.
    pub fn fail(&mut self) {
        self.failed = true;
    }

    /// Whether a delivery failed.
    pub const fn has_failed(&self) -> bool {
        self.failed
    }

    /// What may be confirmed.
    pub const fn confirmed(&self) -> Position {
        self.confirmed
    }

    /// Transactions that are not wholly delivered.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    fn find(&mut self, ticket: Ticket) -> Option<&mut Transaction> {
        self.open.get_mut(ticket.checked_sub(self.first)?)
    }

    fn advance(&mut self) -> bool {
        let mut moved = false;
        while !self.failed {
            let Some(Transaction {
                pending: 0,
                end: Some(end),
            }) = self.open.front()
            else {
                break;
            };
            moved |= end.lsn > self.confirmed.lsn;
            self.confirmed.lsn = self.confirmed.lsn.max(end.lsn);
            self.confirmed.commit_time_us = self.confirmed.commit_time_us.max(end.commit_time_us);
            self.open.pop_front();
            self.first += 1;
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn end(lsn: u64) -> Position {
        Position {
            lsn,
            commit_time_us: i64::try_from(lsn).unwrap(),
        }
    }

    #[test]
    fn an_empty_transaction_is_confirmed_at_once() {
        let mut tracker = Tracker::default();
        let ticket = tracker.begin();
        assert!(tracker.commit(ticket, end(10)));
        assert_eq!(tracker.confirmed(), end(10));
        assert!(tracker.idle_at(12));
        assert_eq!(
            tracker.confirmed(),
            Position {
                lsn: 12,
                commit_time_us: 10
            }
        );
    }

    #[test]
    fn a_later_transaction_waits_for_an_earlier_one() {
        let mut tracker = Tracker::default();
        let first = tracker.begin();
        tracker.sent(first);
        tracker.commit(first, end(10));
        let second = tracker.begin();
        tracker.sent(second);
        tracker.commit(second, end(20));
        assert!(!tracker.idle_at(30));
        assert!(!tracker.delivered(second));
        assert_eq!(tracker.confirmed().lsn, 0);
        assert!(tracker.delivered(first));
        assert_eq!(tracker.confirmed().lsn, 30);
        assert_eq!(tracker.open(), 0);
    }

    #[test]
    fn a_record_acknowledged_before_its_commit_is_read_confirms_nothing_yet() {
        let mut tracker = Tracker::default();
        let ticket = tracker.begin();
        tracker.sent(ticket);
        assert!(!tracker.delivered(ticket));
        assert!(tracker.commit(ticket, end(10)));
    }

    #[test]
    fn after_a_failure_nothing_is_confirmed() {
        let mut tracker = Tracker::default();
        let ticket = tracker.begin();
        tracker.sent(ticket);
        tracker.fail();
        tracker.commit(ticket, end(10));
        assert!(!tracker.delivered(ticket));
        assert!(!tracker.idle_at(50));
        assert_eq!(tracker.confirmed(), Position::default());
    }

    #[test]
    fn what_the_producer_did_not_take_is_not_waited_for() {
        let mut tracker = Tracker::default();
        let ticket = tracker.begin();
        tracker.sent(ticket);
        tracker.sent(ticket);
        tracker.not_sent(ticket);
        assert!(!tracker.commit(ticket, end(10)));
        assert_eq!(tracker.open(), 1);
        assert!(tracker.delivered(ticket));
        assert_eq!((tracker.confirmed(), tracker.open()), (end(10), 0));
    }

    #[test]
    fn an_acknowledgement_counts_for_its_own_transaction_also_when_earlier_ones_are_gone() {
        let mut tracker = Tracker::default();
        for lsn in [10, 20, 30] {
            let ticket = tracker.begin();
            tracker.sent(ticket);
            tracker.commit(ticket, end(lsn));
            assert!(tracker.delivered(ticket));
        }
        let first = tracker.begin();
        let second = tracker.begin();
        tracker.sent(first);
        tracker.sent(second);
        tracker.commit(first, end(40));
        tracker.commit(second, end(50));
        // One that comes again is nobody's.
        assert!(!tracker.delivered(0));
        assert!(!tracker.delivered(second));
        assert_eq!(tracker.confirmed(), end(30));
        assert!(tracker.delivered(first));
        assert_eq!(tracker.confirmed(), end(50));
    }

    #[test]
    fn an_idle_server_confirms_only_what_is_new_and_never_goes_back() {
        let mut tracker = Tracker::default();
        assert!(tracker.idle_at(10));
        assert!(!tracker.idle_at(10));
        assert!(!tracker.idle_at(9));
        assert_eq!(tracker.confirmed().lsn, 10);
        let ticket = tracker.begin();
        tracker.sent(ticket);
        tracker.commit(ticket, end(20));
        assert!(!tracker.idle_at(15), "before the end of what is under way");
        assert!(tracker.delivered(ticket));
        assert_eq!(tracker.confirmed(), end(20));
        // An end that was confirmed is no news.
        let ticket = tracker.begin();
        assert!(!tracker.commit(ticket, end(20)));
        assert!(!tracker.has_failed());
        tracker.fail();
        assert!(tracker.has_failed());
    }

    /// Something that happens to a tracker; the numbers choose a record.
    #[derive(Debug, Clone)]
    enum Happens {
        Begins(usize),
        Idle,
        Acknowledged(usize),
        Fails,
    }

    fn happens() -> impl Strategy<Value = Happens> {
        prop_oneof![
            6 => (0_usize..4).prop_map(Happens::Begins),
            2 => Just(Happens::Idle),
            8 => any::<usize>().prop_map(Happens::Acknowledged),
            1 => Just(Happens::Fails),
        ]
    }

    proptest! {
        /// Against a plain model that remembers everything: what is confirmed never passes a record that Kafka has
        /// not acknowledged, waits for nothing else, never goes back, and stands still after a failure.
        #[test]
        fn confirms_what_is_delivered_whatever_happens_in_between(all in prop::collection::vec(happens(), 1..80)) {
            let mut tracker = Tracker::default();
            // The end of each transaction, and the tickets of its records that are under way.
            let mut ends: Vec<u64> = Vec::new();
            let mut under_way: Vec<(usize, Ticket)> = Vec::new();
            let (mut lsn, mut idle, mut failed, mut confirmed) = (0, 0, false, 0);
            for one in all {
                lsn += 10;
                match one {
                    Happens::Begins(records) => {
                        let ticket = tracker.begin();
                        for _ in 0..records {
                            tracker.sent(ticket);
                            under_way.push((ends.len(), ticket));
                        }
                        ends.push(lsn);
                        tracker.commit(ticket, end(lsn));
                    }
                    Happens::Idle => {
                        tracker.idle_at(lsn);
                        match ends.last_mut().filter(|_| tracker.open() > 0) {
                            Some(last) => *last = lsn,
                            None if !failed => idle = lsn,
                            None => {}
                        }
                    }
                    Happens::Acknowledged(which) if !under_way.is_empty() => {
                        let (_, ticket) = under_way.swap_remove(which % under_way.len());
                        let before = tracker.confirmed();
                        let moved = tracker.delivered(ticket);
                        prop_assert_eq!(moved, tracker.confirmed() != before);
                    }
                    Happens::Acknowledged(_) => {}
                    Happens::Fails => {
                        tracker.fail();
                        failed = true;
                    }
                }
                if !failed {
                    let open = under_way.iter().map(|(at, _)| *at).min().unwrap_or(ends.len());
                    let delivered = ends[..open].last().copied().unwrap_or(0);
                    confirmed = delivered.max(idle);
                }
                prop_assert_eq!(tracker.confirmed().lsn, confirmed);
                prop_assert_eq!(tracker.has_failed(), failed);
            }
        }

        /// Against a plain model: whatever the order of acknowledgements, the confirmed position is
        /// the end of the longest prefix of transactions without an unacknowledged record.
        #[test]
        fn confirms_exactly_the_delivered_prefix(sizes in prop::collection::vec(0_usize..4, 1..20), seed in any::<u64>()) {
            let mut tracker = Tracker::default();
            let mut unacknowledged = Vec::new();
            for (index, size) in sizes.iter().enumerate() {
                let ticket = tracker.begin();
                for _ in 0..*size {
                    tracker.sent(ticket);
                    unacknowledged.push((index, ticket));
                }
                tracker.commit(ticket, end((index as u64 + 1) * 10));
            }
            let mut draw = seed;
            loop {
                let first_open = unacknowledged.iter().map(|(index, _)| *index).min().unwrap_or(sizes.len());
                prop_assert_eq!(tracker.confirmed().lsn, first_open as u64 * 10);
                if unacknowledged.is_empty() {
                    break;
                }
                draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let position = usize::try_from(draw >> 33).unwrap() % unacknowledged.len();
                let (_, ticket) = unacknowledged.swap_remove(position);
                tracker.delivered(ticket);
            }
            prop_assert_eq!(tracker.open(), 0);
        }
    }
}

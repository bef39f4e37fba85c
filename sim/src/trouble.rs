//! What goes wrong with whole parts: owners that change, memories that are old, caches and logs that are lost.

use inventory::model::NightKey;

use crate::broker::Reader;
use crate::cache::Kept;
use crate::deliver::body_of;
use crate::planted;
use crate::rooms::Set;
use crate::seen::Sight;
use crate::world::World;

impl World {
    /// The other process takes the sagas over, perhaps with what it remembers from when it was the owner. It begins
    /// to read where the former one has committed, so it hears again what that one had only handled.
    pub(crate) fn take_over(&mut self) {
        self.coordinator.take_over();
        self.broker.rewind_all(Reader::Orchestrator);
        let (owner, epoch) = (self.coordinator.owner, self.coordinator.epoch);
        self.tell(|| format!("process {owner} takes the sagas over: epoch {epoch}"));
        if self.random.bool() {
            self.coordinator.forget(owner);
        } else if self.coordinator.remembers_old(owner) {
            self.seen.note(Sight::BackWithOldMemory);
        }
    }

    /// The former owner wakes up and tries to go on: with messages that it had read, or with a saga that is due.
    pub(crate) fn zombie(&mut self) {
        let zombie = 1 - self.coordinator.owner;
        let mut lanes = self
            .broker
            .waiting()
            .iter()
            .filter(|lane| lane.0 == Reader::Orchestrator);
        let lane = lanes.next().copied();
        let due = self.coordinator.due(self.now);
        if lane.is_none() && due.is_empty() {
            return;
        }
        if self.coordinator.hold_epoch(zombie).is_err() {
            self.tell(|| format!("process {zombie} wakes up, but its epoch has ended"));
            self.seen.note(Sight::ZombieFenced);
            return;
        }
        let mut said = Vec::new();
        if let Some(lane) = lane {
            let messages = self.broker.read(lane, 1);
            let new = self.not_handled_before(Reader::Orchestrator, messages);
            said.extend(self.coordinate(zombie, &new));
        }
        for saga_id in due {
            let sent = self.coordinator.fire(zombie, saga_id, self.now);
            said.extend(sent.into_iter().map(body_of));
        }
        for body in said {
            self.broker.commit(body);
        }
    }

    /// Redis is emptied.
    pub(crate) fn wipe_cache(&mut self) {
        self.tell(|| "Redis is emptied".to_owned());
        self.cache.wipe();
    }

    /// The keeper, or somebody who repairs the cache, takes the next step.
    pub(crate) fn keep_cache(&mut self) {
        let came = self.cache.rebuild(&self.rooms.nights);
        if came == Kept::Emptied {
            self.tell(|| "Redis was emptied while it was being filled".to_owned());
            self.seen.note(Sight::EmptiedWhileFilled);
        }
    }

    /// The slot, or the broker's log, is lost.
    pub(crate) fn lose_log(&mut self) {
        let wiped = self.random.bool();
        self.tell(|| {
            let what = if wiped { "the broker's log" } else { "the slot" };
            format!("{what} is lost, and all is published again")
        });
        self.seen.note(Sight::PublishedAgain);
        self.broker.publish_again(wiped);
        if planted!(SnapshotForgotten) {
            return;
        }
        let keys: Vec<NightKey> = self.rooms.nights.keys().copied().collect();
        for key in keys {
            let change = self.change_of(key);
            self.broker.snapshot(change);
        }
    }

    /// The hotel closes a night, opens it again, or has other rooms than before.
    pub(crate) fn change_hotel(&mut self) {
        let at = self.random.usize(0..self.rooms.nights.len());
        let (more, insists) = (self.random.i32(-1..=1), self.random.u32(0..4) == 0);
        let Some((key, night)) = self.rooms.nights.iter_mut().nth(at) else {
            return;
        };
        let (key, total) = (*key, (night.total + more).max(0));
        if more == 0 {
            night.closed = !night.closed;
            self.tell(|| format!("the hotel closes or opens the night of {}", key.2));
            return self.nights_changed(&[key]);
        }
        let taken = night.taken();
        let set = self.rooms.set_total(key, total, insists);
        self.tell(|| format!("the hotel wants {total} rooms in the night of {}: {set:?}", key.2));
        match set {
            Set::Refused => return self.seen.note(Sight::TotalRefused),
            Set::Forced => {
                self.seen.note(Sight::TotalForced);
                self.forced.insert(key, taken);
            }
            Set::Done => {}
        }
        self.nights_changed(&[key]);
    }
}

//! The payment desk at work: one call between two transactions, with everything that can happen to it.

use payment::model::{Call, Effect, Ending, Plan};

use crate::broker::Body;
use crate::money::Job;
use crate::provider::Done;
use crate::seen::Sight;
use crate::world::{Rule, World};

impl World {
    /// The desk works on one of its jobs.
    ///
    /// # Errors
    /// When an outcome contradicts the payment.
    pub(crate) fn work(&mut self, at: usize) -> Result<(), String> {
        let job = self.money.desk.swap_remove(at);
        match self.money.plan(job.payment, job.no) {
            None => Ok(()),
            Some(Plan::Settled(ending, effect)) => self.write(&job, ending, &effect),
            Some(Plan::Call(call)) => self.call(&job, &call),
        }
    }

    fn call(&mut self, job: &Job, call: &Call) -> Result<(), String> {
        let Some(mut key) = self.money.key_of(job.payment, job.no, call) else {
            return Ok(());
        };
        if !self.keeps(Rule::SameKey) {
            key = format!("{key}.{}", self.random.u64(..));
        }
        let Some(done) = self.outcome(job, &key, call) else {
            self.tell(|| format!("nobody knows what became of {} for {}", call.name(), job.payment));
            if !self.keeps(Rule::UnknownIsUnknown)
                && let Some((ending, effect)) = call.conclude(false, None)
            {
                return self.write(job, ending, &effect);
            }
            return Ok(());
        };
        if self.strikes(self.rates.desk_crash) {
            self.tell(|| format!("the desk forgets that {} for {} is {done:?}", call.name(), job.payment));
            self.money.desk.clear();
            return Ok(());
        }
        let (yes, id) = match done {
            Done::Yes(id) => (true, id),
            Done::No => (false, None),
        };
        if yes && matches!(call, Call::Refund { all: true, .. }) {
            self.seen.note(Sight::LateCaptureRefunded);
        }
        match call.conclude(yes, id) {
            Some((ending, effect)) => self.write(job, ending, &effect),
            None => Ok(()),
        }
    }

    /// What the provider says, if that can be known now.
    fn outcome(&mut self, job: &Job, key: &str, call: &Call) -> Option<Done> {
        if job.ask_first {
            if self.strikes(self.rates.answer_lost) {
                return None;
            }
            if let Some(done) = self.provider.ask(key) {
                self.seen.note(Sight::UnknownResolved);
                return Some(done);
            }
        }
        if self.strikes(self.rates.request_lost) {
            return None;
        }
        if self.strikes(self.rates.request_late) {
            self.provider.late.push((key.to_owned(), call.clone()));
            return None;
        }
        let done = self.provider.submit(key, call);
        self.tell(|| format!("the provider is asked to {} for {}: {done:?}", call.name(), job.payment));
        if !self.strikes(self.rates.answer_lost) {
            return Some(done);
        }
        // The answer is lost, so the desk asks; that answer can be lost too.
        (!self.strikes(self.rates.answer_lost)).then_some(done)
    }

    fn write(&mut self, job: &Job, ending: Ending, effect: &Effect) -> Result<(), String> {
        match effect {
            Effect::AuthorizationDeclined => self.seen.note(Sight::Declined),
            Effect::CaptureDeclined => self.seen.note(Sight::CaptureRefused),
            _ => {}
        }
        for reply in self.money.settle(job.payment, job.no, ending, effect)? {
            self.broker.commit(Body::Reply(reply));
        }
        Ok(())
    }

    /// A request that was under way arrives.
    pub(crate) fn arrive(&mut self, at: usize) {
        let (key, call) = self.provider.late.swap_remove(at);
        let done = self.provider.submit(&key, &call);
        self.tell(|| format!("a late request to {} arrives at the provider: {done:?}", call.name()));
        self.seen.note(Sight::LateRequest);
    }

    /// The sweep looks for what the desk forgot.
    pub(crate) fn sweep(&mut self) {
        if self.keeps(Rule::Sweep) {
            for _ in 0..self.money.sweep() {
                self.seen.note(Sight::Swept);
            }
        }
    }
}

//! The payment desk at work: one call between two transactions, with everything that can happen to it.

use payment::model::{Answer, Call, Effect, Ending, Plan, Say};

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
        let answer = self.talk(job, &key, call);
        let is_known = matches!(answer, Answer::Succeeded { .. } | Answer::Declined);
        self.tell(|| format!("{} for payment {} ({key}): {answer:?}", call.name(), job.payment));
        if is_known && self.strikes(self.rates.desk_crash) {
            self.tell(|| "the desk forgets what it was working on".to_owned());
            self.money.desk.clear();
            return Ok(());
        }
        // The capture is the pivot and asked for until its outcome is known, so no booking is undone after it.
        if matches!(call, Call::Refund { all: true, .. }) {
            return Err(format!(
                "payment {} was captured by a booking that is undone",
                job.payment
            ));
        }
        match call.judge(answer) {
            Ok((ending, effect)) => self.write(job, ending, &effect),
            // It stays due, and the sweep finds it.
            Err(_) => Ok(()),
        }
    }

    /// What the provider says in the end, in the order in which production talks to it.
    fn talk(&mut self, job: &Job, key: &str, call: &Call) -> Answer {
        let mut say = Say::first(job.ask_first);
        loop {
            let answer = match say {
                Say::AskFirst | Say::AskAfter => self.ask(key),
                Say::Submit => self.submit(key, call),
            };
            match say.next(&answer) {
                Some(next) => say = next,
                None => return answer,
            }
        }
    }

    fn ask(&mut self, key: &str) -> Answer {
        if self.strikes(self.rates.answer_lost) {
            return Answer::Unknown(String::new());
        }
        let Some(done) = self.provider.ask(key) else {
            return Answer::NeverSeen;
        };
        self.seen.note(Sight::UnknownResolved);
        answer(done)
    }

    fn submit(&mut self, key: &str, call: &Call) -> Answer {
        if self.strikes(self.rates.request_lost) {
            return Answer::Unknown(String::new());
        }
        if self.strikes(self.rates.request_late) {
            self.provider.late.push((key.to_owned(), call.clone()));
            return Answer::Unknown(String::new());
        }
        let done = self.provider.submit(key, call);
        if self.strikes(self.rates.answer_lost) {
            return Answer::Unknown(String::new());
        }
        answer(done)
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
        self.tell(|| {
            format!(
                "a late request to {} arrives at the provider: {done:?}",
                call.name()
            )
        });
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

fn answer(done: Done) -> Answer {
    match done {
        Done::Yes(authorization_id) => Answer::Succeeded { authorization_id },
        Done::No => Answer::Declined,
    }
}

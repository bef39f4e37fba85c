//! The payment desks at work: each call is several turns, and between two of them anything may happen, also that
//! another desk works on the same operation.

use payment::model::{Answer, Call, Effect, Ending, Plan, Say, plan};

use crate::broker::Body;
use crate::money::{Job, Stage};
use crate::planted;
use crate::provider::Done;
use crate::seen::Sight;
use crate::world::World;

impl World {
    /// A desk takes the next turn of one of the jobs.
    ///
    /// # Errors
    /// When an outcome contradicts the payment.
    pub(crate) fn work(&mut self, at: usize) -> Result<(), String> {
        if self.strikes(self.rates.desk_crash) {
            self.tell(|| "the payment desks are killed and forget what they were working on".to_owned());
            self.money.desk.clear();
            return Ok(());
        }
        let mut job = self.money.desk.swap_remove(at);
        let next = match job.stage {
            Stage::Read => Some(read(&job)),
            Stage::Talk(say) => self.talk(&job, say),
            Stage::Write(ending, ref effect) => {
                let effect = effect.clone();
                return self.write(&job, ending, &effect);
            }
        };
        if let Some(stage) = next {
            job.stage = stage;
            self.money.desk.push(job);
        }
        Ok(())
    }

    /// One exchange with the provider. Answers what comes next; nothing when the operation is postponed.
    fn talk(&mut self, job: &Job, say: Say) -> Option<Stage> {
        let Plan::Call(call) = plan(&job.read, job.kind, job.asks.round, job.asked).plan else {
            return None;
        };
        let mut key = call.key(&job.read, job.asks);
        let key_is_new = match call {
            Call::Authorize { .. } => planted!(AuthorizeWithNewKey),
            Call::Capture { .. } => planted!(CaptureWithNewKey),
            Call::Void { .. } | Call::Refund { .. } => false,
        };
        if key_is_new {
            key = format!("{key}.{}", self.random.u32(..));
        }
        let answer = match say {
            Say::AskFirst | Say::AskAfter => self.ask(&key),
            Say::Submit => self.submit(&call, &key),
        };
        self.tell(|| format!("the desk says {say:?} about {key}: {answer:?}"));
        if let Some(next) = say.next(&answer) {
            return Some(Stage::Talk(next));
        }
        // What is not known stays due, and the sweep finds it.
        let (ending, effect) = call.judge(answer).ok()?;
        Some(Stage::Write(ending, effect))
    }

    fn ask(&mut self, key: &str) -> Answer {
        if self.strikes(self.rates.answer_lost) {
            return Answer::Unknown(String::new());
        }
        let Some(done) = self.provider.ask(key) else {
            return Answer::NeverSeen;
        };
        self.seen.note(Sight::UnknownResolved);
        self.answer(done)
    }

    fn submit(&mut self, call: &Call, key: &str) -> Answer {
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
        self.answer(done)
    }

    fn answer(&mut self, done: Done) -> Answer {
        if self.strikes(self.rates.processing) {
            return Answer::Processing;
        }
        match done {
            Done::Yes(authorization_id) => Answer::Succeeded { authorization_id },
            Done::No => Answer::Declined,
        }
    }

    /// The desk's transaction.
    fn write(&mut self, job: &Job, ending: Ending, effect: &Effect) -> Result<(), String> {
        if self.strikes(self.rates.crash_before) {
            self.tell(|| {
                format!(
                    "the desk is killed before it writes that {:?} is {ending:?}",
                    job.kind
                )
            });
            self.money.desk.clear();
            return Ok(());
        }
        let Some(reply) = self.money.settle(job.payment, job.no, ending, effect)? else {
            self.seen.note(Sight::SettledByAnother);
            return Ok(());
        };
        match effect {
            Effect::AuthorizationDeclined => self.seen.note(Sight::Declined),
            Effect::CaptureDeclined => self.seen.note(Sight::CaptureRefused),
            Effect::Voided if self.gave_up_authorizing(&reply) => {
                self.seen.note(Sight::LateAuthorizationVoided);
            }
            _ => {}
        }
        self.tell(|| format!("{:?} of payment {} ends: {ending:?}", job.kind, job.payment));
        self.broker.commit(Body::Reply(reply));
        Ok(())
    }

    /// A request that was under way arrives.
    pub(crate) fn arrive(&mut self, at: usize) {
        let (key, call) = self.provider.late.swap_remove(at);
        let done = self.provider.submit(&key, &call);
        self.tell(|| format!("a late request arrives at the provider: {key}: {done:?}"));
        self.seen.note(Sight::LateRequest);
    }

    /// The sweep takes what is due; where leases have run out, also what a slow desk still works on.
    pub(crate) fn sweep(&mut self) {
        let leases_are_over = self.strikes(self.rates.slow_desk);
        for _ in 0..self.money.sweep(leases_are_over) {
            self.seen.note(Sight::Swept);
        }
    }
}

/// What a desk does with an operation as it was read.
fn read(job: &Job) -> Stage {
    match plan(&job.read, job.kind, job.asks.round, job.asked).plan {
        Plan::Settled(ending, effect) => Stage::Write(ending, effect),
        Plan::Call(_) => Stage::Talk(Say::first(job.ask_first)),
    }
}

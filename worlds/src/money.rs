//! The payment service and the provider: commands are recorded, desks talk, outcomes are written.

use contract::Command;
use payment::model::{Answer, Plan, Say, plan};
use sim::money::{Job, Stage};
use sim::provider::{Done, Provider};

use crate::services::{Said, Services, Worked, command_of};
use crate::shelf::Ref;
use crate::state::Exchange;

impl Services {
    /// The payment service takes a command.
    pub(crate) fn take_payment(&self, payment: Ref, body: Ref) -> Said {
        self.taken.of((payment, body), || {
            let body = self.bodies.get(body);
            let Some((envelope, Command::Payment(command))) = command_of(&body) else {
                return Ok((payment, Vec::new()));
            };
            let asked = envelope.clone().with(command.clone());
            let mut books = (*self.payments.get(payment)).clone();
            let replies = books
                .take(&asked, None, self.now)
                .map_err(|error| self.contradiction(error))?;
            let replies = replies.into_iter().map(|reply| self.reply(reply)).collect();
            Ok((self.payments.put(books), replies))
        })
    }

    /// The payment service looks for operations that no desk works on.
    pub(crate) fn sweep(&self, payment: Ref) -> Ref {
        self.swept.of(payment, || {
            let mut books = (*self.payments.get(payment)).clone();
            books.sweep(false);
            self.payments.put(books)
        })
    }

    /// Desks forget what they were working on.
    pub(crate) fn crash(&self, payment: Ref) -> Ref {
        self.crashed.of(payment, || {
            let mut books = (*self.payments.get(payment)).clone();
            books.desk.clear();
            self.payments.put(books)
        })
    }

    /// A late request arrives at the provider.
    pub(crate) fn arrive(&self, provider: Ref, request: usize) -> Ref {
        self.arrived.of((provider, request), || {
            let mut books = (*self.providers.get(provider)).clone();
            if request < books.late.len() {
                let (key, call) = books.late.remove(request);
                books.submit(&key, &call);
            }
            self.providers.put(books)
        })
    }

    /// A desk takes the next turn of a job: it looks, says something to the provider, or writes the outcome.
    pub(crate) fn work(&self, payment: Ref, provider: Ref, job: usize, exchange: Exchange) -> Worked {
        self.worked.of((payment, provider, job, exchange), || {
            let mut books = (*self.payments.get(payment)).clone();
            let mut theirs = (*self.providers.get(provider)).clone();
            let mut said = Vec::new();
            if job < books.desk.len() {
                let mut at_work = books.desk.remove(job);
                let next = match at_work.stage {
                    Stage::Read => Some(match plan_of(&at_work) {
                        Plan::Settled(ending, effect) => Stage::Write(ending, effect),
                        Plan::Call(_) => Stage::Talk(Say::first(at_work.ask_first)),
                    }),
                    Stage::Talk(say) => talk(&at_work, &mut theirs, say, exchange),
                    Stage::Write(ending, ref effect) => {
                        let written = books.settle(at_work.payment, at_work.no, ending, effect);
                        let reply = written.map_err(|error| self.contradiction(error))?;
                        said.extend(reply.map(|reply| self.reply(reply)));
                        None
                    }
                };
                if let Some(stage) = next {
                    at_work.stage = stage;
                    books.desk.insert(job, at_work);
                }
            }
            Ok((self.payments.put(books), self.providers.put(theirs), said))
        })
    }
}

fn plan_of(job: &Job) -> Plan {
    plan(&job.read, job.kind, job.asks.round, job.asked).plan
}

/// One exchange with the provider. Answers what comes next; nothing when the operation is postponed.
fn talk(job: &Job, theirs: &mut Provider, say: Say, exchange: Exchange) -> Option<Stage> {
    let Plan::Call(call) = plan_of(job) else {
        return None;
    };
    let key = call.key(&job.read, job.asks);
    let done = match (say, exchange) {
        (_, Exchange::RequestLost) => None,
        (Say::Submit, Exchange::RequestLate) => {
            theirs.late.push((key, call.clone()));
            None
        }
        (Say::Submit, _) => Some(theirs.submit(&key, &call)),
        (Say::AskFirst | Say::AskAfter, _) => theirs.ask(&key),
    };
    let answer = match (exchange, done, say) {
        (Exchange::Answered, Some(Done::Yes(authorization_id)), _) => Answer::Succeeded { authorization_id },
        (Exchange::Answered, Some(Done::No), _) => Answer::Declined,
        (Exchange::Answered, None, _) => Answer::NeverSeen,
        _ => Answer::Unknown(String::new()),
    };
    if let Some(next) = say.next(&answer) {
        return Some(Stage::Talk(next));
    }
    let (ending, effect) = call.judge(answer).ok()?;
    Some(Stage::Write(ending, effect))
}

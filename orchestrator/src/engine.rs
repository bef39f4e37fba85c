//! The saga engine: a saga is declared as one expression, and what it does next is a pure function of
//! its journal. Nothing here knows a database, a broker or a clock; time comes in as an argument.

mod decide;
mod dsl;
#[cfg(test)]
mod example;
mod journal;
mod outline;
mod preview;
mod replay;
mod resend;
mod run;
mod settle;
mod standing;
mod state;
mod verb;
mod verbs;
mod versions;
mod waiting;

pub use decide::{Decision, Entry, decide};
pub use dsl::{
    AfterPivot, Ask, BeforePivot, Kind, OpenedForGood, Saga, Step, Tell, Undo, Unopened, Wait, When,
    nothing_to_undo, saga, undo, undo_telling, undone_by, wait, when,
};
pub use journal::{Answer, HeldBack, Line, What};
pub use outline::{Outline, OutlineStep, StepKind};
pub use preview::{Preview, preview};
pub use resend::{Resend, doubling, fixed};
pub use run::{Input, Moves, Sent, advance};
pub use settle::{Settled, thing};
pub use standing::{Run, standing};
pub use state::State;
pub use verb::{Rule, Spoken, Verb};
pub use verbs::{Owed, Sureness};
pub use versions::Versions;
pub use waiting::{At, Held, Pace, Waiting};

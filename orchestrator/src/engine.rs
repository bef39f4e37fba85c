//! The saga engine: a saga is declared as one expression, and what it does next is a pure function of
//! its log. Nothing here knows a database, a broker or a clock; time comes in as an argument.

mod decide;
mod dsl;
mod outline;
mod run;
mod versions;

pub use decide::{Decision, Entry, decide};
pub use dsl::{
    AfterPivot, Ask, BeforePivot, Kind, OpenedForGood, Saga, Step, Tell, Undo, Unopened, Wait,
    nothing_to_undo, saga, undo, undo_telling, wait,
};
pub use outline::{Outline, OutlineStep, StepKind};
pub use run::{Input, Line, Pace, RESEND_CAP, Run, State, Waiting, What, advance, refused};
pub use versions::Versions;

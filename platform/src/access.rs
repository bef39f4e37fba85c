//! Who may do what. Each operation has a [`Row`] in the table that its service writes with `operations!`; [`guarded`]
//! finds it by method and matched path, and a route without one is not served. What was admitted reaches the handler
//! as [`Allowed`], which says who asks and what of all there is they see.
//!
//! Two belts: the rule of the row, and [`Sees`] in the `where` of every load.

mod actor;
mod allowed;
mod guard;
mod operations;
mod row;
mod sees;
mod table;

pub use actor::{Actor, Kind, NoActor};
pub use allowed::{Allowed, Operation, TakesItsOwn, takes_its_own};
pub use guard::{guarded, trial};
pub use row::{Class, Listener, Place, Row, Rule};
pub use sees::{Sees, What};
pub use table::Table;

//! The relay's one endpoint.

use std::sync::Arc;

use platform::access::{Class, Kind, Place, Row};
use platform::operations;

use crate::context::Relay;

mod get_relay;

operations! { pub(crate) Arc<Relay>;
    GetRelay = get_relay::get_relay: Row::of(&[Kind::Viewer]).class(Class::Desk).found_by(Place::Root),
}

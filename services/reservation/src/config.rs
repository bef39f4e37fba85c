//! The reservation service's settings.

/// How the reservation service groups requests.
#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// Reservations made in one transaction at most.
    #[arg(long, env = "BELLHOP_RESERVATION_GROUP_MAX", default_value_t = 200)]
    pub reservation_group_max: usize,

    /// Reservations waiting to be made at most; one more is answered 503.
    #[arg(long, env = "BELLHOP_RESERVATION_QUEUE_MAX", default_value_t = 2_000)]
    pub reservation_queue_max: usize,

    /// Bookings that may wait for their outcome at most; one more is answered 503 and may come again. What the
    /// platform completes in the seconds that a guest likes to wait: more would wait longer, and no more be done.
    #[arg(long, env = "BELLHOP_OPEN_BOOKINGS_MAX", default_value_t = 2_000)]
    pub open_bookings_max: u32,
}

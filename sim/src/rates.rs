//! How often things go wrong under one seed, drawn anew for each: some seeds know one kind of fault alone,
//! some all of them, some none.

use fastrand::Rng;

/// Chances in a thousand, each time that it could happen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rates {
    /// A transaction is lost before it is committed.
    pub crash_before: u32,
    /// A transaction is committed and its messages come again.
    pub crash_after: u32,
    /// The relay sends again what it had sent.
    pub relay_repeats: u32,
    /// A message that comes again is handled again, because the inbox has forgotten it.
    pub inbox_forgets: u32,
    /// A message is overtaken by later ones of its key.
    pub overtaken: u32,
    /// A request to the provider never arrives.
    pub request_lost: u32,
    /// A request to the provider arrives late, after its sender has given up waiting.
    pub request_late: u32,
    /// The provider's answer is lost.
    pub answer_lost: u32,
    /// The provider has it and does not know the outcome yet.
    pub processing: u32,
    /// A desk is so slow that another one takes its work.
    pub slow_desk: u32,
    /// The desk forgets what it was working on.
    pub desk_crash: u32,
    /// Another process takes the sagas over.
    pub take_over: u32,
    /// The former owner of the sagas tries to write.
    pub zombie: u32,
    /// Time passes: seconds, longer than a hold lives, or a day.
    pub time: u32,
    /// Redis is emptied.
    pub cache_wiped: u32,
    /// The cache is compared with the table although nobody asked.
    pub cache_repaired: u32,
    /// The slot, or the broker's log, is lost: everything kept is published again.
    pub log_lost: u32,
    /// The hotel closes a night or changes its total.
    pub hotel_changes: u32,
    /// An operator says a verb to a run.
    pub operator: u32,
}

impl Rates {
    /// Draws.
    pub fn draw(random: &mut Rng) -> Self {
        let mut of = |often: u32| match random.u32(0..4) {
            0 | 1 => 0,
            2 => often / 4,
            _ => often,
        };
        Self {
            crash_before: of(200),
            crash_after: of(200),
            relay_repeats: of(150),
            inbox_forgets: of(500),
            overtaken: of(150),
            request_lost: of(300),
            request_late: of(300),
            answer_lost: of(300),
            processing: of(200),
            slow_desk: of(300),
            desk_crash: of(60),
            take_over: of(60),
            zombie: of(100),
            time: of(150),
            cache_wiped: of(40),
            cache_repaired: of(60),
            log_lost: of(20),
            hotel_changes: of(40),
            operator: of(30),
        }
    }
}

/// Whether something with this chance in a thousand happens now.
pub fn strikes(random: &mut Rng, chance: u32) -> bool {
    chance > 0 && random.u32(0..1_000) < chance
}

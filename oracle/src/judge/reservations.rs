//! Bookings, cancellations and looks at a reservation.

use contract::ReservationId;
use inventory::model::HoldState;

use super::{Judge, minor, primary};
use crate::guests::{Reservation, Standing};
use crate::journal::Entry;

impl Judge {
    /// The outcome of a booking, or that it is under way.
    pub(super) fn booking(&mut self, entry: &Entry) -> Option<()> {
        let used = entry.text("/code") == Some("quote_used");
        let Some(id) = entry.text("/reservation_id").filter(|_| !used) else {
            // Refused at the door: nothing was written. A quote that was used names the booking of another request.
            self.verdict
                .answer("bookings refused at the door", primary(entry));
            return (400..500).contains(&entry.status).then_some(());
        };
        let what = match entry.status {
            201 => "bookings confirmed",
            202 => "bookings under way",
            _ => "bookings refused",
        };
        self.verdict.answer(what, primary(entry));
        let id: ReservationId = id.parse().ok()?;
        self.told.insert(id);
        let reservation = self.reservation_of(id)?;
        if reservation
            .states
            .began_us()
            .is_none_or(|began| began < entry.began_us)
        {
            self.verdict
                .violation("it is in the log from before it was asked for");
        }
        if entry.status < 300 {
            self.told_state(entry, &reservation)
        } else {
            self.told_refusal(entry, &reservation, "/code", "/night")
        }
    }

    /// A cancellation: in the end the rooms are back, and the refund is what was written.
    pub(super) fn cancellation(&mut self, entry: &Entry, id: &str) -> Option<()> {
        self.verdict.answer("cancellations", primary(entry));
        let reservation = self.reservation_of(id.parse().ok()?)?;
        self.told_state(entry, &reservation)
    }

    /// A look at a reservation.
    pub(super) fn reservation(&mut self, entry: &Entry, id: &str) -> Option<()> {
        self.verdict.answer("looks at a reservation", primary(entry));
        let reservation = self.reservation_of(id.parse().ok()?)?;
        if entry.text("/state") == Some("rejected") {
            return self.told_refusal(entry, &reservation, "/refusal/code", "/refusal/night");
        }
        self.told_state(entry, &reservation)
    }

    fn reservation_of(&mut self, id: ReservationId) -> Option<Reservation> {
        let found = self.guests.0.get(&id).cloned();
        if found.is_none() {
            self.verdict.violation("the log does not know this reservation");
        }
        found
    }

    /// The state was true in the window, with these amounts, and the rooms say the same.
    fn told_state(&mut self, entry: &Entry, reservation: &Reservation) -> Option<()> {
        let state = entry.text("/state")?;
        let total = minor(entry.answer.get("total")?)?;
        let refund = entry.answer.get("refund").map(minor);
        let same = |standing: &Standing| {
            standing.state == state
                && standing.total_minor == total
                && refund.is_none_or(|refund| refund == standing.refund_minor)
        };
        if !stood(entry, reservation, same) {
            let wrong = format!("{state}, total {total}, refund {refund:?}: never so meanwhile");
            self.verdict.violation(wrong);
        }
        let rooms = match state {
            "confirmed" => HoldState::Sold,
            // Nights that had begun stay sold.
            "cancelled" if entry.text("/kept_until").is_some() => HoldState::Sold,
            "cancelled" => HoldState::Released,
            _ => return Some(()),
        };
        self.verdict.compared("rooms of what was told");
        let hold = self.books.holds_of.get(&reservation.saga_id);
        if !hold.is_some_and(|hold| hold.during(primary(entry)).any(|state| state == Some(&rooms))) {
            self.verdict.violation(format!(
                "{state} was told, and its rooms were never {rooms:?} meanwhile"
            ));
        }
        Some(())
    }

    /// The refusal was true in the window; where rooms decided, the rules had said the same then.
    fn told_refusal(
        &mut self,
        entry: &Entry,
        reservation: &Reservation,
        code: &str,
        night: &str,
    ) -> Option<()> {
        let (code, night) = (entry.text(code)?, entry.text(night));
        let same = |standing: &Standing| {
            standing.state == "rejected"
                && standing.refusal_code.as_deref() == Some(code)
                && standing.refusal_night.as_deref() == night
        };
        if !stood(entry, reservation, same) {
            self.verdict
                .violation(format!("{code} on {night:?}: never refused so meanwhile"));
        }
        let refusals = self.books.refusals.get(&reservation.saga_id);
        let window = primary(entry);
        let decided = refusals.into_iter().flatten().any(|(at_us, refusal)| {
            // A later look finds what was decided earlier.
            let in_time = *at_us <= window.to_us;
            let night = refusal.night().map(|night| night.to_string());
            in_time && refusal.word() == code && night.as_deref() == entry_night(entry)
        });
        if matches!(code, "sold_out" | "closed") {
            self.verdict.compared("nights that were told to be full");
            if !decided {
                self.verdict
                    .violation(format!("{code} on {night:?}: the rules never said so"));
            }
        }
        Some(())
    }
}

/// Whether it stood so at some moment of the window.
fn stood(entry: &Entry, reservation: &Reservation, same: impl Fn(&Standing) -> bool) -> bool {
    let mut states = reservation.states.during(primary(entry));
    states.any(|standing| standing.is_some_and(&same))
}

fn entry_night(entry: &Entry) -> Option<&str> {
    entry.text("/night").or_else(|| entry.text("/refusal/night"))
}

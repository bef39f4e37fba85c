//! Why a request is refused for reasons of the business: each code with its class, what happened, and what to do.
//! One table, from which the page of each code is made. What any HTTP interface may answer is `platform`'s.

/// What a refusal is, and so what may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The request is wrong as it is.
    Invalid,
    /// Somebody was first, or a date has passed: another offer may do.
    Taken,
    /// The payment method does not pay.
    Payment,
}

/// What a code means.
#[derive(Debug, Clone, Copy)]
pub struct Meaning {
    /// The stable slug.
    pub code: &'static str,
    /// What it is.
    pub class: Class,
    /// The HTTP statuses with which it is answered.
    pub statuses: &'static [u16],
    /// What happened, for people.
    pub happened: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

/// Every code of the business.
pub const REFUSALS: &[Meaning] = &[
    Meaning {
        code: "sold_out",
        class: Class::Taken,
        statuses: &[409],
        happened: "A night of the stay has no room of this type left; `night` says which.",
        remedy: "Search again and take other dates or another room type. Nothing was charged. Another try needs a new Idempotency-Key.",
    },
    Meaning {
        code: "closed",
        class: Class::Taken,
        statuses: &[409],
        happened: "The hotel takes no bookings for a night of the stay; `night` says which.",
        remedy: "Search again and take other dates. Nothing was charged. Another try needs a new Idempotency-Key.",
    },
    Meaning {
        code: "stay_in_past",
        class: Class::Taken,
        statuses: &[409, 422],
        happened: "The stay begins before today, by the calendar at the hotel.",
        remedy: "Ask for a stay from today on at the hotel, which may be far from where you are.",
    },
    Meaning {
        code: "stay_too_far_ahead",
        class: Class::Invalid,
        statuses: &[422],
        happened: "The stay begins more than 730 days from today at the hotel.",
        remedy: "Ask for a stay that begins earlier.",
    },
    Meaning {
        code: "invalid_stay",
        class: Class::Invalid,
        statuses: &[400, 422],
        happened: "The dates are not a stay: the departure is not after the arrival.",
        remedy: "Give a departure that is 1 to 30 nights after the arrival.",
    },
    Meaning {
        code: "stay_too_long",
        class: Class::Invalid,
        statuses: &[400, 422],
        happened: "The stay has more than 30 nights.",
        remedy: "Ask for 30 nights at most; a longer stay is two bookings.",
    },
    Meaning {
        code: "party_too_large",
        class: Class::Invalid,
        statuses: &[422],
        happened: "The rooms do not take so many people; children may sleep where adults may, never the reverse.",
        remedy: "Ask for more rooms or a larger room type.",
    },
    Meaning {
        code: "party_too_small",
        class: Class::Invalid,
        statuses: &[422],
        happened: "There are more rooms than adults; each room takes at least one.",
        remedy: "Ask for fewer rooms or name more adults.",
    },
    Meaning {
        code: "party_differs",
        class: Class::Invalid,
        statuses: &[422],
        happened: "The party is not the one that was quoted.",
        remedy: "Book the party of the quote, or ask for a new quote.",
    },
    Meaning {
        code: "no_price",
        class: Class::Taken,
        statuses: &[409],
        happened: "A night of the stay has no price in this rate plan; `night` says which.",
        remedy: "Take other dates or another rate plan; a search lists the plans that have a price for every night.",
    },
    Meaning {
        code: "unknown_room_type",
        class: Class::Taken,
        statuses: &[409],
        happened: "The hotel offers no rooms of this type.",
        remedy: "Search again; nothing was charged. The hotel has to set the inventory of the room type before it is sold.",
    },
    Meaning {
        code: "rooms_out_of_range",
        class: Class::Taken,
        statuses: &[409],
        happened: "A booking takes 1 to 9 rooms.",
        remedy: "Book fewer rooms, or make two bookings.",
    },
    Meaning {
        code: "hold_expired",
        class: Class::Taken,
        statuses: &[409],
        happened: "The rooms were held for too long while the booking ran, and were given back.",
        remedy: "Ask for a new quote and book it under a new Idempotency-Key. Nothing was charged.",
    },
    Meaning {
        code: "hold_released",
        class: Class::Taken,
        statuses: &[409],
        happened: "The rooms were given back before the booking was done.",
        remedy: "Ask for a new quote and book it under a new Idempotency-Key. Nothing was charged.",
    },
    Meaning {
        code: "invalid_quote",
        class: Class::Invalid,
        statuses: &[422],
        happened: "The quote token is not one that POST /v1/quotes gave out, or was changed on the way.",
        remedy: "Send the quote_token as it came, or ask for a new quote.",
    },
    Meaning {
        code: "quote_expired",
        class: Class::Taken,
        statuses: &[409],
        happened: "The quote has expired, and its price with it; a quote holds for 15 minutes.",
        remedy: "Ask for a new quote and book that.",
    },
    Meaning {
        code: "quote_used",
        class: Class::Taken,
        statuses: &[409],
        happened: "The quote was booked before, under another Idempotency-Key; `reservation_id` says what came of it.",
        remedy: "Look that reservation up. Another stay needs a quote of its own.",
    },
    Meaning {
        code: "payment_declined",
        class: Class::Payment,
        statuses: &[402],
        happened: "The payment method was declined. Nothing was charged, and the rooms were given back.",
        remedy: "Use another payment method, with a new Idempotency-Key.",
    },
    Meaning {
        code: "capture_declined",
        class: Class::Payment,
        statuses: &[402],
        happened: "The payment could be reserved and not be taken. Nothing was charged, and the rooms were given back.",
        remedy: "Use another payment method, with a new Idempotency-Key.",
    },
    Meaning {
        code: "payment_unavailable",
        class: Class::Taken,
        statuses: &[409],
        happened: "The payment provider gave no answer for too long. The booking was undone; if anything was reserved, it is given back.",
        remedy: "Book again later, with a new Idempotency-Key.",
    },
    Meaning {
        code: "payment_voided",
        class: Class::Taken,
        statuses: &[409],
        happened: "The payment was called off before it was authorised. Nothing was charged.",
        remedy: "Book again, with a new Idempotency-Key.",
    },
    Meaning {
        code: "unknown_payment_method",
        class: Class::Payment,
        statuses: &[402, 409, 422],
        happened: "The payment provider does not know this payment method.",
        remedy: "Send a token that the payment provider gave out.",
    },
    Meaning {
        code: "timed_out",
        class: Class::Taken,
        statuses: &[409],
        happened: "A step of the booking took too long and the booking was undone. Nothing is charged.",
        remedy: "Book again later, with a new Idempotency-Key.",
    },
    Meaning {
        code: "not_cancellable",
        class: Class::Taken,
        statuses: &[409],
        happened: "The reservation was rejected, so that there is nothing to cancel.",
        remedy: "Nothing has to be done.",
    },
    Meaning {
        code: "stay_over",
        class: Class::Taken,
        statuses: &[409],
        happened: "The stay is over, so that nothing of it is left to cancel.",
        remedy: "Ask the hotel.",
    },
    Meaning {
        code: "card_data_refused",
        class: Class::Invalid,
        statuses: &[422],
        happened: "The body, the query or the Idempotency-Key carries what looks like a card number. Nothing of it was kept.",
        remedy: "Send the payment provider's token as payment_method, and card data to the provider alone. Where a long number is none of a card, write it as what it is: a telephone number with + and its country, a key with a word in front of it.",
    },
    Meaning {
        code: "below_sold",
        class: Class::Taken,
        statuses: &[409],
        happened: "More rooms are held or sold in a night than the new total allows; `night` says which.",
        remedy: "Set a larger total, or insist with force and a reason.",
    },
    Meaning {
        code: "empty_range",
        class: Class::Invalid,
        statuses: &[400, 422],
        happened: "The range of nights is empty.",
        remedy: "Give a `to` after `from`.",
    },
    Meaning {
        code: "range_too_long",
        class: Class::Invalid,
        statuses: &[400, 422],
        happened: "The range has more nights than one request may.",
        remedy: "Ask for fewer nights at once.",
    },
    Meaning {
        code: "too_many_nights",
        class: Class::Invalid,
        statuses: &[422],
        happened: "The answer would have too many nights of room types.",
        remedy: "Ask for fewer nights, or for one room type.",
    },
    Meaning {
        code: "night_in_past",
        class: Class::Invalid,
        statuses: &[422],
        happened: "The night is past.",
        remedy: "Set nights from today on.",
    },
    Meaning {
        code: "too_far_ahead",
        class: Class::Invalid,
        statuses: &[422],
        happened: "The nights are further ahead than anybody can book.",
        remedy: "Set nearer nights.",
    },
    Meaning {
        code: "nothing_to_set",
        class: Class::Invalid,
        statuses: &[422],
        happened: "The request sets nothing.",
        remedy: "Say what is to be set: total or closed.",
    },
    Meaning {
        code: "total_out_of_range",
        class: Class::Invalid,
        statuses: &[422],
        happened: "A room type has 0 to 10,000 rooms each night.",
        remedy: "Give a total in this range.",
    },
    Meaning {
        code: "total_required",
        class: Class::Invalid,
        statuses: &[422],
        happened: "A night that was never offered needs a total.",
        remedy: "Say how many rooms there are.",
    },
    Meaning {
        code: "reason_required",
        class: Class::Invalid,
        statuses: &[422],
        happened: "A total that is forced needs a reason.",
        remedy: "Say why in reason.",
    },
    Meaning {
        code: "duplicate_night",
        class: Class::Invalid,
        statuses: &[422],
        happened: "A night stands twice in the list; `night` says which.",
        remedy: "Send each night once.",
    },
    Meaning {
        code: "invalid_amount",
        class: Class::Invalid,
        statuses: &[422],
        happened: "The amount is not one in the hotel's currency, or larger than can be charged.",
        remedy: "Write a decimal string with exactly the currency's decimals, such as \"129.00\" for EUR and \"12900\" for JPY.",
    },
    Meaning {
        code: "unknown_time_zone",
        class: Class::Invalid,
        statuses: &[422],
        happened: "There is no such time zone.",
        remedy: "Give a name of the IANA time zone database, such as Europe/Lisbon.",
    },
    Meaning {
        code: "filter_missing",
        class: Class::Invalid,
        statuses: &[400],
        happened: "The list would be of everybody's reservations.",
        remedy: "Say whose: a hotel or a guest's address.",
    },
    Meaning {
        code: "unknown_state",
        class: Class::Invalid,
        statuses: &[400],
        happened: "There is no such state of a run.",
        remedy: "Take one of those in the detail.",
    },
    Meaning {
        code: "unknown_type",
        class: Class::Invalid,
        statuses: &[400],
        happened: "There is no such kind of run.",
        remedy: "Take one of those in the detail.",
    },
    Meaning {
        code: "invalid_range",
        class: Class::Invalid,
        statuses: &[400],
        happened: "The range of dates is empty or too long for one answer.",
        remedy: "Ask for 1 to 366 nights.",
    },
    Meaning {
        code: "invalid_signature",
        class: Class::Invalid,
        statuses: &[401],
        happened: "The webhook is not signed by the payment provider, or too old.",
        remedy: "Sign it with the shared secret, and send it at once.",
    },
    Meaning {
        code: "invalid_webhook_id",
        class: Class::Invalid,
        statuses: &[400],
        happened: "The webhook has no usable id.",
        remedy: "Send a webhook-id header as Standard Webhooks has it.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_means_one_thing() {
        let mut codes: Vec<_> = REFUSALS.iter().map(|meaning| meaning.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), REFUSALS.len());
    }
}

//! The table: one row for each code of the business.

use super::kept::Members;
use super::{Argument, Class, Meaning, Say};
use crate::{ReservationId, StayDate};

/// Makes the codes, the reasons with their arguments, and what the table says of each.
macro_rules! refusals {
    ($(
        $name:ident $({ $($argument:ident: $kind:ty),+ })? = $word:literal, $class:ident,
        happened $happened:literal, remedy $remedy:literal,
        guest $guest:literal, staff $staff:literal, operator $operator:literal;
    )+) => {
        /// Every code of the business.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $happened] $name,)+
        }

        /// Every reason for which something is refused, with its arguments.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Why {
            $(
                #[doc = $happened]
                $name $({ $(#[doc = concat!("The member `", stringify!($argument), "`.")] $argument: $kind),+ })?,
            )+
        }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// What the table says of it.
            pub const fn meaning(self) -> &'static Meaning {
                match self {
                    $(Self::$name => const { &Meaning {
                        word: $word,
                        class: Class::$class,
                        arguments: &[$($(Argument {
                            name: stringify!($argument),
                            kind: <$kind as Say>::KIND,
                        }),+)?],
                        happened: $happened,
                        remedy: $remedy,
                        guest: $guest,
                        staff: $staff,
                        operator: $operator,
                    } },)+
                }
            }

            /// The stable word for programs.
            pub const fn word(self) -> &'static str {
                self.meaning().word
            }

            /// The code with this word.
            pub fn of(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$name),)+
                    _ => None,
                }
            }
        }

        impl Why {
            /// Its code.
            pub const fn code(self) -> Code {
                match self {
                    $(Self::$name { .. } => Code::$name,)+
                }
            }

            pub(super) fn arguments(self) -> Members {
                match self {
                    $(Self::$name $({ $($argument),+ })? => {
                        vec![$($((stringify!($argument).into(), $argument.kept())),+)?]
                    })+
                }
            }
        }
    };
}

refusals! {
    SoldOut { night: StayDate } = "sold_out", Taken,
        happened "A night of the stay has no room of this type left; `night` says which.",
        remedy "Search again and take other dates or another room type. Nothing was charged. Another try needs a new Idempotency-Key.",
        guest "The night of {night} is sold out.",
        staff "In the night of {night} every room of this type that may be sold is held or sold.",
        operator "The hold found no room left in the night of {night}.";

    Closed { night: StayDate } = "closed", Taken,
        happened "The hotel takes no bookings for a night of the stay; `night` says which.",
        remedy "Search again and take other dates. Nothing was charged. Another try needs a new Idempotency-Key.",
        guest "The hotel takes no bookings for the night of {night}.",
        staff "The night of {night} is closed; open it to sell it.",
        operator "The hold found the night of {night} closed.";

    StayInPast { night: StayDate } = "stay_in_past", Invalid,
        happened "The stay begins before today, by the calendar at the hotel.",
        remedy "Ask for a stay from today on at the hotel, which may be far from where you are.",
        guest "The stay would begin on {night}, which is past.",
        staff "The day of arrival, {night}, is past at the hotel.",
        operator "The stay begins on {night}, before the hotel's today.";

    StayTooFarAhead { most: u32 } = "stay_too_far_ahead", Invalid,
        happened "The stay begins more than 730 days from today at the hotel.",
        remedy "Ask for a stay that begins earlier.",
        guest "A stay begins at most {most} days from today at the hotel.",
        staff "Nights are sold at most {most} days ahead.",
        operator "The stay begins more than {most} days from the hotel's today.";

    InvalidStay = "invalid_stay", Invalid,
        happened "The dates are not a stay: the departure is not after the arrival.",
        remedy "Give a departure that is 1 to 30 nights after the arrival.",
        guest "The departure must be at least one day after the arrival.",
        staff "The stay has no night.",
        operator "The dates that were asked for hold no night.";

    StayTooLong { most: u32 } = "stay_too_long", Invalid,
        happened "The stay has more than 30 nights.",
        remedy "Ask for 30 nights at most; a longer stay is two bookings.",
        guest "A stay has at most {most} nights; book the rest as a second stay.",
        staff "One booking has at most {most} nights.",
        operator "More than {most} nights were asked for at once.";

    PartyTooLarge { most: u32 } = "party_too_large", Invalid,
        happened "The rooms do not take so many people; children may sleep where adults may, never the reverse.",
        remedy "Ask for more rooms or a larger room type.",
        guest "The rooms take at most {most}; ask for more rooms or a larger room type.",
        staff "The rooms of this type take at most {most}.",
        operator "The party is larger than the rooms that were asked for.";

    PartyTooSmall { least: u32 } = "party_too_small", Invalid,
        happened "There are more rooms than adults; each room takes at least one.",
        remedy "Ask for fewer rooms or name more adults.",
        guest "Each room needs at least one adult, these {least}. Ask for fewer rooms.",
        staff "Each room needs an adult, these {least}.",
        operator "Fewer than {least} adults were named, one for each room.";

    PartyDiffers = "party_differs", Invalid,
        happened "The party is not the one that was quoted.",
        remedy "Book the party of the quote, or ask for a new quote.",
        guest "The party differs from the one that was quoted; ask for a new quote.",
        staff "The guest named another party than the quote's.",
        operator "Party of the booking and party of its quote differ.";

    NoPrice { night: StayDate } = "no_price", Taken,
        happened "A night of the stay has no price in this rate plan; `night` says which.",
        remedy "Take other dates or another rate plan; a search lists the plans that have a price for every night.",
        guest "The night of {night} has no price in this rate plan; choose other dates or another rate plan.",
        staff "The night of {night} has no price in this rate plan; set one to sell it.",
        operator "No price is set for the night of {night}.";

    UnknownRoomType = "unknown_room_type", Taken,
        happened "The hotel offers no rooms of this type.",
        remedy "Search again; nothing was charged. The hotel has to set the inventory of the room type before it is sold.",
        guest "The hotel does not offer this type of room.",
        staff "No night of this room type has rooms; set its inventory to sell it.",
        operator "Inventory has no row of this room type.";

    RoomsOutOfRange { least: u32, most: u32 } = "rooms_out_of_range", Invalid,
        happened "A booking takes 1 to 9 rooms.",
        remedy "Book fewer rooms, or make two bookings.",
        guest "A booking takes {least} to {most} rooms.",
        staff "One booking takes {least} to {most} rooms.",
        operator "The hold asks for rooms outside {least} to {most}.";

    HoldExpired = "hold_expired", Taken,
        happened "The rooms were held for too long while the booking ran, and were given back.",
        remedy "Ask for a new quote and book it under a new Idempotency-Key. Nothing was charged.",
        guest "The rooms were held for too long and have been given back. Please book again.",
        staff "The booking took longer than rooms are held; they are on sale again.",
        operator "The hold had expired when its rooms were to be booked.";

    HoldReleased = "hold_released", Taken,
        happened "The rooms were given back before the booking was done.",
        remedy "Ask for a new quote and book it under a new Idempotency-Key. Nothing was charged.",
        guest "The rooms were given back.",
        staff "The booking was called off before its rooms were held.",
        operator "The release of the hold came before the hold.";

    InvalidQuote = "invalid_quote", Invalid,
        happened "The quote token is not one that POST /v1/quotes gave out, or was changed on the way.",
        remedy "Send the quote_token as it came, or ask for a new quote.",
        guest "The quote token is not one that POST /v1/quotes gave out, or was changed.",
        staff "The guest's quote cannot be read; a new one helps.",
        operator "The token's signature or content does not hold.";

    QuoteExpired = "quote_expired", Taken,
        happened "The quote has expired, and its price with it; a quote holds for 15 minutes.",
        remedy "Ask for a new quote and book that.",
        guest "The quote has expired and its price with it. Ask for a new one by POST /v1/quotes and book that.",
        staff "The guest's quote has expired; a new one has today's price.",
        operator "The token came after its end.";

    QuoteUsed { reservation_id: ReservationId } = "quote_used", Taken,
        happened "The quote was booked before, under another Idempotency-Key; `reservation_id` and `Location` name the booking that came of it.",
        remedy "Look that reservation up. Another stay needs a quote of its own.",
        guest "This quote has been booked: /v1/reservations/{reservation_id} is the booking. For another one ask for a new quote by POST /v1/quotes.",
        staff "The quote became the reservation {reservation_id}.",
        operator "Another key made the reservation {reservation_id} of this quote.";

    PaymentDeclined = "payment_declined", Payment,
        happened "The payment method was declined. Nothing was charged, and the rooms were given back.",
        remedy "Use another payment method, with a new Idempotency-Key.",
        guest "The payment method was declined; nothing was taken. Try another one.",
        staff "The guest's payment method was declined.",
        operator "The provider declined the authorisation.";

    CaptureDeclined = "capture_declined", Payment,
        happened "The payment could be reserved and not be taken. Nothing was charged, and the rooms were given back.",
        remedy "Use another payment method, with a new Idempotency-Key.",
        guest "The payment could not be taken; nothing was taken. Try another payment method.",
        staff "The payment was reserved, and could not be taken.",
        operator "The provider declined the capture of an authorised payment.";

    PaymentUnavailable = "payment_unavailable", Taken,
        happened "The payment provider gave no answer for too long. The booking was undone; if anything was reserved, it is given back.",
        remedy "Book again later, with a new Idempotency-Key.",
        guest "The payment provider did not answer in time. Nothing was charged; please try again.",
        staff "The payment provider did not answer; the booking was undone.",
        operator "The provider's outcome was unknown for longer than the step waits.";

    PaymentVoided = "payment_voided", Taken,
        happened "The payment was called off before it was authorised. Nothing was charged.",
        remedy "Book again, with a new Idempotency-Key.",
        guest "The payment was called off before it was authorised; nothing was taken.",
        staff "The booking was called off before it was paid.",
        operator "The void of the payment came before its authorisation.";

    UnknownPaymentMethod = "unknown_payment_method", Invalid,
        happened "The payment provider does not know this payment method.",
        remedy "Send a token that the payment provider gave out.",
        guest "The payment provider does not know this payment method.",
        staff "The payment provider does not know the guest's payment method.",
        operator "The token is none of the provider's.";

    TimedOut = "timed_out", Taken,
        happened "A step of the booking took too long and the booking was undone. Nothing is charged.",
        remedy "Book again later, with a new Idempotency-Key.",
        guest "It took too long, so everything was undone. Please try again.",
        staff "The booking took too long and was undone.",
        operator "A step had no answer for longer than it waits, and was given up.";

    TooLate = "too_late", Taken,
        happened "A step of the booking came to the service that was to do it when nobody waited for it any more, and was not begun. Nothing is charged.",
        remedy "Book again later, with a new Idempotency-Key.",
        guest "It took too long, so it was not begun. Please try again.",
        staff "A step of the booking came too late, and was not begun.",
        operator "A command was taken from its queue after its deadline, and was not begun.";

    CancelledByOperator = "cancelled_by_operator", Taken,
        happened "The platform's operators called the booking off while it was on its way. Everything was undone; if anything was reserved, it is given back.",
        remedy "Ask whoever runs the platform why, or book again with a new quote.",
        guest "The booking was called off before it was complete. Nothing was charged; please try again.",
        staff "The platform's operators called the booking off before it was complete.",
        operator "An operator cancelled the run before its pivot; its journal says who, and why.";

    NotCancellable = "not_cancellable", Taken,
        happened "The reservation was rejected, so that there is nothing to cancel.",
        remedy "Nothing has to be done.",
        guest "The booking was rejected and nothing was charged; there is nothing to cancel.",
        staff "The reservation was rejected; there is nothing to cancel.",
        operator "A rejected reservation was to be cancelled.";

    StayOver = "stay_over", Taken,
        happened "The stay is over, so that nothing of it is left to cancel.",
        remedy "Ask the hotel.",
        guest "The stay is over; there is nothing left to cancel.",
        staff "Every night of the stay has begun.",
        operator "A stay that is over was to be cancelled.";

    BelowSold { night: StayDate, taken: i32, sellable: i32 } = "below_sold", Taken,
        happened "More rooms are held or sold in a night than the new total allows; `night` says which, `taken` and `sellable` how many.",
        remedy "Set a larger total, or insist with force and a reason.",
        guest "In the night of {night} {taken} rooms are held or sold, and this total allows {sellable}. Cancel bookings first, or send `force` with a `reason`.",
        staff "In the night of {night} {taken} rooms are held or sold, and this total allows {sellable}.",
        operator "A total of the night of {night} was to be set below what is taken: {taken} of {sellable}.";

    EmptyRange = "empty_range", Invalid,
        happened "The range of nights is empty.",
        remedy "Give a `to` after `from`.",
        guest "There is no night in it: `to` is the day after the last night, so it must be after `from`.",
        staff "The range has no night.",
        operator "The range that was asked for has no night.";

    RangeTooLong { most: u32 } = "range_too_long", Invalid,
        happened "The range has more nights than one request may.",
        remedy "Ask for fewer nights at once.",
        guest "One request is about at most {most} nights; send several requests.",
        staff "One request is about at most {most} nights.",
        operator "More than {most} nights were asked for at once.";

    TooManyNights { most: u32 } = "too_many_nights", Invalid,
        happened "The answer would have too many nights of room types.",
        remedy "Ask for fewer nights, or for one room type.",
        guest "These are too many nights for one answer, which has at most {most}; ask for one room type or for fewer nights.",
        staff "One answer has at most {most} nights of room types.",
        operator "The answer would have more than {most} rows.";

    NightInPast { today: StayDate } = "night_in_past", Invalid,
        happened "The night is past.",
        remedy "Set nights from today on.",
        guest "Nights before yesterday cannot be changed; today is {today} (UTC).",
        staff "Nights before yesterday cannot be changed; today is {today} (UTC).",
        operator "Nights before the yesterday of {today} were to be set.";

    TooFarAhead { most: u32, today: StayDate } = "too_far_ahead", Invalid,
        happened "The nights are further ahead than anybody can book.",
        remedy "Set nearer nights.",
        guest "Rooms are offered at most {most} days ahead; today is {today} (UTC).",
        staff "Rooms are offered at most {most} days ahead; today is {today} (UTC).",
        operator "Nights more than {most} days from {today} were to be set.";

    NothingToSet = "nothing_to_set", Invalid,
        happened "The request sets nothing.",
        remedy "Say what is to be set: total or closed.",
        guest "Send `total`, `closed`, or both.",
        staff "Say what is to be set: the total, whether it is closed, or both.",
        operator "The request names nothing to set.";

    TotalRequired { night: StayDate } = "total_required", Invalid,
        happened "A night that was never offered needs a total; `night` says which.",
        remedy "Say how many rooms there are.",
        guest "The night of {night} was never offered; send its `total`.",
        staff "The night of {night} was never offered; say how many rooms there are.",
        operator "The night of {night} has no row yet and no total came.";

    ReasonRequired = "reason_required", Invalid,
        happened "A total that is forced needs a reason.",
        remedy "Say why in reason.",
        guest "Whoever forces a total says why; the reason is kept.",
        staff "Whoever forces a total says why; the reason is kept.",
        operator "A total was forced without a reason.";

    DuplicateNight { night: StayDate } = "duplicate_night", Invalid,
        happened "A night stands twice in the list; `night` says which.",
        remedy "Send each night once.",
        guest "The night of {night} has two prices.",
        staff "The night of {night} has two prices.",
        operator "The night of {night} stands twice in one request.";

    InvalidAmount = "invalid_amount", Invalid,
        happened "The amount is not one in the hotel's currency, or larger than can be charged.",
        remedy "Write a decimal string with exactly the currency's decimals, such as \"129.00\" for EUR and \"12900\" for JPY.",
        guest "The total is larger than the largest amount that can be charged.",
        staff "The amount is not one in the hotel's currency, or larger than can be charged.",
        operator "An amount is not in the hotel's currency or too large.";

    UnknownTimeZone = "unknown_time_zone", Invalid,
        happened "There is no such time zone.",
        remedy "Give a name of the IANA time zone database, such as Europe/Lisbon.",
        guest "A time zone is a name of the IANA time zone database, such as Europe/Lisbon.",
        staff "A time zone is a name of the IANA time zone database, such as Europe/Lisbon.",
        operator "The hotel's time zone is not in the IANA database of this build.";

    FilterMissing = "filter_missing", Invalid,
        happened "The list would be of everybody's reservations.",
        remedy "Say whose: a hotel or a guest's address.",
        guest "Say whose reservations: give hotel_id, guest_id or guest_email.",
        staff "Say whose reservations are wanted.",
        operator "A list of everybody's reservations was asked for.";

    TooManyKeys { most: u32 } = "too_many_keys", Taken,
        happened "The principal has as many live keys as it may have; `most` says how many.",
        remedy "Revoke one, or wait until one that was rotated has ended.",
        guest "There are {most} live keys already; revoke one first.",
        staff "There are {most} live keys already; revoke one first.",
        operator "The principal has {most} live keys.";

    PrincipalIsOver = "principal_is_over", Taken,
        happened "The principal was revoked, so it gets neither keys nor sessions any more.",
        remedy "Make a new principal.",
        guest "This is nobody any more; ask for a new account.",
        staff "This is nobody any more; ask for a new account.",
        operator "A principal that was revoked was to get a credential.";

    KeyIsOver = "key_is_over", Taken,
        happened "The key has ended or was revoked, so nothing takes its place.",
        remedy "Make a new key for the principal.",
        guest "The key is over; make a new one.",
        staff "The key is over; make a new one.",
        operator "A key that is over was to be rotated.";
}

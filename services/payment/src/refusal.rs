//! The refusals of this service, a closed list, and the words in which states and kinds are stored.

use std::str::FromStr;

use crate::model::{Ending, Kind, Refused, State};
use contract::{Outcome, Refusal};
use platform::Broken;

/// Gives an enum its stored words, in both directions.
macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $name {
            /// The word in which it is stored and shown.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl FromStr for $name {
            type Err = Broken;
            fn from_str(word: &str) -> Result<Self, Broken> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(Broken::Inconsistent(format!("{word} is no {}", stringify!($name)))),
                }
            }
        }
    };
}

words!(Kind { Authorize = "authorize", Capture = "capture", Void = "void", Refund = "refund" });
words!(State {
    New = "new",
    Authorized = "authorized",
    Declined = "declined",
    Captured = "captured",
    CaptureDeclined = "capture_declined",
    Refunded = "refunded",
    Voided = "voided",
});
words!(Refused {
    PaymentDeclined = "payment_declined",
    PaymentVoided = "payment_voided",
    CaptureDeclined = "capture_declined",
});

impl Refused {
    const fn message(self) -> &'static str {
        match self {
            Self::PaymentDeclined => "The payment method was declined; nothing was taken. Try another one.",
            Self::PaymentVoided => "The payment was called off before it was authorised; nothing was taken.",
            Self::CaptureDeclined => {
                "The payment could not be taken; nothing was taken. Try another payment method."
            }
        }
    }
}

impl Ending {
    /// The ending as a reply says it.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Done => Outcome::Done,
            Self::Refused(why) => Outcome::Refused(Refusal::new(why.word(), why.message())),
        }
    }
}

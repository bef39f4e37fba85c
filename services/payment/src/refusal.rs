//! The refusals of this service, a closed list, and the words in which states and kinds are stored.

use std::str::FromStr;

use crate::model::{Ending, Kind, Refused, State};
use contract::{Outcome, Why};
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
impl Refused {
    /// What is answered.
    const fn why(self) -> Why {
        match self {
            Self::PaymentDeclined => Why::PaymentDeclined,
            Self::PaymentVoided => Why::PaymentVoided,
            Self::CaptureDeclined => Why::CaptureDeclined,
        }
    }

    /// The code, in which it is stored too.
    pub const fn word(self) -> &'static str {
        self.why().code().word()
    }
}

impl FromStr for Refused {
    type Err = Broken;
    fn from_str(word: &str) -> Result<Self, Broken> {
        let all = [Self::PaymentDeclined, Self::PaymentVoided, Self::CaptureDeclined];
        let found = all.into_iter().find(|why| why.word() == word);
        found.ok_or_else(|| Broken::Inconsistent(format!("{word} is no refusal of a payment")))
    }
}

impl Ending {
    /// The ending as a reply says it.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Done => Outcome::Done,
            Self::Refused(why) => Outcome::Refused(why.why().into()),
        }
    }
}

//! Why something is refused for reasons of the business. One table (`refusal/table.rs`) says of every code what it is,
//! with which arguments, and what guest, staff and operator are told; from it come the statuses of HTTP, the page of
//! each code and the document. What any HTTP interface may answer, whatever it is about, is `platform`'s.
//!
//! A new code is one row. What must know every code matches on [`Code`] or [`Why`], so the compiler finds it.

mod kept;
mod table;
mod wire;

pub use table::{Code, Why};
pub use wire::Refusal;

use crate::{ReservationId, StayDate};
use kept::Kept;

/// What a refusal is, and so with which status of HTTP it is answered and what may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Somebody was first, or a moment has passed.
    Taken,
    /// The payment method does not pay.
    Payment,
    /// The request can be read and is wrong.
    Invalid,
    /// What it is about was there and will not be again.
    Gone,
    /// Not for this caller.
    Forbidden,
    /// Not now.
    Busy,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 6] = [
        Self::Taken,
        Self::Payment,
        Self::Invalid,
        Self::Gone,
        Self::Forbidden,
        Self::Busy,
    ];

    /// The word for it between services.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Payment => "payment",
            Self::Invalid => "invalid",
            Self::Gone => "gone",
            Self::Forbidden => "forbidden",
            Self::Busy => "busy",
        }
    }

    /// The class with this word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.word() == word)
    }

    /// The status of HTTP.
    pub const fn status(self) -> u16 {
        match self {
            Self::Taken => 409,
            Self::Payment => 402,
            Self::Invalid => 422,
            Self::Gone => 410,
            Self::Forbidden => 403,
            Self::Busy => 503,
        }
    }

    /// Whether the same request may succeed later.
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Busy)
    }

    /// What may help, for people.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Taken => {
                "The same request will not succeed; another offer may. A booking needs a new quote."
            }
            Self::Payment => "The same request will not succeed; another payment method may.",
            Self::Invalid => "The same request will never succeed; change it first.",
            Self::Gone => "The same request will never succeed; what it is about is gone for good.",
            Self::Forbidden => "The same request will not succeed for this caller.",
            Self::Busy => "The same request may succeed later, under the same Idempotency-Key.",
        }
    }
}

/// What the table says of a code.
#[derive(Debug)]
pub struct Meaning {
    /// The stable word for programs.
    pub word: &'static str,
    /// What it is.
    pub class: Class,
    /// What is told beside the sentence, for programs.
    pub arguments: &'static [Argument],
    /// What happened, whatever the arguments; names between backticks are members of the answer.
    pub happened: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
    /// The sentence for the guest; names in braces stand for arguments.
    pub guest: &'static str,
    /// The sentence for the hotel's staff.
    pub staff: &'static str,
    /// The sentence for the operator.
    pub operator: &'static str,
}

impl Code {
    /// As an operation declares it: status, code, and what happened.
    pub const fn declared(self) -> (u16, &'static str, &'static str) {
        let meaning = self.meaning();
        (meaning.class.status(), meaning.word, meaning.happened)
    }
}

/// One argument of a code.
#[derive(Debug, Clone, Copy)]
pub struct Argument {
    /// Its name as a member.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
}

/// What an argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A calendar date at the hotel.
    Date,
    /// A number of things.
    Count,
    /// An id.
    Id,
}

/// What can be an argument.
trait Say: Copy {
    const KIND: Kind;
    fn kept(self) -> Kept;
}

impl Say for StayDate {
    const KIND: Kind = Kind::Date;
    fn kept(self) -> Kept {
        Kept::text(self.to_string())
    }
}

impl Say for ReservationId {
    const KIND: Kind = Kind::Id;
    fn kept(self) -> Kept {
        Kept::text(self.to_string())
    }
}

impl Say for u32 {
    const KIND: Kind = Kind::Count;
    fn kept(self) -> Kept {
        Kept::Number(self.into())
    }
}

impl Say for i32 {
    const KIND: Kind = Kind::Count;
    fn kept(self) -> Kept {
        Kept::Number(self.into())
    }
}

/// Whom a sentence is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Who books.
    Guest,
    /// Who works at the hotel.
    Staff,
    /// Who runs the platform.
    Operator,
}

/// A sentence with its names in braces replaced; none when one of them is not known.
fn fill<'a>(
    sentence: &str,
    mut value: impl FnMut(&str) -> Option<std::borrow::Cow<'a, str>>,
) -> Option<String> {
    let mut text = String::with_capacity(sentence.len());
    let mut rest = sentence;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        text.push_str(before);
        text.push_str(&value(name)?);
        rest = after;
    }
    text.push_str(rest);
    Some(text)
}

#[cfg(test)]
mod tests;

//! What is said of an operation: who may, how urgent and how dear it is, and how it is served.

use super::actor::Kind;

/// Who may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Whoever asks, with a credential or without.
    Anyone,
    /// These kinds, and the higher levels of an operator's.
    Of(&'static [Kind]),
}

impl Rule {
    /// The kinds that it admits, but for the higher levels of an operator's.
    pub const fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Anyone => &[Kind::Anyone],
            Self::Of(kinds) => kinds,
        }
    }

    /// Whether the rule admits the kind.
    pub fn admits(self, kind: Kind) -> bool {
        match self {
            Self::Anyone => true,
            Self::Of(kinds) => kinds.iter().any(|least| kind.is_at_least(*least)),
        }
    }
}

/// Which is refused first when there is too much to do: the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Money and truth: webhooks of providers, cancellations, verbs.
    Money,
    /// Bookings of guests.
    Booking,
    /// What guests read.
    Read,
    /// Partners and the desks of hotels.
    Desk,
    /// Feeds and exports.
    Feed,
}

/// Where an operation is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// To everybody.
    Public,
    /// To other processes of the platform.
    Inner,
    /// To who looks after this process.
    Ops,
}

/// What tells where the thing lives that an operation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// An id in the path.
    Path,
    /// An id in the body or the query.
    Body,
    /// A signed token.
    Token,
    /// It is about everything there is.
    All,
    /// It is about no hotel's thing.
    Root,
}

/// How well it must be known who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// No credential is read: of pages and files, for example, to which a proxy or a scraper may send its own.
    Unread,
    /// As well as this process knows.
    Known,
    /// As it is this second, or nothing is done.
    Fresh,
}

/// What is said of one operation. Written as `anyone().class(Class::Booking).cost(10)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The operation's name, as its type is called.
    pub name: &'static str,
    /// Who may.
    pub rule: Rule,
    /// How urgent it is.
    pub class: Class,
    /// Where it is served.
    pub listener: Listener,
    /// How dear it is, in units of a cheap read.
    pub cost: u16,
    /// The largest body that is read, in bytes.
    pub body: usize,
    /// For how long everybody's caches may keep the answer, in seconds; 0: nobody keeps it.
    pub cache: u32,
    /// Whether the answer may be compressed: only what everybody may read and holds no secret.
    pub compress: bool,
    /// Whether pages of other origins may read it.
    pub cors: bool,
    /// Whether it may wait for an outcome, which takes a place of its own.
    pub waits: bool,
    /// How well it must be known who asks.
    pub identity: Identity,
    /// What tells where its thing lives.
    pub place: Place,
}

impl Row {
    const fn new(rule: Rule) -> Self {
        Self {
            name: "",
            rule,
            class: Class::Read,
            listener: Listener::Public,
            cost: 1,
            body: crate::http::BODY_BYTES_MAX,
            cache: 0,
            compress: false,
            cors: true,
            waits: false,
            identity: Identity::Known,
            place: Place::Path,
        }
    }

    /// A row of an operation for whoever asks.
    pub const fn anyone() -> Self {
        Self::new(Rule::Anyone)
    }

    /// A row of an operation for these kinds.
    pub const fn of(kinds: &'static [Kind]) -> Self {
        Self::new(Rule::Of(kinds))
    }

    /// With its name.
    pub const fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// So urgent.
    pub const fn class(self, class: Class) -> Self {
        Self { class, ..self }
    }

    /// So dear, in units of a cheap read.
    pub const fn cost(self, cost: u16) -> Self {
        Self { cost, ..self }
    }

    /// Served there.
    pub const fn on(self, listener: Listener) -> Self {
        Self { listener, ..self }
    }

    /// Its thing is found so.
    pub const fn found_by(self, place: Place) -> Self {
        Self { place, ..self }
    }

    /// Nobody is told apart, whatever credential they send.
    pub const fn unidentified(self) -> Self {
        Self {
            identity: Identity::Unread,
            ..self
        }
    }

    /// Nothing is done unless it is known this second who is who.
    pub const fn fresh(self) -> Self {
        Self {
            identity: Identity::Fresh,
            ..self
        }
    }

    /// It may wait for an outcome.
    pub const fn waits(self) -> Self {
        Self { waits: true, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_admits_its_kinds_and_their_higher_levels() {
        let rule = Rule::Of(&[Kind::Staff, Kind::Operator]);
        let admitted: Vec<_> = Kind::ALL.into_iter().filter(|kind| rule.admits(*kind)).collect();
        assert_eq!(admitted, [Kind::Staff, Kind::Operator, Kind::Admin]);
        assert!(Kind::ALL.into_iter().all(|kind| Rule::Anyone.admits(kind)));
        assert!(!Kind::ALL.into_iter().any(|kind| Rule::Of(&[]).admits(kind)));
    }
}

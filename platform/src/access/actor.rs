//! Who asks: an id, never a name.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// What an actor is, and so by which rules it is admitted. The three kinds of people who run the platform are levels: what
/// a viewer may do, an operator may, and what an operator may do, an administrator may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Without any credential.
    Anyone,
    /// Who made one reservation, known by its link.
    Guest,
    /// A guest with an account.
    Member,
    /// A company that sells rooms of hotels.
    Partner,
    /// Who works at hotels.
    Staff,
    /// Another process of the platform.
    Service,
    /// Who looks after the platform, and changes nothing.
    Viewer,
    /// Who runs the platform.
    Operator,
    /// Who decides about keys and rules.
    Admin,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Anyone,
        Self::Guest,
        Self::Member,
        Self::Partner,
        Self::Staff,
        Self::Service,
        Self::Viewer,
        Self::Operator,
        Self::Admin,
    ];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Anyone => "anyone",
            Self::Guest => "guest",
            Self::Member => "member",
            Self::Partner => "partner",
            Self::Staff => "staff",
            Self::Service => "service",
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The kind of this word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Whether what `least` may do, this kind may too.
    pub const fn is_at_least(self, least: Self) -> bool {
        const fn level(kind: Kind) -> u8 {
            match kind {
                Kind::Viewer => 1,
                Kind::Operator => 2,
                Kind::Admin => 3,
                _ => 0,
            }
        }
        self as u8 == least as u8 || (level(least) > 0 && level(self) >= level(least))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Who asks. Written as `kind:id`, and `anyone` without an id: so it stands in headers, outboxes and histories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Actor {
    kind: Kind,
    id: Uuid,
}

impl Actor {
    /// Who has no credential.
    pub const ANYONE: Self = Self {
        kind: Kind::Anyone,
        id: Uuid::nil(),
    };

    /// The actor of this kind with this id. Without a credential nobody is told apart.
    pub const fn new(kind: Kind, id: Uuid) -> Self {
        match kind {
            Kind::Anyone => Self::ANYONE,
            _ => Self { kind, id },
        }
    }

    /// What it is.
    pub const fn kind(self) -> Kind {
        self.kind
    }

    /// Its id; none without a credential.
    pub fn id(self) -> Option<Uuid> {
        (self.kind != Kind::Anyone).then_some(self.id)
    }

    /// As a message or a row names it; none without a credential, which is as good as nobody.
    pub fn named(self) -> Option<String> {
        self.id().map(|_| self.to_string())
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id() {
            Some(id) => write!(f, "{}:{id}", self.kind),
            None => f.write_str(self.kind.word()),
        }
    }
}

/// The text names no actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an actor is written as kind:id")]
pub struct NoActor;

impl FromStr for Actor {
    type Err = NoActor;

    fn from_str(text: &str) -> Result<Self, NoActor> {
        if text == Kind::Anyone.word() {
            return Ok(Self::ANYONE);
        }
        let (kind, id) = text.split_once(':').ok_or(NoActor)?;
        let kind = Kind::of(kind)
            .filter(|kind| *kind != Kind::Anyone)
            .ok_or(NoActor)?;
        let read = Uuid::try_parse(id).map_err(|_| NoActor)?;
        // One id has one text.
        if read.to_string() != id {
            return Err(NoActor);
        }
        Ok(Self::new(kind, read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Uuid = Uuid::from_u128(0x0193_6f5e_7d5c_7c3a_9a44_0d3f_6a1b_2c4d);

    #[test]
    fn an_actor_is_read_as_it_is_written() {
        for kind in Kind::ALL {
            let actor = Actor::new(kind, ID);
            assert_eq!(actor.to_string().parse(), Ok(actor), "{kind}");
            assert_eq!(Kind::of(kind.word()), Some(kind));
        }
        assert_eq!(
            Actor::new(Kind::Staff, ID).to_string(),
            "staff:01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d"
        );
        assert_eq!(Actor::ANYONE.to_string(), "anyone");
        assert_eq!((Actor::ANYONE.named(), Actor::ANYONE.id()), (None, None));
        for wrong in [
            "",
            "staff",
            "staff:",
            "staff:1",
            "anyone:01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d",
            "king:01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d",
            "staff:01936F5E-7D5C-7C3A-9A44-0D3F6A1B2C4D",
            "Staff:01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d",
            "staff:01936f5e7d5c7c3a9a440d3f6a1b2c4d",
        ] {
            assert_eq!(wrong.parse::<Actor>(), Err(NoActor), "{wrong}");
        }
    }

    #[test]
    fn only_who_runs_the_platform_has_levels() {
        for kind in Kind::ALL {
            for least in Kind::ALL {
                let levels = [Kind::Viewer, Kind::Operator, Kind::Admin];
                let level = |kind| levels.iter().position(|level| *level == kind);
                let higher = matches!((level(kind), level(least)), (Some(has), Some(wants)) if has >= wants);
                assert_eq!(kind.is_at_least(least), kind == least || higher, "{kind} {least}");
            }
        }
    }
}

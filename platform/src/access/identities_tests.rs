//! Keys are known as long as they are good, and rows count by their version, in whichever order they come.

use super::super::key::PepperConfig;
use super::*;

struct Trial {
    identities: Identities,
    peppers: Peppers,
    key: ApiKey,
    now: DateTime<Utc>,
}

const PRINCIPAL: Uuid = Uuid::from_u128(1);
const HOTEL: Uuid = Uuid::from_u128(2);
const GRANT: Uuid = Uuid::from_u128(3);

impl Trial {
    fn new() -> Self {
        let key_pepper = format!("1:{}", "p".repeat(32)).parse().unwrap();
        let trial = Self {
            identities: Identities::default(),
            peppers: PepperConfig { key_pepper }.ring().unwrap(),
            key: ApiKey::make(Uuid::from_u128(9)).unwrap(),
            now: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        };
        trial.identities.key(trial.row(1));
        trial
    }

    fn row(&self, version: i64) -> KeyRow {
        let (pepper_kid, hash) = self.peppers.hash(&self.key);
        KeyRow {
            key_id: self.key.id(),
            principal_id: PRINCIPAL,
            pepper_kid,
            hash,
            ends_at: Some(self.now + chrono::TimeDelta::days(1)),
            revoked_at: None,
            version,
            signature: None,
        }
    }

    fn principal(&self, kind: &str, version: i64) {
        self.identities.principal(PrincipalRow {
            principal_id: PRINCIPAL,
            kind: kind.to_owned(),
            ended_at: None,
            version,
            signature: None,
        });
    }

    fn grant(&self, hotel_id: Option<Uuid>, ended_at: Option<DateTime<Utc>>, version: i64) {
        let (grant_id, principal_id) = (GRANT, PRINCIPAL);
        self.identities.grant(GrantRow {
            grant_id,
            principal_id,
            hotel_id,
            ended_at,
            version,
            signature: None,
        });
    }

    fn who(&self) -> Option<Known> {
        self.identities.of_key(&self.key, &self.peppers, self.now)
    }
}

/// Somebody of these hotels.
fn of(actor: Actor, hotels: &[Uuid]) -> Known {
    (actor, Some(hotels.into()))
}

#[test]
fn a_key_is_its_principals_until_it_ends_or_is_revoked() {
    let trial = Trial::new();
    assert_eq!(trial.who(), None, "a key without a principal is nobody's");
    trial.principal("staff", 2);
    let staff = Actor::new(Kind::Staff, PRINCIPAL);
    assert_eq!(trial.who(), Some(of(staff, &[])), "no grant, no hotel");
    trial.grant(Some(HOTEL), None, 3);
    assert_eq!(trial.who(), Some(of(staff, &[HOTEL])));
    trial.grant(Some(HOTEL), Some(trial.now), 4);
    assert_eq!(trial.who(), Some(of(staff, &[])), "withdrawn");
    trial.grant(None, None, 5);
    assert_eq!(trial.who(), Some((staff, None)), "all hotels");

    let later = trial.now + chrono::TimeDelta::days(1);
    assert!(
        trial
            .identities
            .of_key(&trial.key, &trial.peppers, later)
            .is_none(),
        "it has ended"
    );
    let forged = ApiKey::make(trial.key.id()).unwrap();
    assert!(
        trial
            .identities
            .of_key(&forged, &trial.peppers, trial.now)
            .is_none()
    );
    let revoked_at = Some(trial.now);
    trial.identities.key(KeyRow {
        revoked_at,
        ..trial.row(6)
    });
    assert_eq!(trial.who(), None, "revoked");
    trial.identities.key(trial.row(1));
    assert_eq!(trial.who(), None, "an older row does not bring it back");
}

#[test]
fn a_principal_that_ended_or_of_an_unknown_kind_is_nobody() {
    let trial = Trial::new();
    trial.principal("king", 1);
    assert_eq!(trial.who(), None);
    trial.principal("admin", 2);
    assert_eq!(trial.who().map(|(actor, _)| actor.kind()), Some(Kind::Admin));
    trial.identities.principal(PrincipalRow {
        principal_id: PRINCIPAL,
        kind: "admin".to_owned(),
        ended_at: Some(trial.now),
        version: 3,
        signature: None,
    });
    assert_eq!(trial.who(), None);
}

#[test]
fn what_was_never_read_whole_is_stale() {
    let identities = Identities::default();
    assert!(identities.is_stale() && identities.age().is_none());
    identities.changes(AccessChanges {
        version: 7,
        ..AccessChanges::default()
    });
    assert!(!identities.is_stale());
    assert_eq!(identities.whole(), 7);
    identities.changes(AccessChanges {
        version: 5,
        ..AccessChanges::default()
    });
    assert_eq!(
        identities.whole(),
        7,
        "an answer that came late takes nothing back"
    );
}

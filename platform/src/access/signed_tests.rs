//! A row is believed as it was signed, and not with any column, any key or any table changed.

use super::super::rows::{GrantRow, KeyRow, PrincipalRow, SessionRow};
use super::*;

fn signing(keys: &str) -> SigningConfig {
    SigningConfig {
        access_signing_key: keys.parse().unwrap(),
    }
}

fn believed(public: &str) -> BelievedConfig {
    BelievedConfig {
        access_public_key: public.to_owned(),
        signing: signing(""),
    }
}

fn seed(kid: &str, digit: char) -> String {
    format!("{kid}:{}", String::from(digit).repeat(64))
}

fn at(seconds: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 123_456_000)
}

fn principal() -> PrincipalRow {
    PrincipalRow {
        principal_id: Uuid::from_u128(1),
        kind: "partner".to_owned(),
        ended_at: None,
        version: 7,
        signature: None,
    }
}

fn grant() -> GrantRow {
    GrantRow {
        grant_id: Uuid::from_u128(2),
        principal_id: Uuid::from_u128(1),
        hotel_id: Some(Uuid::from_u128(3)),
        ended_at: None,
        version: 7,
        signature: None,
    }
}

fn key() -> KeyRow {
    KeyRow {
        key_id: Uuid::from_u128(4),
        principal_id: Uuid::from_u128(1),
        pepper_kid: "1".to_owned(),
        hash: "ab".repeat(32),
        ends_at: at(0),
        revoked_at: None,
        version: 7,
        signature: None,
    }
}

fn session() -> SessionRow {
    SessionRow {
        session_id: Uuid::from_u128(5),
        principal_id: Uuid::from_u128(1),
        ends_at: at(0).unwrap(),
        ended_at: None,
        version: 7,
        signature: None,
    }
}

#[test]
fn no_column_of_a_signed_row_can_be_changed() {
    fn changed<R: AccessRow + Clone>(row: R, sign: impl Fn(&mut R, String), changes: &[fn(&mut R)]) {
        let signer = signing(&seed("1", 'a')).signer().unwrap();
        let verifier = believed(&signer.public_keys()).verifier().unwrap();
        assert!(!verifier.verify(&row), "unsigned");
        let mut genuine = row;
        let signature = signer.sign(&genuine);
        sign(&mut genuine, signature);
        assert!(verifier.verify(&genuine), "{}", R::TABLE);
        for (no, change) in changes.iter().enumerate() {
            let mut forged = genuine.clone();
            change(&mut forged);
            assert!(!verifier.verify(&forged), "{} {no}", R::TABLE);
        }
    }
    changed(
        principal(),
        |row, by| row.signature = Some(by),
        &[
            |row| row.principal_id = Uuid::from_u128(9),
            |row| row.kind = "admin".to_owned(),
            |row| row.ended_at = at(0),
            |row| row.version = 8,
            |row| row.signature = Some(String::new()),
            |row| row.signature = row.signature.take().map(|by| by.replacen('1', "2", 1)),
            |row| row.signature = row.signature.take().map(|by| by[..by.len() - 2].to_owned()),
        ],
    );
    changed(
        grant(),
        |row, by| row.signature = Some(by),
        &[
            |row| row.grant_id = Uuid::from_u128(9),
            |row| row.principal_id = Uuid::from_u128(9),
            |row| row.hotel_id = None,
            |row| row.hotel_id = Some(Uuid::from_u128(9)),
            |row| row.ended_at = at(0),
            |row| row.version = 8,
        ],
    );
    changed(
        key(),
        |row, by| row.signature = Some(by),
        &[
            |row| row.key_id = Uuid::from_u128(9),
            |row| row.principal_id = Uuid::from_u128(9),
            |row| row.pepper_kid = "2".to_owned(),
            |row| row.hash = "cd".repeat(32),
            |row| row.ends_at = None,
            |row| row.ends_at = at(1),
            |row| row.revoked_at = at(0),
            // Two columns that change places.
            |row| std::mem::swap(&mut row.ends_at, &mut row.revoked_at),
            |row| row.version = 6,
        ],
    );
    changed(
        session(),
        |row, by| row.signature = Some(by),
        &[
            |row| row.session_id = Uuid::from_u128(9),
            |row| row.principal_id = Uuid::from_u128(9),
            |row| row.ends_at = at(1).unwrap(),
            |row| row.ended_at = at(0),
            |row| row.version = 6,
        ],
    );
}

#[test]
fn a_signature_travels_and_is_read_as_it_was_written() {
    let signer = signing(&seed("1", 'a')).signer().unwrap();
    let verifier = believed(&signer.public_keys()).verifier().unwrap();
    let mut row = key();
    row.signature = Some(signer.sign(&row));
    let text = serde_json::to_string(&row).unwrap();
    let read: KeyRow = serde_json::from_str(&text).unwrap();
    assert!(read == row && verifier.verify(&read), "{text}");
}

#[test]
fn the_first_key_signs_and_all_that_are_listed_are_believed() {
    let (old, new) = (seed("1", 'a'), seed("2", 'b'));
    let signer = |keys: &str| signing(keys).signer().unwrap();
    let row_by = |keys: &str| PrincipalRow {
        signature: Some(signer(keys).sign(&principal())),
        ..principal()
    };
    let verifier = |keys: &str| believed(&signer(keys).public_keys()).verifier().unwrap();
    let both = format!("{new}, {old}");
    assert!(signer(&both).kids() == ["2", "1"] && row_by(&both) == row_by(&new));
    for by in [&old, &new] {
        assert!(verifier(&both).verify(&row_by(by)), "{by}");
    }
    assert!(!verifier(&new).verify(&row_by(&old)));
    // The same id with another key is another key.
    assert!(!verifier(&seed("1", 'c')).verify(&row_by(&old)));
    // Who can sign believes what it signs.
    let own = BelievedConfig {
        access_public_key: String::new(),
        signing: signing(&old),
    };
    assert!(own.verifier().unwrap().verify(&row_by(&old)));
}

#[test]
fn a_process_without_a_key_does_not_start_and_no_secret_is_shown() {
    for wrong in ["", "x", "1:zz", &format!("1:{}", "ab".repeat(31))] {
        let said = believed(wrong).verifier().unwrap_err().to_string();
        assert!(said.contains(PUBLIC) && said.contains("public-key"), "{said}");
    }
    for wrong in [
        String::new(),
        format!("1:{}", "z".repeat(64)),
        format!("1:{}", "a".repeat(66)),
    ] {
        let said = signing(&wrong).signer().unwrap_err().to_string();
        assert!(said.contains(SEEDS) && said.contains("openssl"), "{said}");
    }
    let config = signing(&seed("1", 'a'));
    let shown = format!("{config:?} {:?}", config.signer().unwrap());
    assert!(!shown.contains("aaaa") && shown.contains('1'), "{shown}");
}

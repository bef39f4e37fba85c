//! A token of an issuer's is good as long as its key, its claims and its time are, and never longer.

use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

use super::*;

const ISSUER: &str = "https://login.example";
const HOTEL: &str = "01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d";

/// A signing key of this id; the same seed is the same key.
fn signing(seed: u8) -> EncodingKey {
    // PKCS #8 of an Ed25519 key (RFC 8410, section 7): a head that is always the same, and 32 bytes.
    let mut der = vec![
        0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
    ];
    der.extend([seed; 32]);
    EncodingKey::from_ed_der(&der)
}

fn published(kid: &str, seed: u8) -> Value {
    let mut key =
        serde_json::to_value(Jwk::from_encoding_key(&signing(seed), Algorithm::EdDSA).unwrap()).unwrap();
    key["kid"] = kid.into();
    key
}

fn set(keys: &[Value]) -> Vec<u8> {
    json!({"keys": keys}).to_string().into_bytes()
}

fn issuers() -> Issuers {
    let trusted = json!({
        "name": "login", "issuer": ISSUER, "audience": "bellhop", "keys": "/keys.json", "kind_claim": "roles",
        "kinds": {"desk": "staff", "night": "operator"}, "hotels_claim": "hotels",
    });
    let issuer = Issuer::new(serde_json::from_value(trusted).unwrap()).unwrap();
    issuer.publishes(read(&set(&[published("a", 1)])).unwrap());
    Issuers([Arc::new(issuer)].into())
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn claims() -> Value {
    let now = now().timestamp();
    json!({"iss": ISSUER, "aud": "bellhop", "sub": "ada", "nbf": now, "exp": now + 600, "roles": ["x", "desk"], "hotels": [HOTEL]})
}

/// The claims with one changed, or left out when it is null.
fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    claims
}

fn token(kid: &str, seed: u8, claims: &Value) -> String {
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(kid.to_owned());
    jsonwebtoken::encode(&header, claims, &signing(seed)).unwrap()
}

fn refused(token: &str) -> String {
    issuers().verify(token, now()).unwrap_err()
}

#[test]
fn whoever_the_claims_name_is_somebody_here() {
    let (actor, hotels) = issuers().verify(&token("a", 1, &claims()), now()).unwrap();
    assert_eq!(actor.kind(), Kind::Staff);
    assert_eq!(hotels.as_deref(), Some(&[HOTEL.parse().unwrap()][..]));
    let of = |claims: &Value| issuers().verify(&token("a", 1, claims), now()).unwrap();
    assert_eq!(of(&claims()).0, actor, "the same person each time");
    assert_ne!(of(&with("sub", "eve".into())).0, actor);
    assert_eq!(of(&with("roles", "night".into())).0.kind(), Kind::Operator);
    assert_eq!(of(&with("hotels", Value::Null)).1.as_deref(), Some(&[][..]));
    assert_eq!(of(&with("hotels", "*".into())).1, None);
    assert_eq!(of(&with("aud", json!(["other", "bellhop"]))).0, actor);
}

#[test]
fn what_is_not_good_in_every_part_is_refused_with_what_is_wrong() {
    let now = now().timestamp();
    for (claims, said) in [
        (with("aud", "other".into()), "aud"),
        (with("aud", Value::Null), "iss, aud, exp, nbf and sub"),
        (with("nbf", Value::Null), "iss, aud, exp, nbf and sub"),
        (with("exp", Value::Null), "iss, aud, exp, nbf and sub"),
        (with("sub", Value::Null), "iss, aud, exp, nbf and sub"),
        (with("iss", Value::Null), "can be read"),
        (with("iss", "https://other.example".into()), "not trusted"),
        (with("exp", json!(now)), "expired"),
        (with("nbf", json!(now + 31)), "not good yet"),
        (with("exp", json!(now + 601)), "longer than 600 s"),
        (with("roles", "king".into()), "\"roles\""),
        (with("roles", Value::Null), "\"roles\""),
    ] {
        let told = refused(&token("a", 1, &claims));
        assert!(told.contains(said), "{claims}: {told}");
    }
    assert!(refused(&token("b", 1, &claims())).contains("does not publish"));
    assert!(refused(&token("a", 2, &claims())).contains("signature"));
    let good = token("a", 1, &claims());
    assert!(refused(&good.replace('.', "_")).contains("can be read"));
    let mut header = Header::new(Algorithm::EdDSA);
    let nameless = jsonwebtoken::encode(&header, &claims(), &signing(1)).unwrap();
    assert!(refused(&nameless).contains("kid"));
    // The public key as a shared secret, and no signature at all: the token's word for its algorithm counts for nothing.
    header = Header::new(Algorithm::HS256);
    header.kid = Some("a".to_owned());
    let public = published("a", 1)["x"].as_str().unwrap().to_owned();
    let by_secret = EncodingKey::from_secret(public.as_bytes());
    let forged = jsonwebtoken::encode(&header, &claims(), &by_secret).unwrap();
    assert!(refused(&forged).contains("algorithm"));
    let payload = good.split('.').nth(1).unwrap();
    let none = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.");
    assert!(!refused(&none).is_empty());
}

#[test]
fn a_key_that_is_not_published_any_more_verifies_nothing() {
    let issuers = issuers();
    let old = token("a", 1, &claims());
    issuers.0[0].publishes(read(&set(&[published("b", 2)])).unwrap());
    assert!(
        issuers
            .verify(&old, now())
            .unwrap_err()
            .contains("does not publish")
    );
    assert!(issuers.verify(&token("b", 2, &claims()), now()).is_ok());
}

#[test]
fn only_a_set_with_keys_that_sign_is_taken() {
    let mut encrypts = published("a", 1);
    encrypts["use"] = "enc".into();
    let mut nameless = published("a", 1);
    nameless.as_object_mut().unwrap().remove("kid");
    let mut other = published("a", 1);
    other["alg"] = "RS256".into();
    let secret = json!({"kty": "oct", "k": "c2VjcmV0", "kid": "a", "alg": "HS256"});
    let short = json!({"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "a"});
    for key in [encrypts, nameless, other, secret, short] {
        assert!(read(&set(std::slice::from_ref(&key))).is_err(), "{key}");
        assert_eq!(read(&set(&[key, published("b", 2)])).unwrap().len(), 1);
    }
    for wrong in [&b""[..], b"{}", br#"{"keys": []}"#, b"<html>"] {
        assert!(read(wrong).is_err());
    }
}

#[test]
fn settings_that_make_somebody_nobody_are_refused() {
    for kind in ["guest", "service", "anyone", "king"] {
        let trusted = json!({
            "name": "login", "issuer": ISSUER, "audience": "bellhop", "keys": "/keys.json", "kind_claim": "roles",
            "kinds": {"x": kind},
        });
        assert!(
            Issuer::new(serde_json::from_value(trusted).unwrap())
                .unwrap_err()
                .contains(kind)
        );
    }
}

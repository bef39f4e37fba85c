//! Bearers of an issuer: a little one, that publishes its keys over HTTP as they do, and signs tokens with them.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Hotel, Platform, bearer, until};

/// What the issuer is called in its tokens.
const ISSUER: &str = "https://login.example";

/// A key of the issuer's.
struct Key {
    kid: &'static str,
    signs: EncodingKey,
}

impl Key {
    /// A new one.
    fn make(kid: &'static str) -> Self {
        let mut seed = [0_u8; 32];
        std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom").unwrap(), &mut seed).unwrap();
        // PKCS #8 of an Ed25519 key (RFC 8410, section 7): a head that is always the same, and 32 bytes.
        let mut der = vec![
            0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
        ];
        der.extend(seed);
        Self {
            kid,
            signs: EncodingKey::from_ed_der(&der),
        }
    }

    fn published(&self) -> Value {
        let key = Jwk::from_encoding_key(&self.signs, Algorithm::EdDSA).unwrap();
        let mut key = serde_json::to_value(key).unwrap();
        key["kid"] = self.kid.into();
        key
    }

    fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.kid.to_owned());
        jsonwebtoken::encode(&header, claims, &self.signs).unwrap()
    }
}

/// Publishes keys until it is dropped.
struct Issuer {
    url: String,
    keys: Arc<Mutex<Value>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Issuer {
    #[expect(clippy::disallowed_methods, reason = "is ended when it is dropped")]
    async fn start(key: &Key) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let keys = Arc::new(Mutex::new(Value::Null));
        let published = async |State(keys): State<Arc<Mutex<Value>>>| {
            axum::Json(keys.lock().unwrap_or_else(PoisonError::into_inner).clone())
        };
        let routes = Router::new()
            .route("/keys", get(published))
            .with_state(Arc::clone(&keys));
        let serving = tokio::spawn(async move {
            axum::serve(listener, routes).await.unwrap();
        });
        let issuer = Self { url, keys, serving };
        issuer.publish(key);
        issuer
    }

    /// This key and no other from now on.
    fn publish(&self, key: &Key) {
        *self.keys.lock().unwrap() = json!({"keys": [key.published()]});
    }

    /// A platform that trusts it.
    async fn trusted(&self) -> Platform {
        let mut platform = Platform::migrated();
        let file = platform.folder().join("issuers.json");
        let issuers = json!([{
            "name": "login", "issuer": ISSUER, "audience": "bellhop", "keys": self.url,
            "kind_claim": "roles", "kinds": {"desk": "staff", "night": "operator"}, "hotels_claim": "hotels",
        }]);
        std::fs::write(&file, issuers.to_string()).unwrap();
        platform.set("BELLHOP_ISSUERS_FILE", &file.display().to_string());
        platform.run("all");
        platform.ready().await;
        platform
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// What a token says of somebody at the desk of this hotel, good for five minutes.
fn claims(hotel: &Hotel) -> Value {
    let now = platform::Clock::system().now().timestamp();
    json!({
        "iss": ISSUER, "aud": "bellhop", "sub": "ada", "nbf": now - 5, "exp": now + 300, "roles": ["desk"],
        "hotels": [hotel.hotel_id],
    })
}

fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[name] = value;
    claims
}

async fn send(platform: &Platform, token: &str, method: Method, path: &str, body: &Value) -> Answer {
    let authorization = bearer(token);
    let headers = [("authorization", authorization.as_str())];
    platform.send_json(method, path, body, &headers).await
}

async fn me(platform: &Platform, token: &str) -> Answer {
    send(platform, token, Method::GET, "/v1/me", &Value::Null).await
}

async fn becomes(platform: &Platform, token: &str, wanted: u16) {
    until(&format!("the token is answered {wanted}"), async || {
        (me(platform, token).await.status == wanted).then_some(())
    })
    .await;
}

fn reservations(hotel: &Hotel) -> String {
    format!("/v1/reservations?hotel_id={}", hotel.hotel_id)
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_of_an_issuers_works_for_their_hotels_by_its_tokens() {
    let key = Key::make("a");
    let issuer = Issuer::start(&key).await;
    let platform = issuer.trusted().await;
    let (own, other) = (
        Hotel::create(&platform, 3).await,
        Hotel::create(&platform, 3).await,
    );
    for hotel in [&own, &other] {
        assert_eq!(hotel.book(&platform, 3, 1, "pm_ok").await.status, 201);
    }
    let token = key.sign(&claims(&own));
    becomes(&platform, &token, 200).await;
    let answer = me(&platform, &token).await;
    assert_eq!(
        (
            answer.text("/kind"),
            &answer.json["hotels"],
            &answer.json["all_hotels"]
        ),
        ("staff", &json!([own.hotel_id]), &json!(false))
    );
    for (hotel, wanted) in [(&own, 1), (&other, 0)] {
        let listed = send(&platform, &token, Method::GET, &reservations(hotel), &Value::Null).await;
        assert_eq!(
            listed.json["items"].as_array().map(Vec::len),
            Some(wanted),
            "{}",
            listed.json
        );
    }
    let rooms = json!({"from": own.night(59), "to": own.night(60), "total": 3});
    for (hotel, wanted) in [(&own, 200), (&other, 404)] {
        let path = format!(
            "/v1/hotels/{}/room-types/{}/inventory",
            hotel.hotel_id, hotel.room_type_id
        );
        let set = send(&platform, &token, Method::PUT, &path, &rooms).await;
        assert_eq!(set.status, wanted, "{}", set.json);
    }
    let sagas = send(&platform, &token, Method::GET, "/v1/sagas", &Value::Null).await;
    assert_eq!(
        (sagas.status.as_u16(), sagas.text("/code")),
        (403, "not_permitted")
    );
    let night = key.sign(&with(&claims(&own), "roles", json!(["night"])));
    let sagas = send(&platform, &night, Method::GET, "/v1/sagas", &Value::Null).await;
    assert_eq!(sagas.status, 200, "{}", sagas.json);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_good_in_every_part_is_refused_with_what_is_wrong() {
    let key = Key::make("a");
    let issuer = Issuer::start(&key).await;
    let platform = issuer.trusted().await;
    let hotel = Hotel::create(&platform, 3).await;
    let good = claims(&hotel);
    becomes(&platform, &key.sign(&good), 200).await;
    let now = platform::Clock::system().now().timestamp();
    let public = key.published()["x"].as_str().unwrap().to_owned();
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some("a".to_owned());
    let by_secret =
        jsonwebtoken::encode(&header, &good, &EncodingKey::from_secret(public.as_bytes())).unwrap();
    for (token, said) in [
        (key.sign(&with(&good, "exp", json!(now - 1))), "expired"),
        (
            key.sign(&with(&good, "exp", json!(now + 3_600))),
            "longer than 600 s",
        ),
        (key.sign(&with(&good, "nbf", json!(now + 120))), "not good yet"),
        (key.sign(&with(&good, "aud", json!("other"))), "aud"),
        (
            key.sign(&with(&good, "iss", json!("https://other.example"))),
            "not trusted",
        ),
        (key.sign(&with(&good, "roles", json!("king"))), "roles"),
        (Key::make("a").sign(&good), "signature"),
        (Key::make("z").sign(&good), "does not publish"),
        (by_secret, "algorithm"),
    ] {
        let refused = me(&platform, &token).await;
        assert_eq!(
            (refused.status.as_u16(), refused.text("/code")),
            (401, "credential_invalid"),
            "{said}: {}",
            refused.json
        );
        assert!(refused.text("/detail").contains(said), "{said}: {}", refused.json);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_followed_as_they_change_and_stay_while_the_issuer_is_away() {
    let (old, new) = (Key::make("a"), Key::make("b"));
    let issuer = Issuer::start(&old).await;
    let platform = issuer.trusted().await;
    let hotel = Hotel::create(&platform, 3).await;
    let claims = claims(&hotel);
    becomes(&platform, &old.sign(&claims), 200).await;
    issuer.publish(&new);
    // Whoever comes with the new key has it looked for.
    becomes(&platform, &new.sign(&claims), 200).await;
    assert_eq!(me(&platform, &old.sign(&claims)).await.status, 401);
    drop(issuer);
    // Looked for in vain, so that it was tried.
    let failed = "bellhop_issuer_looks_failed_total";
    until("the issuer is found to be away", async || {
        me(&platform, &old.sign(&claims)).await;
        let metrics = platform.get("/metrics").await.bytes;
        String::from_utf8_lossy(&metrics).contains(failed).then_some(())
    })
    .await;
    assert_eq!(me(&platform, &new.sign(&claims)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_cannot_be_used_are_named_at_the_start() {
    let mut platform = Platform::migrated();
    let file = platform.folder().join("issuers.json");
    platform.set("BELLHOP_ISSUERS_FILE", &file.display().to_string());
    let issuer = |kinds: Value, keys: &str| {
        json!([{
            "name": "login", "issuer": ISSUER, "audience": "bellhop", "keys": keys, "kind_claim": "roles", "kinds": kinds,
        }])
        .to_string()
    };
    for (text, said) in [
        (None, "No such file"),
        (Some("[{}]".to_owned()), "missing field"),
        (Some(issuer(json!({"x": "service"}), "/keys.json")), "service"),
        (
            Some(issuer(json!({"x": "staff"}), "https://login.example/keys")),
            "TLS",
        ),
    ] {
        if let Some(text) = text {
            std::fs::write(&file, text).unwrap();
        }
        let refused = platform.command(&["run", "--target", "hotel"]);
        let complaint = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success(), "{complaint}");
        assert!(
            complaint.contains("BELLHOP_ISSUERS_FILE") && complaint.contains(said),
            "{said}: {complaint}"
        );
    }
}

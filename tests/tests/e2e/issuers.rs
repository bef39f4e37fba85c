//! Bearers of an issuer: a little one, that publishes its keys as they do, and signs tokens with them.

mod little;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Hotel, Platform, bearer, until};

use little::{Authority, Issuer, Key};

/// What the issuer is called in its tokens.
const ISSUER: &str = "https://login.example";

/// What the settings say of an issuer.
fn settings(name: &str, issuer: &str, keys: Option<&str>) -> Value {
    let mut settings = json!({
        "name": name, "issuer": issuer, "audience": "bellhop", "kind_claim": "roles",
        "kinds": {"desk": "staff", "night": "operator"}, "hotels_claim": "hotels",
    });
    if let Some(keys) = keys {
        settings["keys"] = keys.into();
    }
    settings
}

/// A platform that trusts these issuers, and those of an authority of our own.
async fn trusting(issuers: &[Value], believes: Option<&Authority>) -> Platform {
    let mut platform = Platform::migrated();
    let file = platform.folder().join("issuers.json");
    std::fs::write(&file, Value::from(issuers).to_string()).unwrap();
    platform.set("BELLHOP_ISSUERS_FILE", &file.display().to_string());
    if let Some(authority) = believes {
        let file = platform.folder().join("authorities.pem");
        std::fs::write(&file, authority.pem()).unwrap();
        platform.set("BELLHOP_CA_FILE", &file.display().to_string());
    }
    platform.run("all");
    platform.ready().await;
    platform
}

/// A platform that trusts this issuer, whose keys come without TLS.
async fn trusted(issuer: &Issuer) -> Platform {
    trusting(&[settings("login", ISSUER, Some(&issuer.keys_url()))], None).await
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
    let issuer = Issuer::plain(&key).await;
    let platform = trusted(&issuer).await;
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
    let issuer = Issuer::plain(&key).await;
    let platform = trusted(&issuer).await;
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
    let issuer = Issuer::plain(&old).await;
    let platform = trusted(&issuer).await;
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
            Some(issuer(json!({"x": "staff"}), "http://login.example/keys")),
            "plain_http",
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

/// What `/readyz` says of issuers.
async fn said_of_issuers(platform: &Platform) -> String {
    platform.get("/readyz").await.json["issuers"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

async fn it_says(platform: &Platform, words: &[&str]) {
    until(&format!("/readyz says {words:?} of issuers"), async || {
        let said = said_of_issuers(platform).await;
        words.iter().all(|word| said.contains(word)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_over_tls_is_known_by_its_name_alone_and_its_keys_are_followed() {
    let (old, new) = (Key::make("a"), Key::make("b"));
    let authority = Authority::make();
    let issuer = Issuer::over_tls(&old, authority.certificate("localhost")).await;
    let url = issuer.url("localhost");
    let platform = trusting(&[settings("login", &url, None)], Some(&authority)).await;
    let hotel = Hotel::create(&platform, 3).await;
    let claims = with(&claims(&hotel), "iss", json!(url));
    becomes(&platform, &old.sign(&claims), 200).await;
    issuer.publish(&new);
    becomes(&platform, &new.sign(&claims), 200).await;
    assert_eq!(me(&platform, &old.sign(&claims)).await.status, 401);
    // While its certificate is over nothing new is believed, and what is known counts.
    issuer.shows(authority.certificate_of_before("localhost"));
    issuer.publish(&old);
    until("the issuer is asked again", async || {
        me(&platform, &old.sign(&claims)).await;
        let said = said_of_issuers(&platform).await;
        (said.contains("expired") && said.contains("count")).then_some(())
    })
    .await;
    assert_eq!(me(&platform, &new.sign(&claims)).await.status, 200);
    let doctor = platform.command(&["doctor"]);
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(
        !doctor.status.success() && said.contains("issuers: the keys of the issuer login"),
        "{said}"
    );
    issuer.shows(authority.certificate("localhost"));
    becomes(&platform, &old.sign(&claims), 200).await;
    it_says(&platform, &["ready"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_the_issuer_by_tls_and_by_its_own_word_gives_no_keys() {
    let key = Key::make("a");
    let (ours, others) = (Authority::make(), Authority::make());
    let unknown = Issuer::over_tls(&key, others.certificate("localhost")).await;
    let elsewhere = Issuer::over_tls(&key, ours.certificate("localhost")).await;
    let over = Issuer::over_tls(&key, ours.certificate_of_before("localhost")).await;
    let lies = Issuer::over_tls(&key, ours.certificate("localhost")).await;
    lies.says("issuer", &elsewhere.url("localhost"));
    let leads = Issuer::over_tls(&key, ours.certificate("localhost")).await;
    let plain = Issuer::plain(&key).await;
    leads.says("jwks_uri", &plain.keys_url());
    let names = [
        ("unknown", unknown.url("localhost"), "BELLHOP_CA_FILE"),
        ("named", elsewhere.url("127.0.0.1"), "another name"),
        ("over", over.url("localhost"), "has expired"),
        ("lies", lies.url("localhost"), "and not of"),
        ("leads", leads.url("localhost"), "not https"),
    ];
    let issuers = names.each_ref().map(|(name, url, _)| settings(name, url, None));
    let platform = trusting(&issuers, Some(&ours)).await;
    it_says(&platform, &names.each_ref().map(|(.., said)| *said)).await;
    let hotel = Hotel::create(&platform, 3).await;
    for (name, url, _) in names {
        let token = key.sign(&with(&claims(&hotel), "iss", json!(url)));
        assert_eq!(me(&platform, &token).await.status, 401, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_authorities_that_has_none_stops_the_start() {
    let mut platform = Platform::migrated();
    let file = platform.folder().join("authorities.pem");
    platform.set("BELLHOP_CA_FILE", &file.display().to_string());
    for text in [
        None,
        Some(""),
        Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
    ] {
        if let Some(text) = text {
            std::fs::write(&file, text).unwrap();
        }
        let refused = platform.command(&["run", "--target", "hotel"]);
        let complaint = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(
            !refused.status.success() && complaint.contains("BELLHOP_CA_FILE"),
            "{complaint}"
        );
    }
}

//! What may stand in `Authorization` or in the cookie of a session that is no credential, or not for this.

use platform::access::{ApiKey, Link, LinkConfig, ServiceTokens, SessionConfig, Sessions};
use platform::token::TokenConfig;
use tests::{Platform, bearer};

use super::wire::{Sent, Table, Want};

const INVALID: Want<'static> = Want {
    status: 401,
    code: "credential_invalid",
    pointer: Some("Authorization"),
};
/// `{"alg":"none"}` and `{"iss":"hotel","aud":"ListHotels","exp":9999999999}`, signed by nobody.
const UNSIGNED: &str =
    "bhs_eyJhbGciOiJub25lIn0.eyJpc3MiOiJob3RlbCIsImF1ZCI6Ikxpc3RIb3RlbHMiLCJleHAiOjk5OTk5OTk5OTl9.";

pub(super) fn rows(table: &mut Table, platform: &Platform) {
    let key = platform.keys.staff.as_str();
    let nobodys = ApiKey::make("01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d".parse().unwrap())
        .unwrap()
        .reveal();
    let token_secret = tests::TOKEN_SECRET.parse().unwrap();
    let tokens = ServiceTokens::new(&TokenConfig { token_secret }).unwrap();
    let elsewhere = tokens.authorization("hotel", "GetInventory", platform::Clock::system().now());
    let link_secret = "1:a secret that is not that of this platform".parse().unwrap();
    let forged = LinkConfig { link_secret }.links().unwrap().write(&Link {
        reservation: "01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d".parse().unwrap(),
        number: 1,
        ends_at: chrono::DateTime::from_timestamp(4_000_000_000, 0).unwrap(),
    });
    for (what, value) in [
        ("nothing", String::new()),
        ("a scheme alone", "Bearer".to_owned()),
        ("a scheme and a space", "Bearer ".to_owned()),
        ("another scheme", "Basic YWRtaW46YWRtaW4=".to_owned()),
        ("a key without a scheme", key.to_owned()),
        ("two keys in one", format!("Bearer {key}, Bearer {key}")),
        ("a key that was cut off", bearer(&key[..key.len() - 1])),
        ("a key with a letter more", bearer(&format!("{key}0"))),
        ("a key in capitals", bearer(&key.to_uppercase())),
        ("nobody's key", bearer(&nobodys)),
        ("a long text", bearer(&"a".repeat(6_000))),
        ("bytes that are no text", "Bearer \u{e9}\u{ff}".to_owned()),
        ("an unsigned token", bearer(UNSIGNED)),
        (
            "a token of another issuer",
            bearer("eyJhbGciOiJIUzI1NiJ9.e30.AAAA"),
        ),
        ("a service's token for something else", elsewhere),
        ("a link that nobody made", bearer(&forged)),
        ("a link that was cut off", bearer(&forged[..forged.len() - 1])),
        ("the beginning of a link", bearer("bhl_")),
    ] {
        let sent = Sent::get("/v1/hotels").header("authorization", &value);
        table.refused(&format!("credential: {what}"), &sent, INVALID);
    }
    let twice = Sent::get("/v1/hotels")
        .header("authorization", &bearer(key))
        .header("authorization", &bearer(key));
    table.refused("credential: twice", &twice, INVALID);
    let scheme = Sent::get("/v1/hotels").header("authorization", &format!("bEARER   {key}"));
    table.served("a scheme in other letters", &scheme, 200);
    let others = Sent::get("/v1/relay").header("authorization", &bearer(key));
    let want = Want {
        status: 403,
        code: "not_permitted",
        pointer: Some("Authorization"),
    };
    table.refused("a key that is not for this", &others, want);
    cookies(table);
    // Pages and files tell nobody apart, whatever a proxy sends them.
    let page = Sent::get("/healthz").header("authorization", "Basic YWRtaW46YWRtaW4=");
    table.served("a proxy's own credential", &page, 200);
}

/// A cookie that nobody of ours gave is refused where somebody is needed, and nothing where anybody may ask.
fn cookies(table: &mut Table) {
    let session_secret = "1:a secret that is not that of this platform".parse().unwrap();
    let sessions = SessionConfig { session_secret }.sessions().unwrap();
    let now = platform::Clock::system().now();
    let forged = sessions.set_cookie(Sessions::new_id().unwrap(), now);
    let forged = forged.to_str().unwrap().split(';').next().unwrap().to_owned();
    let want = Want {
        status: 401,
        code: "credential_invalid",
        pointer: Some("Cookie"),
    };
    for (what, value) in [
        ("nothing", "__Host-bellhop=".to_owned()),
        ("a word", "__Host-bellhop=admin".to_owned()),
        ("the beginning of one", "__Host-bellhop=bhc_1_1_".to_owned()),
        ("a long text", format!("__Host-bellhop={}", "a".repeat(6_000))),
        ("one that nobody gave", forged.clone()),
        ("two", format!("{forged}; {forged}")),
    ] {
        let sent = Sent::get("/v1/sagas").header("cookie", &value);
        table.refused(&format!("cookie: {what}"), &sent, want);
        let for_anyone = Sent::get("/v1/problems").header("cookie", &value);
        table.served(
            &format!("cookie: {what}, where anybody may ask"),
            &for_anyone,
            200,
        );
    }
}

//! A cookie is read as it was given and no other is, and who may change something by it.

use super::*;

const ID: Uuid = Uuid::from_u128(0x8193_6f5e_7d5c_1c3a_1a44_0d3f_6a1b_2c4d);

fn sessions(text: &str) -> Sessions {
    let session_secret = text.parse().unwrap();
    SessionConfig { session_secret }.sessions().unwrap()
}

fn ours() -> Sessions {
    sessions(&format!("1:{}", "s".repeat(32)))
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

#[test]
fn a_cookie_is_read_as_it_was_given_and_no_other_text_is() {
    let text = ours().written(ID, now());
    let cookie = ours().read(&text).unwrap();
    assert_eq!((cookie.session, cookie.given_at), (ID, now()));
    for at in 0..text.len() {
        let mut wrong = text.clone().into_bytes();
        wrong[at] = if wrong[at] == b'0' { b'1' } else { b'0' };
        let wrong = String::from_utf8(wrong).unwrap();
        assert_eq!(ours().read(&wrong), None, "{at}");
        assert_eq!(ours().read(&text[..at]), None, "cut at {at}");
    }
    assert_eq!(sessions(&format!("1:{}", "x".repeat(32))).read(&text), None);
    // A new secret signs; the former still verifies.
    let both = sessions(&format!("2:{},1:{}", "x".repeat(32), "s".repeat(32)));
    assert_eq!(both.read(&text), Some(cookie));
    assert!(both.written(ID, now()).starts_with("bhc_1_2_"));
}

#[test]
fn a_browser_keeps_it_for_this_host_alone_and_shows_it_to_no_script() {
    let value = ours().set_cookie(ID, now());
    let text = value.to_str().unwrap();
    assert!(text.starts_with("__Host-bellhop=bhc_1_1_"), "{text}");
    for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
        assert!(text.split("; ").any(|part| part == attribute), "{text}");
    }
    assert!(!text.contains("Domain") && value.is_sensitive());
    assert!(Sessions::no_cookie().to_str().unwrap().contains("Max-Age=0"));
}

#[test]
fn a_cookie_grows_old_and_is_given_anew_before_it_is_idle() {
    let cookie = ours().read(&ours().written(ID, now())).unwrap();
    let after = |seconds| now() + TimeDelta::seconds(seconds);
    for (seconds, new, ages, idle) in [
        (0, true, false, false),
        (5, false, false, false),
        (60, false, true, false),
        (1_799, false, true, false),
        (1_800, false, true, true),
    ] {
        let then = after(seconds);
        let told = (cookie.may_be_new(then), cookie.ages(then), cookie.is_idle(then));
        assert_eq!(told, (new, ages, idle), "{seconds}");
    }
}

#[test]
fn the_cookie_is_found_among_others_and_two_are_none() {
    let found = |pairs: &[(&'static str, &str)]| cookie_of(&headers(pairs)).map(str::to_owned);
    assert_eq!(found(&[]), None);
    assert_eq!(
        found(&[("cookie", "a=b; __Host-bellhop=x; c=d")]),
        Some("x".to_owned())
    );
    assert_eq!(
        found(&[("cookie", "a=b"), ("cookie", "__Host-bellhop=x")]),
        Some("x".to_owned())
    );
    assert_eq!(found(&[("cookie", "__host-bellhop=x; bellhop=y")]), None);
    assert_eq!(
        found(&[("cookie", "__Host-bellhop=x; __Host-bellhop=y")]),
        Some(String::new())
    );
}

#[test]
fn only_a_page_of_ours_with_the_sessions_token_changes_anything() {
    let token = ours().csrf_token(ID);
    let refused = |pairs: &[(&'static str, &str)]| {
        let said = ours().require_token(&headers(pairs), ID);
        said.err().map(|problem| problem.status().as_u16())
    };
    let same = ("sec-fetch-site", "same-origin");
    assert_eq!(refused(&[same, ("x-csrf-token", &token)]), None);
    let others = ours().csrf_token(Uuid::from_u128(7));
    let longer = format!("{token}0");
    for wrong in ["", "_", "1_", "1_00", &token[2..], &others, &longer] {
        assert_eq!(refused(&[same, ("x-csrf-token", wrong)]), Some(403), "{wrong}");
    }
    assert_eq!(refused(&[same]), Some(403));
    for site in ["cross-site", "same-site", "none", ""] {
        let pairs = [("sec-fetch-site", site), ("x-csrf-token", token.as_str())];
        assert_eq!(refused(&pairs), Some(403), "{site}");
    }
    assert_eq!(refused(&[("x-csrf-token", &token)]), Some(403), "it does not say");
    assert_eq!(refused(&[same, same, ("x-csrf-token", &token)]), Some(403));
}

#[test]
fn nobody_signs_in_over_plain_http_but_on_the_machine_itself() {
    let told = |origin: &str| {
        let pairs = [("origin", origin), ("sec-fetch-site", "same-origin")];
        require_safe_page(&headers(&pairs)).is_ok()
    };
    for safe in [
        "https://bellhop.example",
        "https://bellhop.example:8443",
        "http://127.0.0.1:8080",
        "http://localhost",
        "http://[::1]:8080",
    ] {
        assert!(told(safe), "{safe}");
    }
    for unsafe_ in [
        "http://bellhop.example",
        "http://127.0.0.1.example",
        "http://localhost.example:8080",
        "http://10.0.0.1:8080",
        "http://[::2]",
        "null",
        "",
        "ftp://localhost",
    ] {
        assert!(!told(unsafe_), "{unsafe_}");
    }
    assert!(require_safe_page(&headers(&[("sec-fetch-site", "same-origin")])).is_err());
    assert!(require_safe_page(&headers(&[("origin", "https://bellhop.example")])).is_err());
}

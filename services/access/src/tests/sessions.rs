//! The life of a session: a link that is good once, a cookie, a token, and its end.

use super::*;

const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");
const ORIGIN: (&str, &str) = ("origin", "https://bellhop.example");

/// A browser that has signed in.
struct Browser {
    cookie: String,
    token: String,
}

impl Api {
    /// A person of this kind and the way to sign in.
    async fn person(&self, admin: &str, kind: &str) -> (String, String) {
        let wanted = json!({"kind": kind, "name": "Somebody"});
        let (_, made) = self.post(admin, "/v1/principals", wanted).await;
        let principal = text(&made, "principal_id");
        let path = format!("/v1/principals/{principal}/sign-in-links");
        let (status, link) = self.post(admin, &path, Value::Null).await;
        assert_eq!(status, 201, "{link}");
        assert_eq!(text(&link, "path"), format!("/sign-in/#{}", text(&link, "token")));
        (principal, text(&link, "token"))
    }

    async fn sign_in(&self, headers: &[(&str, &str)], link: &str) -> (u16, HeaderMap, Value) {
        let body = json!({"link": link});
        self.ask(headers, Method::POST, "/v1/session", body).await
    }

    async fn signed_in(&self, link: &str) -> Browser {
        let (status, headers, me) = self.sign_in(&[ORIGIN, SAME], link).await;
        assert_eq!(status, 201, "{me}");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
        Browser {
            cookie: cookie(&headers),
            token: me["session"]["csrf_token"].as_str().unwrap().to_owned(),
        }
    }

    /// What a page of the browser is answered, and with which cookie.
    async fn page(&self, browser: &Browser, method: Method, path: &str) -> (u16, HeaderMap, Value) {
        let headers = [
            ("cookie", browser.cookie.as_str()),
            ("x-csrf-token", &browser.token),
            SAME,
        ];
        self.ask(&headers, method, path, Value::Null).await
    }

    async fn actions(&self) -> String {
        #[expect(clippy::disallowed_methods, reason = "a test looks past the service")]
        let told = sqlx::query_scalar(
            "select string_agg(action || ' by ' || split_part(actor, ':', 1), ', ' order by no) from access.trail
             where action not in ('principal_made', 'key_made')",
        );
        told.fetch_one(&self.pool).await.unwrap()
    }
}

/// As a browser sends back what it was given.
fn cookie(headers: &HeaderMap) -> String {
    let set = headers[header::SET_COOKIE].to_str().unwrap();
    set.split(';').next().unwrap().to_owned()
}

fn told((status, _, body): &(u16, HeaderMap, Value)) -> (u16, String) {
    (*status, body["code"].as_str().unwrap_or_default().to_owned())
}

fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[sqlx::test(migrations = false)]
async fn a_link_is_good_once_and_from_a_page_alone(pool: PgPool) {
    let api = Api::start(pool).await;
    let admin = api.first_admin().await;
    let (principal, link) = api.person(&admin, "viewer").await;
    for (headers, code) in [
        (&[][..], "csrf_refused"),
        (&[SAME][..], "csrf_refused"),
        (&[ORIGIN][..], "csrf_refused"),
        (&[ORIGIN, ("sec-fetch-site", "cross-site")][..], "csrf_refused"),
        (
            &[("origin", "http://bellhop.example"), SAME][..],
            "insecure_origin",
        ),
    ] {
        assert_eq!(
            told(&api.sign_in(headers, &link).await),
            is(403, code),
            "{headers:?}"
        );
    }
    let wrong = format!("{}0", &link[..link.len() - 1]);
    for wrong in ["", "x", &admin, &wrong] {
        let answer = api.sign_in(&[ORIGIN, SAME], wrong).await;
        assert_eq!(told(&answer), is(403, "sign_in_refused"), "{wrong}");
    }
    let browser = api.signed_in(&link).await;
    let again = api.sign_in(&[ORIGIN, SAME], &link).await;
    assert_eq!(told(&again), is(403, "sign_in_refused"));
    assert!(!again.1.contains_key(header::SET_COOKIE));
    let (status, headers, me) = api.page(&browser, Method::GET, "/v1/me").await;
    assert_eq!(
        (status, &me["actor"], &me["all_hotels"]),
        (200, &json!(format!("viewer:{principal}")), &json!(true)),
        "{me}"
    );
    assert_eq!(me["session"]["csrf_token"], json!(browser.token));
    assert_eq!(
        (&headers[header::CACHE_CONTROL], &headers[header::VARY]),
        (&"no-store".parse().unwrap(), &"Cookie".parse().unwrap())
    );
    // A key is told who it is too, and has no session.
    let (_, me) = api.send(Some(&admin), Method::GET, "/v1/me", Value::Null).await;
    assert_eq!((&me["kind"], me.get("session")), (&json!("admin"), None));
    // A company's programs ask with keys.
    let wanted = json!({"kind": "partner", "name": "Sunny Trips"});
    let (_, partner) = api.post(&admin, "/v1/principals", wanted).await;
    let path = format!("/v1/principals/{}/sign-in-links", text(&partner, "principal_id"));
    assert_eq!(api.post(&admin, &path, Value::Null).await.0, 422);
}

#[sqlx::test(migrations = false)]
async fn what_a_session_may_it_may_from_its_own_pages(pool: PgPool) {
    let api = Api::start(pool).await;
    let admin = api.first_admin().await;
    let (_, link) = api.person(&admin, "admin").await;
    let browser = api.signed_in(&link).await;
    let send = async |headers: &[(&str, &str)]| {
        let body = json!({"kind": "viewer", "name": "Vera"});
        told(&api.ask(headers, Method::POST, "/v1/principals", body).await)
    };
    let cookie = ("cookie", browser.cookie.as_str());
    let token = ("x-csrf-token", browser.token.as_str());
    assert_eq!(send(&[cookie, token, SAME]).await, is(201, ""));
    for wrong in [
        &[cookie, SAME][..],
        &[cookie, token],
        &[cookie, token, ("sec-fetch-site", "cross-site")],
        &[cookie, ("x-csrf-token", "1_00"), SAME],
    ] {
        assert_eq!(send(wrong).await, is(403, "csrf_refused"), "{wrong:?}");
    }
    // A key that is sent beside it counts, and needs no token.
    let bearer = format!("Bearer {admin}");
    assert_eq!(send(&[cookie, ("authorization", &bearer)]).await, is(201, ""));
    let forged = browser.cookie.replace("_1_1_", "_1_2_");
    assert_eq!(
        send(&[("cookie", &forged), token, SAME]).await,
        is(401, "credential_invalid")
    );
    let (_, link) = api.person(&admin, "viewer").await;
    let viewer = api.signed_in(&link).await;
    let refused = api.page(&viewer, Method::GET, "/v1/principals").await;
    assert_eq!(told(&refused), is(403, "not_permitted"));
}

#[sqlx::test(migrations = false)]
async fn a_session_ends_by_itself_by_its_owner_and_by_an_administrator(pool: PgPool) {
    let api = Api::start(pool).await;
    let admin = api.first_admin().await;
    let me = async |browser: &Browser| api.page(browser, Method::GET, "/v1/me").await;
    let over = is(401, "session_ended");

    // By its owner; once more there is nothing to end.
    let (_, link) = api.person(&admin, "viewer").await;
    let browser = api.signed_in(&link).await;
    let signed_out = api.page(&browser, Method::DELETE, "/v1/session").await;
    assert_eq!(signed_out.0, 204);
    assert_eq!(cookie(&signed_out.1), "__Host-bellhop=");
    assert_eq!(told(&me(&browser).await), over);
    assert_eq!(api.page(&browser, Method::DELETE, "/v1/session").await.0, 204);

    // By an administrator, who sees it with its owner.
    let (principal, link) = api.person(&admin, "viewer").await;
    let browser = api.signed_in(&link).await;
    let path = format!("/v1/principals/{principal}");
    let (_, shown) = api.send(Some(&admin), Method::GET, &path, Value::Null).await;
    let session = text(&shown["sessions"][0], "session_id");
    let revocation = format!("/v1/sessions/{session}/revocation");
    for _ in 0..2 {
        assert_eq!(api.post(&admin, &revocation, Value::Null).await.0, 200);
    }
    assert_eq!(told(&me(&browser).await), over);

    // With its owner, who gets no other.
    let (principal, link) = api.person(&admin, "viewer").await;
    let browser = api.signed_in(&link).await;
    let links = format!("/v1/principals/{principal}/sign-in-links");
    let (_, unused) = api.post(&admin, &links, Value::Null).await;
    let revocation = format!("/v1/principals/{principal}/revocation");
    assert_eq!(api.post(&admin, &revocation, Value::Null).await.0, 200);
    assert_eq!(told(&me(&browser).await), over);
    let refused = api.sign_in(&[ORIGIN, SAME], &text(&unused, "token")).await;
    assert_eq!(told(&refused), is(403, "sign_in_refused"));
    let (status, refused) = api.post(&admin, &links, Value::Null).await;
    assert_eq!((status, text(&refused, "code")), is(409, "principal_is_over"));

    assert_eq!(
        api.actions().await,
        "sign_in_link_made by admin, session_made by viewer, session_ended by viewer, \
         sign_in_link_made by admin, session_made by viewer, session_revoked by admin, \
         sign_in_link_made by admin, session_made by viewer, sign_in_link_made by admin, principal_revoked by admin"
    );
}

#[sqlx::test(migrations = false)]
async fn a_session_that_is_used_goes_on_for_twelve_hours_and_an_idle_one_for_half_of_one(pool: PgPool) {
    let api = Api::start(pool).await;
    let admin = api.first_admin().await;
    let (_, link) = api.person(&admin, "viewer").await;
    let mut browser = api.signed_in(&link).await;
    let first = browser.cookie.clone();
    let (_, headers, _) = api.page(&browser, Method::GET, "/v1/me").await;
    assert!(!headers.contains_key(header::SET_COOKIE), "it is new");
    let mut minutes = 0;
    let last = loop {
        api.later(29);
        minutes += 29;
        let (status, headers, body) = api.page(&browser, Method::GET, "/v1/me").await;
        if status != 200 {
            break told(&(status, headers, body));
        }
        browser.cookie = cookie(&headers);
    };
    assert_eq!(last, is(401, "session_ended"));
    assert!((12 * 60..12 * 60 + 29).contains(&minutes), "{minutes}");
    // Its first cookie was too old long before.
    api.later(-12 * 60);
    browser.cookie = first;
    let idle = api.page(&browser, Method::GET, "/v1/me").await;
    assert_eq!(told(&idle), is(200, ""), "the clock was set back");
    api.later(31);
    let idle = api.page(&browser, Method::GET, "/v1/me").await;
    assert_eq!(told(&idle), is(401, "session_ended"));
}

#[sqlx::test(migrations = false)]
async fn a_session_of_which_nothing_was_heard_yet_is_asked_for_again(pool: PgPool) {
    let api = Api::start(pool).await;
    let session = platform::access::Sessions::new_id().unwrap();
    let now = api.gate.clock.now();
    let set = api.gate.sessions.set_cookie(session, now);
    let cookie = set.to_str().unwrap().split(';').next().unwrap().to_owned();
    let ask = async || {
        let headers = [("cookie", cookie.as_str())];
        told(&api.ask(&headers, Method::GET, "/v1/me", Value::Null).await)
    };
    assert_eq!(ask().await, is(503, "identities_stale"));
    api.later(1);
    assert_eq!(ask().await, is(401, "session_ended"));
}

#[sqlx::test(migrations = false)]
async fn what_is_over_for_a_month_is_removed(pool: PgPool) {
    let api = Api::start(pool).await;
    let admin = api.first_admin().await;
    let (_, link) = api.person(&admin, "viewer").await;
    api.signed_in(&link).await;
    let count = async || {
        #[expect(clippy::disallowed_methods, reason = "a test looks past the service")]
        let count = sqlx::query_scalar(
            "select (select count(*) from access.session) + (select count(*) from access.sign_in_link)",
        );
        let count: i64 = count.fetch_one(&api.pool).await.unwrap();
        count
    };
    assert_eq!(
        (crate::remove_over(api.pool.clone()).await.unwrap(), count().await),
        (0, 2)
    );
    for table in ["session", "sign_in_link"] {
        let past = format!("update access.{table} set ends_at = now() - interval '31 days'");
        api.pool.execute(sqlx::AssertSqlSafe(past)).await.unwrap();
    }
    assert_eq!(
        (crate::remove_over(api.pool.clone()).await.unwrap(), count().await),
        (1, 0)
    );
}

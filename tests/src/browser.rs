//! Somebody who has signed in with a browser.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{Answer, Platform, bearer, until};

/// What a browser says of a request of a page to its own origin.
pub const SAME_ORIGIN: (&str, &str) = ("sec-fetch-site", "same-origin");
/// A client has no key of its own then.
const NO_KEY: (&str, &str) = ("authorization", "");

/// A session: the browser's cookie, and what its pages send.
#[derive(Debug, Clone)]
pub struct Browser {
    /// As the browser sends it back.
    pub cookie: String,
    /// The token of its pages.
    pub token: String,
}

impl Browser {
    /// Signs in by a link's token, and waits until that is known.
    pub async fn sign_in(platform: &Platform, link: &str) -> Self {
        let signed_in = platform.sign_in(link).await;
        assert_eq!(signed_in.status, 201, "{}", signed_in.json);
        let set = signed_in.headers["set-cookie"].to_str().unwrap_or_default();
        let browser = Self {
            cookie: set.split(';').next().unwrap_or_default().to_owned(),
            token: signed_in.text("/session/csrf_token").to_owned(),
        };
        until("the session is known", async || {
            let me = browser.get(platform, "/v1/me").await;
            me.status.is_success().then_some(())
        })
        .await;
        browser
    }

    /// The header by which it is known, for [`Platform::everywhere`].
    pub fn held(&self) -> (&str, &str) {
        ("cookie", &self.cookie)
    }

    /// What a page sends with what changes something.
    pub fn headers(&self) -> [(&str, &str); 4] {
        [NO_KEY, self.held(), ("x-csrf-token", &self.token), SAME_ORIGIN]
    }

    /// GET by a page.
    pub async fn get(&self, platform: &Platform, path: &str) -> Answer {
        self.ask(platform, Method::GET, path, &Value::Null).await
    }

    /// Any request by a page.
    pub async fn ask(&self, platform: &Platform, method: Method, path: &str, body: &Value) -> Answer {
        let asked = platform.client().json(method, path, body, &self.headers()).await;
        asked.expect("the platform answers")
    }
}

impl Platform {
    /// Sends a link's token as the sign-in page does.
    pub async fn sign_in(&self, link: &str) -> Answer {
        let headers = [NO_KEY, SAME_ORIGIN, ("origin", self.url.as_str())];
        self.send_json(Method::POST, "/v1/session", &json!({"link": link}), &headers)
            .await
    }

    /// The token of a new link of an administrator's for whoever has this id.
    pub async fn sign_in_link(&self, principal: &str) -> String {
        let path = format!("/v1/principals/{principal}/sign-in-links");
        let admin = bearer(&self.keys.admin);
        let headers = [("authorization", admin.as_str())];
        let made = self.send_json(Method::POST, &path, &Value::Null, &headers).await;
        assert_eq!(made.status, 201, "{}", made.json);
        made.text("/token").to_owned()
    }

    /// The id of whoever has this key.
    pub async fn principal_of(&self, key: &str) -> String {
        let authorization = bearer(key);
        let headers = [("authorization", authorization.as_str())];
        let me = self
            .send_json(Method::GET, "/v1/me", &Value::Null, &headers)
            .await;
        assert_eq!(me.status, 200, "{}", me.json);
        me.text("/id").to_owned()
    }
}

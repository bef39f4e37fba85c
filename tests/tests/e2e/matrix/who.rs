//! Everybody who asks, and by which credential.

use platform::access::{Kind, Member, MemberConfig};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Browser, Client, Hotel, Platform, bearer, until};

use super::{Operation, Things};

/// Who books in these hotels.
const GUEST: &str = "ada.lovelace@example.com";

/// By what the tokens of members are made.
pub(super) const MEMBER_SECRET: &str = "1:a secret of members for tests of at least 32 bytes";

/// By what somebody asks.
#[derive(Clone)]
pub(super) enum Credential {
    None,
    Bearer(String),
    Session(Browser),
}

/// Somebody who asks.
pub(super) struct Who {
    pub(super) kind: Kind,
    pub(super) credential: Credential,
    /// Whether they see the things of one hotel alone, or of themselves.
    pub(super) limited: bool,
}

impl Who {
    /// Its key; empty where it asks otherwise.
    pub(super) fn key(&self) -> &str {
        match &self.credential {
            Credential::Bearer(key) => key,
            _ => "",
        }
    }

    /// With what they ask. A guest has a link, and a new one each time, as one of the operations withdraws those of before.
    /// Whoever signs out needs another session afterwards.
    pub(super) async fn credential(&self, platform: &Platform, own: &Things, of: &Operation) -> Credential {
        if let Credential::Session(browser) = &self.credential
            && of.name == "delete_session"
        {
            let id = browser.get(platform, "/v1/me").await.text("/id").to_owned();
            return session(platform, &id).await;
        }
        if self.kind != Kind::Guest {
            return self.credential.clone();
        }
        let body = json!({"code": own.code, "email": GUEST});
        let found = platform.post("/v1/reservations/look-up", &body).await;
        let link = found.text("/guest_link/token").to_owned();
        assert!(link.starts_with("bhl_"), "{}", found.json);
        Credential::Bearer(link)
    }
}

/// A new session of somebody.
async fn session(platform: &Platform, principal: &str) -> Credential {
    let link = platform.sign_in_link(principal).await;
    Credential::Session(Browser::sign_in(platform, &link).await)
}

/// A key of a new principal who works for this hotel alone.
pub(super) async fn limited(platform: &Platform, kind: Kind, hotel: &Hotel) -> Who {
    let admin = bearer(&platform.keys.admin);
    let headers = [("authorization", admin.as_str())];
    let wanted = json!({"kind": kind.word(), "name": "Of one hotel", "hotels": [hotel.hotel_id]});
    let made = platform
        .send_json(Method::POST, "/v1/principals", &wanted, &headers)
        .await;
    let path = format!("/v1/principals/{}/keys", made.text("/principal_id"));
    let made = platform
        .send_json(Method::POST, &path, &json!({}), &headers)
        .await;
    let key = made.text("/key").to_owned();
    until("the key is known", async || {
        let answer = ask(
            &platform.client(),
            Method::GET,
            "/v1/hotels",
            &Value::Null,
            &Credential::Bearer(key.clone()),
        )
        .await;
        (answer.status == 200).then_some(())
    })
    .await;
    Who {
        kind,
        credential: Credential::Bearer(key),
        limited: true,
    }
}

/// The same as other people who ask by keys, with sessions.
async fn signed_in(platform: &Platform, who: &[Who]) -> Vec<Who> {
    let mut signed_in = Vec::new();
    for who in who {
        let Credential::Bearer(key) = &who.credential else {
            continue;
        };
        // A company's programs have no session.
        if who.kind == Kind::Partner {
            continue;
        }
        let principal = platform.principal_of(key).await;
        signed_in.push(Who {
            kind: who.kind,
            credential: session(platform, &principal).await,
            limited: who.limited,
        });
    }
    signed_in
}

/// A member who has booked nothing, and so sees nothing of what is here.
fn member() -> Who {
    let member_secret = MEMBER_SECRET.parse().unwrap();
    let members = MemberConfig { member_secret }.members().unwrap().unwrap();
    let now = platform::Clock::system().now();
    let member = Member {
        id: contract::MemberId::new().uuid(),
        grade: "gold".to_owned(),
        since: now,
        blocked: false,
    };
    let token = members.write(&member, now + chrono::TimeDelta::hours(1)).unwrap();
    Who {
        kind: Kind::Member,
        credential: Credential::Bearer(token),
        limited: false,
    }
}

/// Everybody there is; `seller` is a partner of the hotel.
pub(super) async fn everybody(platform: &Platform, own: &Hotel, seller: Who) -> Vec<Who> {
    let keys = &platform.keys;
    let all = [
        (Kind::Staff, &keys.staff),
        (Kind::Partner, &keys.partner),
        (Kind::Viewer, &keys.viewer),
        (Kind::Operator, &keys.operator),
        (Kind::Admin, &keys.admin),
    ];
    let mut everybody: Vec<_> = all
        .into_iter()
        .map(|(kind, key)| Who {
            kind,
            credential: Credential::Bearer(key.clone()),
            limited: false,
        })
        .collect();
    everybody.push(limited(platform, Kind::Staff, own).await);
    everybody.push(seller);
    everybody.extend(signed_in(platform, &everybody).await);
    everybody.push(member());
    for (kind, limited) in [(Kind::Anyone, false), (Kind::Guest, true)] {
        everybody.push(Who {
            kind,
            credential: Credential::None,
            limited,
        });
    }
    everybody
}

/// Asks by this credential.
pub(super) async fn ask(
    client: &Client,
    method: Method,
    path: &str,
    body: &Value,
    by: &Credential,
) -> Answer {
    let authorization = match by {
        // An empty one is left out by the client.
        Credential::None => String::new(),
        Credential::Bearer(key) => bearer(key),
        Credential::Session(browser) => {
            return client.json(method, path, body, &browser.headers()).await.unwrap();
        }
    };
    let headers = [("authorization", authorization.as_str())];
    client.json(method, path, body, &headers).await.unwrap()
}

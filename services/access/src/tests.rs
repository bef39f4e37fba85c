//! The life of a key through the real guard, in front of the real tables.

mod sessions;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, header};
use chrono::{DateTime, Utc};
use http_body_util::BodyExt as _;
use platform::Clock;
use platform::access::{
    Believed, BelievedConfig, Gate, Identities, Issuers, LinkConfig, PepperConfig, RowSigner, ServiceTokens,
    SessionConfig, SigningConfig, guarded,
};
use platform::token::TokenConfig;
use serde_json::{Value, json};
use sqlx::Executor as _;
use sqlx::postgres::PgPool;
use tower::ServiceExt as _;

use crate::http::App;
use crate::model::{NewPrincipal, PrincipalKind};
use crate::{MIGRATOR, http, make, store};

struct Api {
    pool: PgPool,
    gate: Gate,
    signer: RowSigner,
    believed: Believed,
    routes: Router,
}

fn signing() -> SigningConfig {
    SigningConfig {
        access_signing_key: format!("1:{}", "a".repeat(64)).parse().unwrap(),
    }
}

impl Api {
    async fn start(pool: PgPool) -> Self {
        pool.execute("create schema if not exists access").await.unwrap();
        MIGRATOR.run(&pool).await.unwrap();
        let key_pepper = format!("1:{}", "p".repeat(32)).parse().unwrap();
        let session_secret = format!("1:{}", "s".repeat(32)).parse().unwrap();
        let link_secret = format!("1:{}", "l".repeat(32)).parse().unwrap();
        let token_secret = "0123456789abcdef0123456789abcdef".parse().unwrap();
        let gate = Gate {
            identities: Identities::default(),
            peppers: PepperConfig { key_pepper }.ring().unwrap(),
            links: LinkConfig { link_secret }.links().unwrap(),
            sessions: SessionConfig { session_secret }.sessions().unwrap(),
            issuers: Issuers::default(),
            members: None,
            services: ServiceTokens::new(&TokenConfig { token_secret }).unwrap(),
            clock: Clock::fixed(Clock::system().now()),
        };
        let believed = BelievedConfig {
            access_public_key: String::new(),
            signing: signing(),
        };
        let believed = Believed::new(believed.verifier().unwrap());
        let signer = signing().signer().unwrap();
        let app = App {
            pool: pool.clone(),
            peppers: gate.peppers.clone(),
            sessions: gate.sessions.clone(),
            signer: signer.clone(),
            clock: gate.clock.clone(),
        };
        let routes = guarded(http::routes().with_state(app).into(), http::table(), gate.clone());
        Self {
            pool,
            gate,
            signer,
            believed,
            routes,
        }
    }

    /// What a process hears of the change topics.
    async fn hear(&self) {
        let mut db = self.pool.acquire().await.unwrap();
        let changes = store::changes(&mut db, self.gate.identities.whole())
            .await
            .unwrap();
        self.gate.identities.changes(self.believed.changes(changes));
    }

    async fn first_admin(&self) -> String {
        let wanted = NewPrincipal {
            kind: PrincipalKind::Admin,
            name: "Ada".parse().unwrap(),
            hotels: Vec::new(),
            all_hotels: false,
        };
        let key = make(&self.pool, &self.gate.peppers, &self.signer, wanted)
            .await
            .unwrap()
            .reveal();
        self.hear().await;
        key
    }

    async fn send(&self, key: Option<&str>, method: Method, path: &str, body: Value) -> (u16, Value) {
        let bearer = key.map(|key| format!("Bearer {key}"));
        let headers: Vec<_> = bearer
            .iter()
            .map(|bearer| ("authorization", bearer.as_str()))
            .collect();
        let (status, _, body) = self.ask(&headers, method, path, body).await;
        (status, body)
    }

    async fn ask(
        &self,
        headers: &[(&str, &str)],
        method: Method,
        path: &str,
        body: Value,
    ) -> (u16, HeaderMap, Value) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Value::Null => Body::empty(),
            body => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
        };
        let response = self
            .routes
            .clone()
            .oneshot(request.body(body).unwrap())
            .await
            .unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        assert_eq!(status == 401, headers.contains_key(header::WWW_AUTHENTICATE));
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        self.hear().await;
        (
            status,
            headers,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        )
    }

    /// Moves the clock of the process, not the database's.
    fn later(&self, minutes: i64) -> DateTime<Utc> {
        let then = self.gate.clock.now() + chrono::TimeDelta::minutes(minutes);
        self.gate.clock.set(then);
        then
    }

    async fn post(&self, key: &str, path: &str, body: Value) -> (u16, Value) {
        self.send(Some(key), Method::POST, path, body).await
    }
}

fn text(value: &Value, field: &str) -> String {
    value[field]
        .as_str()
        .unwrap_or_else(|| panic!("{field} of {value}"))
        .to_owned()
}

const HOTEL: &str = "01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d";

#[sqlx::test(migrations = false)]
async fn a_key_lives_from_its_making_to_its_revocation(pool: PgPool) {
    let api = Api::start(pool).await;
    let admin = api.first_admin().await;
    let wanted = json!({"kind": "partner", "name": "Sunny Trips", "hotels": [HOTEL]});
    let (status, partner) = api.post(&admin, "/v1/principals", wanted).await;
    assert_eq!((status, &partner["hotels"]), (201, &json!([HOTEL])), "{partner}");
    let principal = text(&partner, "principal_id");
    let keys = format!("/v1/principals/{principal}/keys");
    let (status, first) = api.post(&admin, &keys, json!({})).await;
    assert_eq!(status, 201, "{first}");
    let (first_id, first_key) = (text(&first, "key_id"), text(&first, "key"));

    // It is known, and not for this.
    let (status, refused) = api.post(&first_key, &keys, json!({})).await;
    assert_eq!(
        (status, text(&refused, "code")),
        (403, "not_permitted".to_owned())
    );

    // Rotated: both are good, and a third is refused.
    let rotation = format!("/v1/keys/{first_id}/rotation");
    let (status, second) = api.post(&admin, &rotation, json!({"former_minutes": 5})).await;
    assert_eq!(status, 201, "{second}");
    let second_key = text(&second, "key");
    for key in [&first_key, &second_key] {
        assert_eq!(api.post(key, &keys, json!({})).await.0, 403);
    }
    let (status, refused) = api.post(&admin, &keys, json!({})).await;
    assert_eq!(
        (status, text(&refused, "code")),
        (409, "too_many_keys".to_owned())
    );

    // Revoked: it is nobody's.
    let revocation = format!("/v1/keys/{first_id}/revocation");
    for _ in 0..2 {
        assert_eq!(
            api.post(&admin, &revocation, Value::Null).await.0,
            200,
            "a repeat changes nothing"
        );
    }
    let (status, refused) = api.post(&first_key, &keys, json!({})).await;
    assert_eq!(
        (status, text(&refused, "code")),
        (401, "credential_invalid".to_owned())
    );
    assert_eq!(
        api.post(&second_key, &keys, json!({})).await.0,
        403,
        "the other one is good"
    );
    let (status, refused) = api.post(&admin, &rotation, json!({})).await;
    assert_eq!((status, text(&refused, "code")), (409, "key_is_over".to_owned()));

    // Nothing of a secret is in any row or list.
    let (_, listed) = api
        .send(Some(&admin), Method::GET, "/v1/principals", Value::Null)
        .await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 2, "{listed}");
    let secret = first_key.split('_').nth(2).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test looks past the service")]
    let rows = sqlx::query_scalar("select string_agg(k::text, '') from access.api_key k");
    let rows: String = rows.fetch_one(&api.pool).await.unwrap();
    assert!(!listed.to_string().contains(secret) && !rows.contains(secret));
    assert!(rows.contains(&first_id));
}

#[sqlx::test(migrations = false)]
async fn nobody_without_a_good_credential_comes_in(pool: PgPool) {
    let api = Api::start(pool).await;
    let admin = api.first_admin().await;
    let wanted = json!({"kind": "viewer", "name": "Vera"});
    let (status, refused) = api
        .send(None, Method::POST, "/v1/principals", wanted.clone())
        .await;
    assert_eq!(
        (status, text(&refused, "code")),
        (401, "credential_missing".to_owned())
    );
    for wrong in ["", "bhk_", "x", &admin[..admin.len() - 1], "bhs_x.y.z"] {
        let (status, refused) = api.post(wrong, "/v1/principals", wanted.clone()).await;
        assert_eq!(
            (status, text(&refused, "code")),
            (401, "credential_invalid".to_owned()),
            "{wrong}"
        );
    }
    // A service's token is for one operation.
    let now = api.gate.clock.now();
    let token = |operation| api.gate.services.authorization("hotel", operation, now);
    for (operation, wanted) in [("ListAccessChanges", 200), ("CreatePrincipal", 401)] {
        let authorization = token(operation);
        let bearer = authorization.strip_prefix("Bearer ").unwrap();
        let path = "/v1/access/changes?after=0";
        assert_eq!(
            api.send(Some(bearer), Method::GET, path, Value::Null).await.0,
            wanted,
            "{operation}"
        );
    }
    let (status, changes) = api
        .send(Some(&admin), Method::GET, "/v1/access/changes", Value::Null)
        .await;
    assert_eq!(status, 403, "{changes}");
}

#[sqlx::test(migrations = false)]
async fn hotels_are_granted_and_withdrawn(pool: PgPool) {
    let api = Api::start(pool).await;
    let admin = api.first_admin().await;
    let (_, staff) = api
        .post(&admin, "/v1/principals", json!({"kind": "staff", "name": "Stan"}))
        .await;
    let path = format!("/v1/principals/{}/hotels", text(&staff, "principal_id"));
    for (body, hotels, all) in [
        (json!({"hotels": [HOTEL]}), json!([HOTEL]), false),
        (
            json!({"hotels": [HOTEL], "all_hotels": true}),
            json!([HOTEL]),
            true,
        ),
        (json!({"hotels": [HOTEL, HOTEL]}), json!([HOTEL]), false),
        (json!({}), json!([]), false),
    ] {
        let (status, now) = api.send(Some(&admin), Method::PUT, &path, body).await;
        assert_eq!(
            (status, &now["hotels"], &now["all_hotels"]),
            (200, &hotels, &json!(all)),
            "{now}"
        );
    }
    let viewer = json!({"kind": "viewer", "name": "Vera", "all_hotels": true});
    let (status, refused) = api.post(&admin, "/v1/principals", viewer).await;
    assert_eq!((status, text(&refused, "pointer")), (422, "/hotels".to_owned()));
    let nobody = format!("/v1/principals/{HOTEL}/keys");
    assert_eq!(api.post(&admin, &nobody, json!({})).await.0, 404);
    let past = json!({"ends_at": "2020-01-01T00:00:00Z"});
    let keys = path.replace("/hotels", "/keys");
    assert_eq!(api.post(&admin, &keys, past).await.0, 422);
}

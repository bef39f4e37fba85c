//! A desk from which the tests of rules say what is held back.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use contract::SagaId;
use http_body_util::BodyExt as _;
use platform::Tasks;
use platform::access::{Actor, trial};
use serde_json::{Value, json};
use sqlx::PgPool;
use tower::ServiceExt as _;

use super::{Inspection, routes};
use crate::fixtures::{PACE, migrate, pass, runner, take};
use crate::message::Message;
use crate::runner::Runner;
use crate::{timers, watch};

/// A database with a runner that owns every run.
pub(super) struct Desk {
    pub(super) pool: PgPool,
    pub(super) runner: Arc<Runner>,
    routes: Router,
}

/// What an answer said: status and body.
pub(super) type Answer = (StatusCode, Value);

impl Desk {
    pub(super) async fn open(pool: PgPool) -> Self {
        migrate(&pool).await;
        let inspection = Arc::new(Inspection {
            pool: pool.clone(),
            pace: PACE,
            tasks: Tasks::new(),
        });
        Self {
            runner: runner(&pool, "one").await,
            routes: trial(
                routes().with_state(inspection).into(),
                crate::operations(),
                Actor::ANYONE,
            ),
            pool,
        }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.routes.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status, serde_json::from_slice(&body).unwrap_or_default())
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    }

    pub(super) async fn post(&self, path: &str, key: Option<&str>, body: &Value) -> Answer {
        let mut request = Request::post(path).header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.send(request.body(Body::from(body.to_string())).unwrap())
            .await
    }

    /// Makes a rule, of which the runner hears, and answers its path.
    pub(super) async fn rule(&self, kind: &str, subject: Value, per_minute: Option<u32>) -> String {
        let mut body = json!({"kind": kind, "subject": subject, "reason": WHY});
        if let Some(per_minute) = per_minute {
            body["per_minute"] = per_minute.into();
        }
        let key = SagaId::new().to_string();
        let (status, made) = self.post("/v1/saga-rules", Some(&key), &body).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        self.heard().await;
        made["links"]["self"].as_str().unwrap().to_owned()
    }

    pub(super) async fn lift(&self, rule: &str) {
        let (status, lifted) = self
            .post(&format!("{rule}/lift"), None, &json!({"reason": WHY}))
            .await;
        assert_eq!((status, &lifted["in_force"]), (StatusCode::OK, &false.into()));
        self.heard().await;
    }

    /// The runner hears of the rules.
    async fn heard(&self) {
        watch::look(&self.runner, &mut 0).await.unwrap();
    }

    pub(super) async fn hear(&self, messages: &[Message]) {
        take(&self.runner, messages).await.unwrap();
    }

    pub(super) async fn later(&self, seconds: i32) {
        pass(&self.pool, seconds).await;
        timers::round(&self.runner).await.unwrap();
    }

    pub(super) async fn held(&self, saga_id: SagaId) -> Value {
        self.get(&format!("/v1/sagas/{saga_id}")).await["held_back"].take()
    }
}

pub(super) const WHY: &str = "The test wants it.";

pub(super) fn authorizing() -> Value {
    json!({"type": "book-stay", "step": "authorize-payment", "undo": false})
}

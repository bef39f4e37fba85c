//! A desk from which tests ask and say over HTTP: a database with a runner that owns every run.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use platform::Tasks;
use platform::access::{Actor, trial};
use serde_json::Value;
use sqlx::PgPool;
use tower::ServiceExt as _;

use super::{Inspection, routes};
use crate::fixtures::{PACE, migrate, runner, take};
use crate::message::Message;
use crate::rules::Rules;
use crate::runner::Runner;

/// Why whatever is said.
pub(super) const WHY: &str = "The test wants it.";

/// Headers of a request.
pub(super) type Headers<'h> = &'h [(&'h str, &'h str)];

pub(super) struct Desk {
    pub(super) pool: PgPool,
    pub(super) runner: Arc<Runner>,
    /// The rules as those know them who are asked over HTTP.
    pub(super) rules: Arc<Rules>,
    routes: Router,
    /// How many verbs the runner has heard.
    pub(super) heard: usize,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) json: Value,
}

impl Desk {
    pub(super) async fn open(pool: PgPool) -> Self {
        migrate(&pool).await;
        let runner = runner(&pool, "one").await;
        let inspection = Arc::new(Inspection {
            pool: pool.clone(),
            pace: PACE,
            rules: Arc::clone(&runner.rules),
            tasks: Tasks::new(),
        });
        Self {
            routes: trial(
                routes().with_state(inspection).into(),
                crate::operations(),
                Actor::ANYONE,
            ),
            rules: Arc::clone(&runner.rules),
            runner,
            pool,
            heard: 0,
        }
    }

    pub(super) async fn hear(&self, messages: &[Message]) {
        take(&self.runner, messages).await.unwrap();
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.routes.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            json: serde_json::from_slice(&body).unwrap_or_default(),
        }
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let answer = self.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.json);
        answer.json
    }

    pub(super) async fn post_body(&self, path: &str, headers: Headers<'_>, body: &Value) -> Answer {
        let mut request = Request::post(path).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_string())).unwrap())
            .await
    }
}

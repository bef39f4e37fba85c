//! What the server promises, over real connections.

use std::sync::Mutex;

use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{Notify, mpsc};

use super::*;
use crate::testing::{soon, until};

/// A server with handlers that say when they begin and wait until they are let go.
struct Stage {
    address: SocketAddr,
    tasks: Tasks,
    begun: Mutex<mpsc::UnboundedReceiver<()>>,
    go: Arc<Notify>,
    served: tokio::task::JoinHandle<()>,
}

async fn stage(connections_max: usize, drain: Duration) -> Stage {
    let (says, begun) = mpsc::unbounded_channel();
    let go = Arc::new(Notify::new());
    let let_go = Arc::clone(&go);
    let slow = move || {
        let _ = says.send(());
        let go = Arc::clone(&let_go);
        async move {
            go.notified().await;
            "slow"
        }
    };
    let routes = Router::new()
        .route("/fast", get(|| async { "fast" }))
        .route("/slow", get(slow.clone()).post(slow))
        .route(
            "/length",
            post(|body: axum::body::Bytes| async move { body.len().to_string() }),
        )
        .route(
            "/panic",
            get(|| async { assert!(std::hint::black_box(false), "planted") }),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tasks = Tasks::new();
    let serving = serve_and_drain(listener, connections_max, layers(routes), tasks.clone(), drain);
    let served = tasks.spawn_work(serving);
    Stage {
        address,
        tasks,
        begun: Mutex::new(begun),
        go,
        served,
    }
}

const LONG: Duration = Duration::from_mins(1);

impl Stage {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A connection on which a slow request is being answered.
    async fn slow(&self) -> TcpStream {
        let mut client = self.connect().await;
        send(&mut client, "GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
        until("the handler begins", async || {
            self.begun.lock().unwrap().try_recv().ok()
        })
        .await;
        client
    }
}

async fn send(client: &mut TcpStream, text: &str) {
    client.write_all(text.as_bytes()).await.unwrap();
}

/// All that comes until the server ends the connection.
async fn rest(client: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A connection that is reset has ended too.
    let _ = soon("the connection ends", client.read_to_end(&mut text)).await;
    String::from_utf8_lossy(&text).into_owned()
}

/// One answer on a connection that stays, whose body ends with `end`.
async fn answer(client: &mut TcpStream, end: &str) -> String {
    let mut text = Vec::new();
    while !text.ends_with(end.as_bytes()) {
        let mut part = [0; 4096];
        let read = soon("an answer", client.read(&mut part)).await.unwrap();
        assert!(read > 0, "ended after {:?}", String::from_utf8_lossy(&text));
        text.extend_from_slice(&part[..read]);
    }
    String::from_utf8(text).unwrap()
}

async fn once(stage: &Stage, request: &str) -> String {
    let mut client = stage.connect().await;
    send(&mut client, request).await;
    rest(&mut client).await
}

#[tokio::test]
async fn a_shutdown_answers_what_is_under_way_and_refuses_what_comes() {
    let stage = stage(10, LONG).await;
    let (mut one, mut two) = (stage.slow().await, stage.slow().await);
    let mut idle = stage.connect().await;
    send(&mut idle, "GET /fast HTTP/1.1\r\nhost: x\r\n\r\n").await;
    answer(&mut idle, "fast").await;
    stage.tasks.stop();
    assert_eq!(
        rest(&mut idle).await,
        "",
        "a connection without a request ends at once"
    );
    until("nobody listens", async || {
        TcpStream::connect(stage.address).await.is_err().then_some(())
    })
    .await;
    assert!(!stage.served.is_finished(), "two requests are still under way");
    stage.go.notify_waiters();
    for client in [&mut one, &mut two] {
        let said = rest(client).await;
        assert!(
            said.starts_with("HTTP/1.1 200 OK") && said.ends_with("slow"),
            "{said}"
        );
    }
    soon("the server ends", stage.served).await.unwrap();
    assert!(soon("the process ends", stage.tasks.drained()).await);
}

#[tokio::test]
async fn a_shutdown_takes_no_further_request_on_a_connection_that_is_open() {
    let stage = stage(10, LONG).await;
    let mut client = stage.slow().await;
    // Sent behind the one that is being answered.
    send(&mut client, "GET /fast HTTP/1.1\r\nhost: x\r\n\r\n").await;
    stage.tasks.stop();
    until("nobody listens", async || {
        TcpStream::connect(stage.address).await.is_err().then_some(())
    })
    .await;
    stage.go.notify_waiters();
    let said = rest(&mut client).await;
    assert!(said.ends_with("slow"), "{said}");
    assert!(
        said.to_lowercase().contains("connection: close"),
        "the client is told: {said}"
    );
}

#[tokio::test]
async fn a_shutdown_ends_though_a_request_does_not() {
    let stage = stage(10, Duration::from_millis(50)).await;
    let _client = stage.slow().await;
    stage.tasks.stop();
    soon("the server ends", stage.served).await.unwrap();
}

#[tokio::test]
async fn one_connection_more_than_there_may_be_waits_until_another_ends() {
    let stage = stage(2, LONG).await;
    let (mut one, _two) = (stage.slow().await, stage.slow().await);
    let mut third = stage.connect().await;
    send(
        &mut third,
        "GET /fast HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    )
    .await;
    let early = tokio::time::timeout(Duration::from_millis(200), third.readable()).await;
    assert!(early.is_err(), "there was no place for it");
    one.shutdown().await.unwrap();
    drop(one);
    stage.go.notify_waiters();
    assert!(rest(&mut third).await.ends_with("fast"));
    stage.tasks.stop();
}

#[tokio::test]
async fn a_client_that_is_slow_with_the_head_loses_its_place() {
    let stage = stage(1, LONG).await;
    let mut slow = stage.connect().await;
    send(&mut slow, "GET /fast HTTP/1.1\r\nhost:").await;
    let said = once(
        &stage,
        "GET /fast HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert!(said.ends_with("fast"), "{said}");
    let ended = rest(&mut slow).await;
    assert!(ended.is_empty() || ended.starts_with("HTTP/1.1 408"), "{ended}");
    stage.tasks.stop();
}

#[tokio::test]
async fn heads_and_bodies_have_their_limits() {
    let stage = stage(10, LONG).await;
    let field = |bytes: usize| {
        format!(
            "GET /fast HTTP/1.1\r\nhost: x\r\nconnection: close\r\nfield: {}\r\n\r\n",
            "x".repeat(bytes)
        )
    };
    assert!(once(&stage, &field(12_000)).await.starts_with("HTTP/1.1 200"));
    assert!(once(&stage, &field(20_000)).await.starts_with("HTTP/1.1 431"));
    let body = |bytes: usize| {
        let head = "POST /length HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length:";
        format!("{head} {bytes}\r\n\r\n{}", "x".repeat(bytes))
    };
    assert!(once(&stage, &body(65_536)).await.ends_with("\r\n65536"));
    let said = once(&stage, &body(65_537)).await;
    assert!(
        said.starts_with("HTTP/1.1 413") && said.contains("body_too_large"),
        "{said}"
    );
    stage.tasks.stop();
}

#[tokio::test]
async fn a_panic_costs_its_request_alone() {
    let stage = stage(10, LONG).await;
    let mut client = stage.connect().await;
    send(&mut client, "GET /panic HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let said = answer(&mut client, "}").await;
    assert!(
        said.starts_with("HTTP/1.1 500") && said.contains(r#""code":"internal""#),
        "{said}"
    );
    assert!(
        !said.contains("planted"),
        "the inside is nobody's business: {said}"
    );
    send(
        &mut client,
        "GET /fast HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert!(rest(&mut client).await.ends_with("fast"));
    assert!(!stage.tasks.is_stopping());
    stage.tasks.stop();
}

#[tokio::test]
async fn every_answer_has_the_headers_and_every_error_is_a_problem() {
    let stage = stage(10, LONG).await;
    for (request, status) in [
        ("GET /fast", "200 OK"),
        ("GET /nowhere", "404 Not Found"),
        ("DELETE /fast", "405 Method Not Allowed"),
        ("GET /panic", "500 Internal Server Error"),
    ] {
        let said = once(
            &stage,
            &format!("{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
        )
        .await;
        assert!(
            said.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{request}: {said}"
        );
        for header in [
            "x-content-type-options: nosniff",
            "x-frame-options: DENY",
            "referrer-policy: no-referrer",
        ] {
            assert!(said.contains(&format!("\r\n{header}\r\n")), "{request}: {said}");
        }
        let is_problem = said.contains("\r\ncontent-type: application/problem+json\r\n");
        assert_eq!(is_problem, status != "200 OK", "{request}: {said}");
    }
    let two_hosts = "GET /fast HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n";
    assert!(once(&stage, two_hosts).await.contains("invalid_host"));
    let chunks =
        "POST /length HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let said = once(&stage, chunks).await;
    assert!(
        said.ends_with("\r\n3") && said.contains("connection: close"),
        "{said}"
    );
    stage.tasks.stop();
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_answered() {
    let route = Router::new().route("/", get(std::future::pending::<&str>));
    let deadline =
        axum::middleware::from_fn(|request, next| deadline_within(Duration::from_millis(20), request, next));
    let request = Request::new(axum::body::Body::empty());
    let answered = tower::ServiceExt::oneshot(route.layer(deadline), request);
    let response = soon("an answer", answered).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()[header::RETRY_AFTER], "5");
    assert_eq!(
        REQUEST_SECONDS, 40,
        "longer than the longest wait that may be asked for, 30 s"
    );
}

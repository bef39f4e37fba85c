//! Heads that two parsers read in two ways, and what is no HTTP at all.

use std::io::Write as _;

use serde_json::Value;
use tests::Hotel;

use super::wire::{Heard, Sent, Table};

pub(super) fn rows(table: &mut Table, hotel: &Hotel) {
    let body = hotel.quote_body(0, 1, 1).to_string();
    heads(table, &body);
    lengths(table, &body);
    large_heads(table);
    pipelined(table);
    not_http(table);
}

/// Sends bytes as they are; answers the statuses of what comes back.
fn raw(table: &mut Table, what: &str, bytes: &[u8]) -> Vec<u16> {
    let heard = table.exchange(bytes);
    let (mut rest, mut statuses) = (heard.as_slice(), Vec::new());
    while let Some((answer, left)) = Heard::read(rest) {
        table.judge(what, &answer);
        statuses.push(answer.status);
        rest = left;
    }
    statuses
}

/// The peer says no: once and by one of these statuses, or by hanging up.
fn said_no(table: &mut Table, what: &str, bytes: &[u8], statuses: &[u16]) {
    let answers = raw(table, what, bytes);
    if answers.len() > 1 || !answers.iter().all(|status| statuses.contains(status)) {
        table.wrong(what, &format!("answered {answers:?}"));
    }
}

/// The peer takes it, as one request.
fn taken(table: &mut Table, what: &str, bytes: &[u8], status: u16) {
    let answers = raw(table, what, bytes);
    if answers != [status] {
        table.wrong(what, &format!("wanted one {status}, got {answers:?}"));
    }
}

fn heads(table: &mut Table, body: &str) {
    let get =
        |lines: &str| format!("GET /v1/hotels HTTP/1.1\r\n{lines}connection: close\r\n\r\n").into_bytes();
    let refused: [(&str, Vec<u8>); 14] = [
        ("no host", get("")),
        ("an empty host", get("host:\r\n")),
        ("two hosts", get("host: x\r\nhost: y\r\n")),
        ("a host with a path", get("host: x/y\r\n")),
        ("a host with a user", get("host: root@x\r\n")),
        ("a host with a space", get("host: a b\r\n")),
        ("a space before the colon", get("host: x\r\nfoo : bar\r\n")),
        ("a folded line", get("host: x\r\nfoo: a\r\n b\r\n")),
        ("a NUL in a header", get("host: x\r\nfoo: a\0b\r\n")),
        ("a bare return in a header", get("host: x\r\nfoo: a\rb\r\n")),
        ("a header without a name", get("host: x\r\n: b\r\n")),
        ("no version", b"GET /v1/hotels\r\nhost: x\r\n\r\n".to_vec()),
        (
            "a version that is none",
            b"GET /v1/hotels HTTP/9.9\r\nhost: x\r\n\r\n".to_vec(),
        ),
        (
            "a space in the target",
            b"GET /v1/ho tels HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(),
        ),
    ];
    for (what, bytes) in &refused {
        said_no(table, what, bytes, &[400]);
    }
    // RFC 9112, section 2.2, lets a lone line feed end a line. What matters is that it is one request.
    let bare = b"GET /v1/hotels HTTP/1.1\nhost: x\nconnection: close\n\n";
    taken(table, "bare line feeds", bare, 200);
    // Servers must take it (RFC 9112, section 3.2.2).
    let absolute = b"GET http://other.example/v1/hotels HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    taken(table, "an absolute target", absolute, 200);
    taken(
        table,
        "HTTP/1.0, which has no host to send",
        b"GET /v1/hotels HTTP/1.0\r\n\r\n",
        200,
    );
    let waits = format!(
        "POST /v1/quotes HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    // A body that is there already need not be asked for.
    let answers = raw(table, "Expect", waits.as_bytes());
    if !answers.ends_with(&[201]) || answers.len() > 2 {
        table.wrong("Expect", &format!("{answers:?}"));
    }
}

/// A request that hides behind another.
const SMUGGLED: &str = "GET /v1/sagas HTTP/1.1\r\nhost: x\r\n\r\n";

/// One request in one client's eyes that might be two in another's.
fn lengths(table: &mut Table, body: &str) {
    let post = |lines: &str, rest: &str| {
        format!("POST /v1/quotes HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{lines}\r\n{rest}")
            .into_bytes()
    };
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let length = body.len();
    let refused: Vec<(&str, Vec<u8>)> = vec![
        (
            "two lengths",
            post(
                &format!("content-length: {length}\r\ncontent-length: 1\r\n"),
                &format!("{body}{SMUGGLED}"),
            ),
        ),
        (
            "a list of lengths",
            post(
                &format!("content-length: {length}, {length}\r\n"),
                &format!("{body}{SMUGGLED}"),
            ),
        ),
        (
            "a signed length",
            post(
                &format!("content-length: +{length}\r\n"),
                &format!("{body}{SMUGGLED}"),
            ),
        ),
        ("a negative length", post("content-length: -1\r\n", SMUGGLED)),
        (
            "a length in hexadecimal",
            post("content-length: 0x10\r\n", SMUGGLED),
        ),
        (
            "a length beyond all numbers",
            post("content-length: 99999999999999999999999\r\n", SMUGGLED),
        ),
        ("an unknown coding", post("transfer-encoding: gzip\r\n", SMUGGLED)),
        (
            "chunked and more",
            post(
                "transfer-encoding: chunked, identity\r\n",
                &format!("{chunked}{SMUGGLED}"),
            ),
        ),
        (
            "a coding with a tail",
            post("transfer-encoding: xchunked\r\n", &format!("{chunked}{SMUGGLED}")),
        ),
        (
            "a chunk of no size",
            post("transfer-encoding: chunked\r\n", &format!("zz\r\n{SMUGGLED}")),
        ),
        (
            "a chunk beyond all numbers",
            post(
                "transfer-encoding: chunked\r\n",
                &format!("ffffffffffffffffff\r\n{SMUGGLED}"),
            ),
        ),
        (
            "a chunk that is longer than it says",
            post(
                "transfer-encoding: chunked\r\n",
                &format!("1\r\n{body}\r\n0\r\n\r\n{SMUGGLED}"),
            ),
        ),
    ];
    for (what, bytes) in &refused {
        said_no(table, what, bytes, &[400, 501]);
    }
    chunks(table, &post, body);
}

/// Bodies in chunks, alone and beside a length.
fn chunks(table: &mut Table, post: &impl Fn(&str, &str) -> Vec<u8>, body: &str) {
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let length = body.len();
    // The parser takes the chunks and drops the length. Whoever believed the length gets nothing more from this
    // connection: what follows is not a request.
    let (coding, counted) = (
        "transfer-encoding: chunked\r\n",
        format!("content-length: {length}\r\n"),
    );
    let rest = format!("{chunked}{SMUGGLED}");
    taken(
        table,
        "chunks before a length",
        &post(&format!("{coding}{counted}"), &rest),
        201,
    );
    taken(
        table,
        "a length before chunks",
        &post(&format!("{counted}{coding}"), &rest),
        201,
    );
    taken(table, "chunks", &post(coding, &rest), 201);
    // RFC 9110, section 8.6, lets one length stand twice.
    let twice = format!("{counted}{counted}connection: close\r\n");
    taken(table, "one length twice", &post(&twice, body), 201);
    let piece = format!("4000\r\n{}\r\n", " ".repeat(0x4000));
    said_no(table, "endless chunks", &post(coding, &piece.repeat(8)), &[413]);
}

fn large_heads(table: &mut Table) {
    let get =
        |lines: String| format!("GET /v1/hotels HTTP/1.1\r\nhost: x\r\n{lines}connection: close\r\n\r\n");
    let many = |count: usize| "x-a: y\r\n".repeat(count);
    said_no(table, "500 headers", get(many(500)).as_bytes(), &[431]);
    said_no(table, "5,000 headers", get(many(5_000)).as_bytes(), &[431]);
    said_no(
        table,
        "a header of 100 kB",
        get(format!("x: {}\r\n", "y".repeat(100_000))).as_bytes(),
        &[431],
    );
    said_no(
        table,
        "a name of 100 kB",
        get(format!("{}: y\r\n", "x".repeat(100_000))).as_bytes(),
        &[400, 431],
    );
    let path = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(100_000));
    said_no(table, "a path of 100 kB", path.as_bytes(), &[414, 431]);
    taken(table, "80 headers", get(many(80)).as_bytes(), 200);
}

fn pipelined(table: &mut Table) {
    let mut bytes = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n".repeat(50);
    bytes.push_str("GET /v1/nothing HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let statuses = raw(table, "51 requests at once", bytes.as_bytes());
    if statuses != [vec![200; 50], vec![404]].concat() {
        table.wrong("51 requests at once", &format!("{statuses:?}"));
    }
}

fn not_http(table: &mut Table) {
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    said_no(table, "TLS", hello, &[400]);
    said_no(
        table,
        "HTTP/2",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
        &[400, 505],
    );
    said_no(table, "SSH", b"SSH-2.0-OpenSSH_9.6\r\n", &[400]);
    said_no(table, "Postgres", b"\0\0\0\x08\x04\xd2\x16\x2f", &[400]);
    said_no(
        table,
        "noise",
        &(0..=255).cycle().take(4_096).collect::<Vec<u8>>(),
        &[400],
    );
    said_no(table, "only line ends", &b"\r\n".repeat(10_000), &[400, 431]);
    said_no(
        table,
        "CONNECT",
        b"CONNECT example.com:443 HTTP/1.1\r\nhost: example.com\r\nconnection: close\r\n\r\n",
        &[400, 404, 405],
    );
    said_no(
        table,
        "an asterisk",
        b"OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        &[404, 405],
    );
    // Said and gone, before the answer: nobody is hurt.
    for bytes in [
        &b"GET /v1/hotels HTTP/1.1\r\nhost: x\r\n\r\n"[..],
        b"GET /v1",
        b"",
    ] {
        let mut stream = table.connect();
        stream.write_all(bytes).unwrap();
        drop(stream);
    }
    table.served("after those who left", &Sent::get("/v1/hotels"), 200);
}

#[test]
fn an_answer_is_read_with_what_follows_it() {
    let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 404 Not Found\r\n\r\n";
    let (first, rest) = Heard::read(bytes).unwrap();
    assert_eq!(
        (first.status, first.json()),
        (200, Value::Object(serde_json::Map::new()))
    );
    assert_eq!(Heard::read(rest).unwrap().0.status, 404);
}

//! Requests byte by byte, because a client library would put right what must arrive wrong; and the table that
//! judges the answers.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tests::{Document, Keys, Platform, bearer};

use super::sentences::fault;

/// Words that only the database, its driver or our sources know.
const INTERNALS: [&str; 16] = [
    "postgres",
    "sqlx",
    "sqlstate",
    "relation \"",
    "syntax error at",
    "duplicate key value",
    "violates",
    "constraint",
    "pg_",
    "select ",
    "insert into",
    "panicked",
    ".rs:",
    "backtrace",
    "rdkafka",
    "redis",
];

/// A request as it will be sent.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Sent {
    pub(super) fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: None,
        }
    }

    pub(super) fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// POST of a body said to be JSON.
    pub(super) fn post(target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", target).json(body)
    }

    /// PUT of a body said to be JSON.
    pub(super) fn put(target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("PUT", target).json(body)
    }

    fn json(self, body: impl Into<Vec<u8>>) -> Self {
        self.header("content-type", "application/json").bytes(body)
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn bytes(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    fn wire(&self) -> Vec<u8> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n",
            self.method, self.target
        );
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        if let Some(body) = &self.body {
            write!(head, "content-length: {}\r\n", body.len()).unwrap();
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }
}

/// An answer as it came.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub(super) status: u16,
    head: String,
    pub(super) body: Vec<u8>,
}

impl Heard {
    /// The first answer in these bytes and what follows it; none when the peer only hung up.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status: u16 = head.split(' ').nth(1)?.parse().ok()?;
        let mut answer = Self {
            status,
            head,
            body: Vec::new(),
        };
        let rest = &bytes[end + 4..];
        let length = answer
            .header("content-length")
            .and_then(|length| length.parse().ok());
        // What is only said on the way has no body.
        let length = if status < 200 { Some(0) } else { length };
        let (body, rest) = rest.split_at(rest.len().min(length.unwrap_or(rest.len())));
        answer.body = body.to_vec();
        Some((answer, rest))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// What must come of a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Want<'a> {
    pub(super) status: u16,
    pub(super) code: &'a str,
    pub(super) pointer: Option<&'a str>,
}

/// Sends rows, judges the answers, and tells of all that were wrong at the end.
pub(super) struct Table {
    address: String,
    rows: usize,
    wrong: Vec<String>,
    codes: BTreeSet<String>,
    document: Document,
    keys: Arc<Keys>,
}

impl Table {
    pub(super) async fn new(platform: &Platform) -> Self {
        Self {
            document: Document::new(platform.get("/openapi.json").await.json),
            address: platform.url.trim_start_matches("http://").to_owned(),
            rows: 0,
            wrong: Vec::new(),
            codes: BTreeSet::new(),
            keys: Arc::clone(&platform.keys),
        }
    }

    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        stream
    }

    /// Writes the bytes and reads until the peer hangs up. A peer that hangs up early has its reasons.
    pub(super) fn exchange(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        let _ = stream.write_all(bytes);
        let mut heard = Vec::new();
        if let Err(error) = stream.read_to_end(&mut heard) {
            let patience = [std::io::ErrorKind::WouldBlock, std::io::ErrorKind::TimedOut];
            assert!(!patience.contains(&error.kind()), "the connection stays open");
        }
        heard
    }

    /// With the key of whoever asks this, unless it has a credential of its own.
    fn with_key(&self, sent: &Sent) -> Sent {
        let has_one = sent
            .headers
            .iter()
            .any(|(name, _)| name == "authorization" || name == "cookie");
        match self.keys.of(&sent.method, &sent.target) {
            Some(key) if !has_one => sent.clone().header("authorization", &bearer(key)),
            _ => sent.clone(),
        }
    }

    /// The answer, whatever it is, as long as it is one of ours and gives nothing away.
    pub(super) fn send(&mut self, what: &str, sent: &Sent) -> Heard {
        let bytes = self.exchange(&self.with_key(sent).wire());
        let heard = Heard::read(&bytes).map(|(heard, _)| heard);
        let heard =
            heard.unwrap_or_else(|| panic!("{what}: no answer to {} {}", sent.method, short(&sent.target)));
        self.judge(what, &heard);
        let asked = (sent.method.as_str(), sent.target.as_str());
        let header = |name: &str| heard.header(name);
        if let Some(fault) = self.document.fault(asked, heard.status, header, &heard.json()) {
            self.wrong(what, &fault);
        }
        heard
    }

    /// The row is refused, by this status, code and pointer.
    pub(super) fn refused(&mut self, what: &str, sent: &Sent, want: Want<'_>) {
        let heard = self.send(what, sent);
        let json = heard.json();
        let pointer = json["pointer"].as_str();
        let right = heard.status == want.status
            && json["code"].as_str() == Some(want.code)
            && pointer == want.pointer
            && heard.header("content-type") == Some("application/problem+json");
        if !right {
            self.wrong(what, &format!("wanted {want:?}, got {} {json}", heard.status));
        }
    }

    /// The row is served, with this status.
    pub(super) fn served(&mut self, what: &str, sent: &Sent, status: u16) -> Heard {
        let heard = self.send(what, sent);
        if heard.status != status {
            let body = short(&String::from_utf8_lossy(&heard.body));
            self.wrong(what, &format!("wanted {status}, got {} {body}", heard.status));
        }
        heard
    }

    /// Counts a row and looks for what no answer may have.
    pub(super) fn judge(&mut self, what: &str, heard: &Heard) {
        self.rows += 1;
        let text = String::from_utf8_lossy(&heard.body).to_ascii_lowercase();
        if heard.status >= 500 {
            self.wrong(what, &format!("{} {}", heard.status, short(&text)));
        }
        if heard.status >= 400
            && let Some(word) = INTERNALS.iter().find(|word| text.contains(**word))
        {
            self.wrong(what, &format!("the answer says {word:?}: {}", short(&text)));
        }
        let json = heard.json();
        // A booking has a code too.
        let code = json["code"].as_str().filter(|_| heard.status >= 400);
        self.codes.extend(code.map(str::to_owned));
        let said =
            json["status"] == heard.status && json["detail"].as_str().is_some_and(|text| !text.is_empty());
        if heard.status >= 400 && !heard.body.is_empty() && !said {
            self.wrong(what, &format!("not a problem: {}", short(&text)));
        }
        let detail = json["detail"].as_str().filter(|_| heard.status >= 400);
        if let Some(fault) = detail.and_then(|detail| fault(detail, json["pointer"].as_str())) {
            self.wrong(what, &format!("the detail {fault}: {}", json["detail"]));
        }
    }

    pub(super) fn wrong(&mut self, what: &str, why: &str) {
        self.wrong.push(format!("{what}: {why}"));
    }

    /// What a problem's `type` leads to explains it, for each code that came up.
    fn pages(&mut self) {
        for code in std::mem::take(&mut self.codes) {
            let page = self.send(&code, &Sent::get(&format!("/problems/{code}")));
            let html = String::from_utf8_lossy(&page.body).into_owned();
            if page.status != 200 || !html.contains("What to do") || !html.contains(&code) {
                self.wrong(&code, &format!("its page: {} {}", page.status, short(&html)));
            }
        }
        let nothing = Want {
            status: 404,
            code: "not_found",
            pointer: None,
        };
        self.refused(
            "the page of no code",
            &Sent::get("/problems/no_such_code"),
            nothing,
        );
    }

    /// Fails when a row was wrong.
    pub(super) fn finish(mut self) {
        self.pages();
        let wrong = self.wrong;
        assert!(
            wrong.is_empty(),
            "{} of {} rows:\n{}",
            wrong.len(),
            self.rows,
            wrong.join("\n")
        );
        assert!(
            self.rows > 1_000,
            "the table is shorter than it was: {}",
            self.rows
        );
    }
}

fn short(text: &str) -> String {
    text.chars().take(300).collect()
}

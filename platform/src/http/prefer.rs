//! `Prefer`, as RFC 7240 has it: a list of preferences, each with a value and parameters that may be quoted.
//! What cannot be read is ignored, and of a preference that stands twice the first counts.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;

/// The longest bounded wait, in seconds.
const WAIT_SECONDS_MAX: u64 = 30;
/// Says which preferences the answer follows.
const APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// What the client prefers, as far as it is known here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prefer {
    /// `wait=N`: how long to wait for the outcome, 1 to 30 seconds; more are 30.
    pub wait: Option<Duration>,
    /// `respond-async`: 202 instead of waiting longer than `wait` says, which is always so.
    pub respond_async: bool,
}

impl Prefer {
    /// Reads all `Prefer` headers, as one list.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut wait: Option<Option<Duration>> = None;
        let mut prefer = Self::default();
        let lines = headers.get_all("prefer").iter();
        for (name, value) in lines.filter_map(|line| line.to_str().ok()).flat_map(preferences) {
            if name.eq_ignore_ascii_case("wait") {
                wait.get_or_insert_with(|| seconds(&value));
            } else if name.eq_ignore_ascii_case("respond-async") && value.is_empty() {
                prefer.respond_async = true;
            }
        }
        prefer.wait = wait.flatten();
        prefer
    }

    /// Names in the answer the preferences that it follows.
    #[must_use]
    pub fn applied(self, mut response: Response) -> Response {
        let respond = self.respond_async.then(|| "respond-async".to_owned());
        let wait = self.wait.map(|wait| format!("wait={}", wait.as_secs()));
        let applied: Vec<String> = respond.into_iter().chain(wait).collect();
        if !applied.is_empty()
            && let Ok(applied) = HeaderValue::from_str(&applied.join(", "))
        {
            response.headers_mut().insert(APPLIED, applied);
        }
        response
    }
}

/// delta-seconds (RFC 9111, section 1.2.2): digits, and more than fit are as many as there can be.
fn seconds(value: &str) -> Option<Duration> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = digits.then(|| value.parse::<u64>().unwrap_or(u64::MAX))?;
    (seconds > 0).then(|| Duration::from_secs(seconds.min(WAIT_SECONDS_MAX)))
}

/// The readable preferences of one header, each with its value without quotes, empty without one.
fn preferences(line: &str) -> Vec<(String, String)> {
    pieces(line, ',').into_iter().filter_map(preference).collect()
}

/// `token [ BWS "=" BWS word ] *( OWS ";" [ OWS parameter ] )`; the parameters have to be readable and say nothing.
fn preference(text: &str) -> Option<(String, String)> {
    let mut parts = pieces(text, ';').into_iter();
    let first = named(parts.next()?)?;
    parts
        .filter(|part| !blank(part).is_empty())
        .all(|part| named(part).is_some())
        .then_some(first)
}

/// `token [ BWS "=" BWS word ]`.
fn named(text: &str) -> Option<(String, String)> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (blank(name), word(blank(value))?),
        None => (blank(text), String::new()),
    };
    is_token(name).then(|| (name.to_owned(), value))
}

/// `token / quoted-string`, read.
fn word(text: &str) -> Option<String> {
    let Some(quoted) = text.strip_prefix('"') else {
        return is_token(text).then(|| text.to_owned());
    };
    let mut value = String::new();
    let mut letters = quoted.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => return letters.as_str().is_empty().then_some(value),
            '\\' => value.push(letters.next()?),
            _ => value.push(letter),
        }
    }
    None
}

/// The pieces between separators that do not stand in a quoted string.
fn pieces(text: &str, separator: char) -> Vec<&str> {
    let (mut pieces, mut begin) = (Vec::new(), 0);
    let (mut quoted, mut escaped) = (false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if letter == separator && !quoted => {
                pieces.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(&text[begin..]);
    pieces
}

fn blank(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    let tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(tchar)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> (Option<u64>, bool) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("prefer", line.parse().unwrap());
        }
        let prefer = Prefer::of(&headers);
        (prefer.wait.map(|wait| wait.as_secs()), prefer.respond_async)
    }

    #[test]
    fn the_wait_is_read_however_the_grammar_lets_it_be_written() {
        for line in [
            "wait=10",
            "Wait=10",
            "WAIT=10",
            "wait=\"10\"",
            "wait=\"1\\0\"",
            "wait = 10",
            "wait\t=\t10",
            " wait=10 ",
            "wait=10;",
            "wait=10;;",
            "wait=10; priority=5",
            "wait=10 ; priority=\"5, wait=20\"",
            "wait=10;wait=20",
            "return=minimal, wait=10",
            "return=minimal,wait=10",
            "return=\"minimal, wait=20\", wait=10",
            "return=\"a \\\" wait=20, wait=20\", wait=10",
            ",, ,wait=10,,",
            "wait=010",
            "handling; wait=20, wait=10",
            "handling; as=\"x;wait=20\", wait=10",
            "wait=10, wait=20",
            "handling=lenient; x=\"\", WAIT=10, wait=20",
        ] {
            assert_eq!(read(&[line]), (Some(10), false), "{line}");
        }
        assert_eq!(read(&["return=minimal", "wait=10", "wait=20"]), (Some(10), false));
        assert_eq!(read(&["wait=10", "respond-async"]), (Some(10), true));
        assert_eq!(read(&["Respond-Async, wait=10"]), (Some(10), true));
        assert_eq!(read(&["respond-async; x=1"]), (None, true));
        // An empty string is no value (section 2).
        assert_eq!(read(&["respond-async=\"\""]), (None, true));
    }

    #[test]
    fn nobody_waits_longer_than_the_most() {
        for line in ["wait=30", "wait=31", "wait=99999999999999999999999"] {
            assert_eq!(read(&[line]), (Some(30), false), "{line}");
        }
        assert_eq!(read(&["wait=29"]), (Some(29), false));
        assert_eq!(read(&["wait=1"]), (Some(1), false));
    }

    #[test]
    fn what_is_not_a_wait_is_ignored() {
        for line in [
            "",
            "wait",
            "wait=",
            "wait=\"\"",
            "wait=0",
            "wait=+10",
            "wait=-10",
            "wait=1.5",
            "wait=1e1",
            "wait=ten",
            "wait=10 20",
            "wait=10x",
            "wait=\"10",
            "wait=\"10\"x",
            "wait=\" 10\"",
            "wait==10",
            "wait=10; =x",
            "waits=10",
            "x-wait=10",
            "handling; wait=10",
            "handling=\"wait=10, wait=10\"",
            "\"wait=10\"",
            "\"wait\"=10",
            "wait:10",
            "respond-async=no",
        ] {
            assert_eq!(read(&[line]), (None, false), "{line}");
        }
        assert_eq!(read(&[]), (None, false));
        // The first of two counts, also when it says nothing.
        assert_eq!(read(&["wait=soon, wait=10"]), (None, false));
        // What cannot be read takes nothing else with it.
        assert_eq!(read(&["=, wait=10", "respond-async"]), (Some(10), true));
    }

    #[test]
    fn the_answer_says_what_it_follows() {
        let applied = |line: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("prefer", line.parse().unwrap());
            let answer = Prefer::of(&headers).applied(Response::default());
            let applied = answer.headers().get(APPLIED);
            applied.map(|applied| applied.to_str().unwrap().to_owned())
        };
        assert_eq!(applied("wait=10").as_deref(), Some("wait=10"));
        assert_eq!(applied("wait=100").as_deref(), Some("wait=30"));
        assert_eq!(
            applied("wait=5, respond-async").as_deref(),
            Some("respond-async, wait=5")
        );
        assert_eq!(applied("return=minimal"), None);
    }
}

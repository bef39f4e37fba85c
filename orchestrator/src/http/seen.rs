//! What a person saw before saying a verb: the version of the run and the preview, as headers tell it.

use axum::http::HeaderMap;
use platform::http::{Common, Problem};

use crate::engine::Verb;

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// The version of the run; none where any will do.
    pub(super) version: Option<u32>,
    /// The digest of the preview; none where any version will do.
    pub(super) digest: Option<String>,
}

/// Reads `If-Match` and `Preview-Digest`.
///
/// # Errors
/// 428 where one is missing that the verb needs, 412 where it cannot be that of any run or preview.
pub(super) fn seen(headers: &HeaderMap, verb: Verb) -> Result<Seen, Problem> {
    let is_optional = verb.is_of_any_version();
    let Some(matched) = one(headers, "If-Match")? else {
        let any = if is_optional { ", or * for any" } else { "" };
        return Err(required(
            "If-Match",
            &format!("Send the ETag of the run that you saw as If-Match{any}."),
        ));
    };
    if matched == "*" {
        return if is_optional {
            Ok(Seen {
                version: None,
                digest: one(headers, "Preview-Digest")?.map(str::to_owned),
            })
        } else {
            let detail = "This verb is about one version of the run: send the ETag that you saw, and not *.";
            Err(required("If-Match", detail))
        };
    }
    let version = matched.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let version = version.and_then(|digits| digits.parse().ok()).ok_or_else(|| {
        let detail = "This is not the ETag of a run, which is its version in quotation marks, such as \"7\".";
        Problem::new(Common::PreconditionFailed, detail).at("If-Match")
    })?;
    Ok(Seen {
        version: Some(version),
        digest: Some(digest(headers)?),
    })
}

/// Reads `Preview-Digest`.
///
/// # Errors
/// 428 where there is none.
pub(super) fn digest(headers: &HeaderMap) -> Result<String, Problem> {
    let digest = one(headers, "Preview-Digest")?.ok_or_else(|| {
        let detail = "Preview the verb (?dry_run=true), and send the digest that it shows as Preview-Digest.";
        required("Preview-Digest", detail)
    })?;
    Ok(digest.to_owned())
}

fn required(header: &str, detail: &str) -> Problem {
    Problem::new(Common::PreconditionRequired, detail).at(header)
}

/// The one value of a header.
fn one<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, Problem> {
    let mut values = headers.get_all(name.to_ascii_lowercase()).iter();
    let (first, second) = (values.next(), values.next());
    let Some(value) = first else { return Ok(None) };
    let text = value.to_str().ok().map(str::trim).filter(|_| second.is_none());
    text.map(Some)
        .ok_or_else(|| required(name, &format!("Send one {name} header that can be read.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(verb: Verb, headers: &[(&'static str, &str)]) -> Result<(Option<u32>, bool), (u16, String)> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let seen = seen(&map, verb).map_err(|problem| {
            (
                problem.status().as_u16(),
                problem.body().pointer.clone().unwrap_or_default(),
            )
        })?;
        Ok((seen.version, seen.digest.is_some()))
    }

    #[test]
    fn a_verb_is_about_the_version_and_the_preview_that_were_seen() {
        let both = [("if-match", "\"7\""), ("preview-digest", "ab")];
        for verb in Verb::ALL {
            assert_eq!(read(verb, &both), Ok((Some(7), true)));
            assert_eq!(read(verb, &[]), Err((428, "If-Match".to_owned())));
            assert_eq!(read(verb, &both[..1]), Err((428, "Preview-Digest".to_owned())));
            for wrong in ["7", "W/\"7\"", "\"seven\"", "\"7\", \"8\"", "\"-1\""] {
                let told = [("if-match", wrong), ("preview-digest", "ab")];
                assert_eq!(read(verb, &told), Err((412, "If-Match".to_owned())), "{wrong}");
            }
            let twice = [both[0], both[0], both[1]];
            assert_eq!(read(verb, &twice), Err((428, "If-Match".to_owned())));
        }
    }

    #[test]
    fn only_what_loses_nothing_may_be_said_to_any_version() {
        for verb in Verb::ALL {
            let any = read(verb, &[("if-match", "*")]);
            match verb {
                Verb::Pause | Verb::Resume => assert_eq!(any, Ok((None, false))),
                Verb::Retry
                | Verb::Cancel
                | Verb::Abandon
                | Verb::UndoneByHand
                | Verb::BackTo
                | Verb::Skip
                | Verb::Settle
                | Verb::SettledByHand => {
                    assert_eq!(any, Err((428, "If-Match".to_owned())), "{verb:?}");
                }
            }
        }
    }
}

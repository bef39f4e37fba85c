//! An error in one line, with everything that led to it.

use std::error::Error;

/// An error with its causes, in one line: `the database did not do it: error returned from database: deadlock detected`.
/// A cause that the text before it tells already is left out.
///
/// Every log line tells an error this way: the writer of JSON in `tracing-subscriber` writes an error without its sources
/// (tokio-rs/tracing#2784), and so leaves out what had happened.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Told(&'static str, #[source] Option<Box<Told>>);

    fn told(words: &[&'static str]) -> Option<Box<Told>> {
        let (first, rest) = words.split_first()?;
        Some(Box::new(Told(first, told(rest))))
    }

    #[test]
    fn an_error_is_told_with_all_that_led_to_it() {
        for (causes, text) in [
            (&["lost"][..], "lost"),
            (
                &["not written", "no answer", "timed out"],
                "not written: no answer: timed out",
            ),
            // Some errors write their source themselves.
            (
                &["not written: no answer", "no answer", "timed out"],
                "not written: no answer: timed out",
            ),
        ] {
            assert_eq!(chain(&*told(causes).unwrap()), text);
        }
    }
}

//! Why somebody does something: what others read who come later.

use contract::Text;
use platform::http::Problem;

/// The fewest letters of a reason, and of evidence.
pub(super) const LETTERS_MIN: usize = 10;

/// Whether a text says too little.
pub(super) fn is_short(text: &str) -> bool {
    text.chars().count() < LETTERS_MIN
}

/// A reason says something.
///
/// # Errors
/// 422 at `/reason`.
pub(super) fn check(reason: &Text<500>) -> Result<(), Problem> {
    if is_short(reason.as_str()) {
        let detail = format!("Say why in at least {LETTERS_MIN} characters: others read it later.");
        return Err(Problem::invalid_field("/reason", detail));
    }
    Ok(())
}

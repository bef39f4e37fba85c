//! Cursor pages: an opaque cursor names the last row of the page before.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::meaning::Common;
use super::problem::Problem;
use crate::hex::{hex, unhex};

/// Rows on a page when the caller does not say.
pub const PAGE_LIMIT_DEFAULT: u16 = 50;
/// Rows on a page at most.
pub const PAGE_LIMIT_MAX: u16 = 200;
/// Letters of a cursor at most.
const CURSOR_BYTES_MAX: usize = 512;

/// The number of rows on a page, 1 to [`PAGE_LIMIT_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub struct PageLimit(u16);

impl Default for PageLimit {
    fn default() -> Self {
        Self(PAGE_LIMIT_DEFAULT)
    }
}

impl TryFrom<u64> for PageLimit {
    type Error = String;
    fn try_from(limit: u64) -> Result<Self, String> {
        let fits = u16::try_from(limit)
            .ok()
            .filter(|limit| (1..=PAGE_LIMIT_MAX).contains(limit));
        fits.map(Self)
            .ok_or_else(|| format!("a page has 1 to {PAGE_LIMIT_MAX} rows"))
    }
}

impl PageLimit {
    /// The limit, for the database.
    pub fn rows(self) -> i64 {
        i64::from(self.0)
    }

    /// One more than the limit: the extra row tells whether there is a next page.
    pub fn rows_and_one(self) -> i64 {
        i64::from(self.0) + 1
    }

    /// The limit as a length.
    pub fn len(self) -> usize {
        usize::from(self.0)
    }

    /// Cuts rows that were read with [`Self::rows_and_one`] to a page, and answers the cursor of the next one, after the last
    /// row's sort key; none on the last page.
    pub fn cut<T, K: Serialize>(self, rows: &mut Vec<T>, key: impl Fn(&T) -> K) -> Option<String> {
        let more = rows.len() > self.len();
        rows.truncate(self.len());
        let last = rows.last().filter(|_| more)?;
        Some(Cursor::after(&key(last)))
    }

    /// Never empty: a page has at least one row.
    pub fn is_empty(self) -> bool {
        false
    }
}

/// Turns the last row's sort key into a cursor and back. The text is hexadecimal JSON: opaque enough
/// that nobody builds one by hand, and checked like any input.
#[derive(Debug, Clone, Copy)]
pub struct Cursor;

impl Cursor {
    /// The cursor after a row with this sort key.
    pub fn after(key: &impl Serialize) -> String {
        hex(&serde_json::to_vec(key).unwrap_or_default())
    }

    /// The sort key that a cursor names.
    ///
    /// # Errors
    /// 400 when it is not a cursor of this list.
    pub fn read<K: DeserializeOwned>(cursor: &str) -> Result<K, Problem> {
        let wrong = || {
            let detail = "The cursor is not one that this list gave out; begin again without it.";
            Problem::new(Common::InvalidCursor, detail).at("cursor")
        };
        let json = (cursor.len() <= CURSOR_BYTES_MAX)
            .then(|| unhex(cursor))
            .flatten();
        json.and_then(|json| serde_json::from_slice(&json).ok())
            .ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_a_forged_one_does_not() {
        let key = ("2026-12-24".to_owned(), 7_u32);
        assert_eq!(Cursor::read::<(String, u32)>(&Cursor::after(&key)).unwrap(), key);
        for forged in ["x", "zz", "ffff", "5b", "äö", "' or 1=1 --"] {
            assert!(Cursor::read::<(String, u32)>(forged).is_err(), "{forged}");
        }
    }

    #[test]
    fn a_cursor_is_no_longer_than_any_that_is_given_out() {
        let longest = Cursor::after(&"x".repeat(254));
        assert_eq!(longest.len(), 512);
        assert!(Cursor::read::<String>(&longest).is_ok());
        let longer = Cursor::after(&"x".repeat(255));
        assert!(Cursor::read::<String>(&longer).is_err());
        let cut = &longest[..511];
        assert!(Cursor::read::<String>(cut).is_err());
        assert!(Cursor::read::<u32>(&longest).is_err(), "a cursor of another list");
    }

    #[test]
    fn a_page_has_one_to_two_hundred_rows() {
        for (limit, is_one) in [(0, false), (1, true), (200, true), (201, false)] {
            assert_eq!(PageLimit::try_from(limit).is_ok(), is_one, "{limit}");
        }
        let said = PageLimit::try_from(0).unwrap_err();
        assert_eq!(said, "a page has 1 to 200 rows");
        let limit = PageLimit::try_from(7).unwrap();
        let lengths = (limit.rows(), limit.rows_and_one(), limit.len());
        assert_eq!(lengths, (7, 8, 7));
        assert!(!limit.is_empty());
        assert_eq!(PageLimit::default().rows(), 50);
    }
}

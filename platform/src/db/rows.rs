//! Rows as parameters: one array of a row type of the schema. A statement with an array for each of its twelve columns
//! takes a third more of the server's time, and more than that in a young connection.
//!
//! A row type is made by a migration (`create type <schema>.<what>_1 as (…)`) and is a struct here, whose fields are
//! its columns in their order. Postgres compares the types of the columns with what is sent.
//!
//! ```ignore
//! #[derive(sqlx::Encode)]
//! struct Line<'a> { thing_id: Uuid, state: &'a str }
//! platform::row_type!(Line<'_>, "shop.line_1");
//!
//! query!("insert into … select … from unnest($1::shop.line_1[])", &lines as &[Line<'_>])
//! ```

use super::Broken;

/// Says which row type of the database a struct is, which derives `sqlx::Encode`.
#[macro_export]
macro_rules! row_type {
    ($row:ty, $name:literal) => {
        impl ::sqlx::Type<::sqlx::Postgres> for $row {
            fn type_info() -> ::sqlx::postgres::PgTypeInfo {
                ::sqlx::postgres::PgTypeInfo::with_name($name)
            }
        }
        impl ::sqlx::postgres::PgHasArrayType for $row {
            fn array_type_info() -> ::sqlx::postgres::PgTypeInfo {
                ::sqlx::postgres::PgTypeInfo::array_of($name)
            }
        }
    };
}

/// A statement says how many rows it wrote of each kind: another number than was given to it is a mistake in the code or
/// in the tables. In a transaction nothing is committed then; what [`one_statement`](super::one_statement) ran stands, and
/// the mistake is told. A count is a statement's own (`i64`), or that of the rows it affected (`u64`).
///
/// # Errors
/// When the numbers differ; `what` says of which rows.
pub fn all_written<N>(what: &str, written: N, wanted: usize) -> Result<(), Broken>
where
    N: Copy + std::fmt::Display + TryInto<usize>,
{
    if written.try_into().ok() == Some(wanted) {
        return Ok(());
    }
    let how = format!("{written} of {wanted} {what} were written");
    Err(Broken::Inconsistent(how))
}

//! The rows of all operations, found by method and path.

use std::collections::HashMap;

use axum::http::Method;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::Paths;

use super::row::Row;
use crate::http::operations;

/// The row of each operation, by the path as it is declared and the method.
#[derive(Debug, Clone, Default)]
pub struct Table(HashMap<String, Vec<(Method, &'static Row)>>);

impl Table {
    /// With the row of the operations at these paths.
    #[must_use]
    pub fn with(mut self, paths: &Paths, row: &'static Row) -> Self {
        for (path, item) in &paths.paths {
            for (method, _) in operations(item) {
                self.insert(path, method, row);
            }
        }
        self
    }

    /// With one row for every operation of another's interface, which is served below `prefix`.
    #[must_use]
    pub fn with_all_of(mut self, document: &OpenApi, prefix: &str, row: &'static Row) -> Self {
        for (path, item) in &document.paths.paths {
            for (method, _) in operations(item) {
                self.insert(&format!("{prefix}{path}"), method, row);
            }
        }
        self
    }

    /// With the row of pages, which are read and in no document.
    #[must_use]
    pub fn pages(mut self, paths: &[&str], row: &'static Row) -> Self {
        for path in paths {
            self.insert(path, Method::GET, row);
        }
        self
    }

    /// Both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        for (path, rows) in other.0 {
            for (method, row) in rows {
                self.insert(&path, method, row);
            }
        }
        self
    }

    fn insert(&mut self, path: &str, method: Method, row: &'static Row) {
        let rows = self.0.entry(path.to_owned()).or_default();
        rows.retain(|(other, _)| *other != method);
        rows.push((method, row));
    }

    /// Path, method and row of every operation.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &Method, &'static Row)> {
        let paths = self.0.iter();
        paths.flat_map(|(path, rows)| {
            rows.iter()
                .map(move |(method, row)| (path.as_str(), method, *row))
        })
    }

    /// What is known of the operations at this path.
    pub(super) fn at(&self, path: &str) -> &[(Method, &'static Row)] {
        self.0.get(path).map_or(&[], Vec::as_slice)
    }
}

//! The hotel service: what can be booked, and what it costs.
//!
//! Hotels, their room types and rate plans, and a price for each room type, rate plan and night. From
//! these it makes quotes: a price for a stay that holds until it expires, with a signed token that the
//! reservation service verifies without asking anybody. How many rooms are left is not known here.
//! Changes of the tables reach the cache by the write-ahead log; no command is accepted and no message
//! is sent.

mod catalogue;
mod config;
mod http;
mod model;
mod store;
#[cfg(test)]
mod testing;

pub use config::Config;

/// The schema.
pub const SCHEMA: platform::outbox::Schema = platform::outbox::Schema("hotel");

/// The migrations of the schema `hotel`.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// The OpenAPI document of this service.
pub fn openapi() -> utoipa::openapi::OpenApi {
    http::routes().into_openapi()
}

/// Who may do what here.
pub fn operations() -> platform::access::Table {
    http::table()
}

/// Builds the service and answers its routes.
///
/// # Errors
/// When the database's URL or the secret of quotes is not usable.
pub fn start(parts: &platform::Parts, config: &Config) -> Result<axum::Router, platform::StartError> {
    let pool = parts
        .database
        .pool("hotel")
        .map_err(|error| platform::StartError::Database("hotel", error))?;
    platform::repeat::keep_forgetting(&parts.tasks, &pool, SCHEMA, parts.repeat);
    let app = http::App {
        pool,
        tokens: config.tokens()?,
        clock: parts.clock.clone(),
        quote_ttl: config.quote_ttl(),
    };
    parts.health.ready("hotel");
    Ok(http::routes().with_state(app).into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    #[test]
    fn the_document_names_every_endpoint() {
        let document = serde_json::to_value(openapi()).unwrap();
        let operations: Vec<_> = document["paths"].as_object().unwrap().values().collect();
        let operations = operations
            .iter()
            .flat_map(|path| path.as_object().unwrap().values());
        let ids: BTreeSet<_> = operations
            .map(|operation| operation["operationId"].as_str().unwrap())
            .collect();
        assert_eq!(ids.len(), 12, "{ids:?}");
    }

    #[test]
    fn a_quote_holds_for_a_quarter_of_an_hour_unless_set_within_bounds() {
        let parse = |args: &[&str]| {
            let command = Config::augment_args(clap::Command::new("hotel"));
            command
                .try_get_matches_from(args)
                .and_then(|matches| Config::from_arg_matches(&matches))
        };
        assert_eq!(parse(&["hotel"]).unwrap().quote_ttl_seconds, 900);
        assert_eq!(
            parse(&["hotel", "--quote-ttl-seconds", "60"])
                .unwrap()
                .quote_ttl()
                .num_minutes(),
            1
        );
        assert!(parse(&["hotel", "--quote-ttl-seconds", "0"]).is_err());
        assert!(parse(&["hotel", "--quote-ttl-seconds", "86401"]).is_err());
    }
}

//! Commands wait longer for the database than services, which shed what they cannot do soon: behind a command nobody
//! waits, and one that gave up on a busy machine would have to be given again.

use std::sync::Arc;
use std::time::Duration;

use platform::db::DatabaseConfig;
use sqlx::PgPool;

/// Waiting for a connection: as long as a statement may take.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(15);

/// A pool for a module, with patience.
pub(crate) fn pool(database: &DatabaseConfig, module: &str) -> Result<PgPool, sqlx::Error> {
    Ok(patient(&database.pool(module)?))
}

fn patient(pool: &PgPool) -> PgPool {
    let options = pool.options().clone().acquire_timeout(ACQUIRE_TIMEOUT);
    options.connect_lazy_with(Arc::unwrap_or_clone(pool.connect_options()))
}

#[cfg(test)]
mod tests {
    use sqlx::postgres::PgPoolOptions;

    use super::*;

    #[tokio::test]
    async fn only_the_patience_is_another() {
        let hasty = PgPoolOptions::new()
            .max_connections(3)
            .acquire_timeout(Duration::from_secs(2))
            .connect_lazy("postgres://somebody@127.0.0.1:1/nowhere")
            .unwrap();
        let patient = patient(&hasty);
        assert_eq!(patient.options().get_acquire_timeout(), ACQUIRE_TIMEOUT);
        assert_eq!(patient.options().get_max_connections(), 3);
        assert_eq!(patient.connect_options().get_username(), "somebody");
    }
}

//! One running platform, and how a test speaks to it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::Value;
use sqlx::postgres::{PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use uuid::Uuid;

use crate::keys::Keys;
use crate::secrets::SECRETS;
use crate::{Answer, Client, LOOK_AGAIN, PATIENCE, until};

/// Between two audits, each of which reads everything.
const BETWEEN_AUDITS: Duration = Duration::from_millis(200);

/// A platform with a database, topics and keys of its own. Dropping it kills its processes and removes
/// its database and slot.
#[derive(Debug)]
pub struct Platform {
    /// Names its database, slot, topics and keys.
    pub name: String,
    /// Base URL.
    pub url: String,
    /// Everything that configures the binary.
    pub env: Vec<(String, String)>,
    /// The keys of its people.
    pub keys: Arc<Keys>,
    binary: PathBuf,
    folder: PathBuf,
    admin_url: String,
    pub(crate) processes: Vec<(String, Child)>,
    pub(crate) client: Client,
    /// The address of each target, when each runs in a process of its own.
    pub(crate) addresses: BTreeMap<String, String>,
}

fn setting(name: &str) -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "scripts/test tells by the environment where its servers are"
    )]
    let value = std::env::var(name);
    value.unwrap_or_else(|_| panic!("{name} is not set; run the tests by scripts/test"))
}

impl Platform {
    /// A migrated platform without a process.
    pub fn migrated() -> Self {
        Self::migrated_by(setting("BELLHOP_BIN").into())
    }

    /// The same of another build.
    pub fn migrated_by(binary: PathBuf) -> Self {
        #[expect(clippy::disallowed_methods, reason = "a name that no other run has")]
        let name = format!("bh_{}", &Uuid::now_v7().simple().to_string()[12..]);
        let folder = std::env::temp_dir().join(&name);
        std::fs::create_dir_all(&folder).expect("a folder for the test");
        let (server, _) = setting("BELLHOP_ADMIN_DATABASE_URL")
            .rsplit_once('/')
            .map(own_pair)
            .expect("a database URL");
        let host = server
            .rsplit_once('@')
            .map_or("127.0.0.1:5432", |(_, host)| host)
            .to_owned();
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .expect("a free port")
            .local_addr()
            .expect("an address")
            .port();
        let url = format!("http://127.0.0.1:{port}");
        let admin_url = format!("{server}/{name}");
        let env = [
            ("BELLHOP_ADMIN_DATABASE_URL", admin_url.clone()),
            ("BELLHOP_DATABASE_URL", format!("postgres://{host}/{name}")),
            ("BELLHOP_DATABASE_PASSWORD", setting("BELLHOP_DATABASE_PASSWORD")),
            ("BELLHOP_KAFKA_BROKERS", setting("BELLHOP_KAFKA_BROKERS")),
            ("BELLHOP_REDIS_URL", setting("BELLHOP_REDIS_URL")),
            ("BELLHOP_REDIS_PREFIX", format!("{name}:")),
            ("BELLHOP_TOPIC_NAMESPACE", format!("{name}.")),
            ("BELLHOP_SLOT", name.clone()),
            ("BELLHOP_LISTEN", format!("127.0.0.1:{port}")),
            ("BELLHOP_URL", url.clone()),
            ("BELLHOP_ACCESS_URL", url.clone()),
            ("BELLHOP_HOTEL_URL", url.clone()),
            ("BELLHOP_INVENTORY_URL", url.clone()),
            ("BELLHOP_PROVIDER_URL", format!("{url}/sandbox-provider")),
            (
                "BELLHOP_SANDBOX_WEBHOOK_URL",
                format!("{url}/v1/webhooks/sandbox"),
            ),
            (
                "BELLHOP_SANDBOX_LEDGER",
                folder.join("ledger.jsonl").display().to_string(),
            ),
            (
                "BELLHOP_WEBHOOK_SECRET",
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
            ),
            ("BELLHOP_DATABASE_CONNECTIONS_MAX", "4".to_owned()),
        ];
        let secrets = SECRETS.map(|(name, value)| (name, value.to_owned()));
        let env = env.into_iter().chain(secrets);
        let env = env.map(|(name, value)| (name.to_owned(), value)).collect();
        let client = Client::new(&url);
        let mut platform = Self {
            name,
            url,
            env,
            keys: Arc::default(),
            binary,
            folder,
            admin_url,
            processes: Vec::new(),
            client,
            addresses: BTreeMap::new(),
        };
        let migrated = platform.command(&["migrate"]);
        assert!(
            migrated.status.success(),
            "{}",
            String::from_utf8_lossy(&migrated.stderr)
        );
        platform.make_keys();
        platform
    }

    /// A running platform, all targets in one process.
    pub async fn start() -> Self {
        let mut platform = Self::migrated();
        platform.run("all");
        platform.ready().await;
        platform
    }

    /// Adds or replaces a setting for processes started from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.env.retain(|(other, _)| other != name);
        self.env.push((name.to_owned(), value.to_owned()));
    }

    /// Starts a process with the given targets. Its log is in the test's folder.
    pub fn run(&mut self, targets: &str) {
        self.run_with(targets, targets, &[]);
    }

    /// As [`Self::run`], under a name of its own and with settings of its own.
    pub fn run_with(&mut self, name: &str, targets: &str, env: &[(&str, &str)]) {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("bellhop.log"));
        let child = Command::new(&self.binary)
            .args(["run", "--target", targets])
            .envs(self.env.iter().cloned())
            .envs(
                self.addresses
                    .get(targets)
                    .map(|address| ("BELLHOP_LISTEN", address)),
            )
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.expect("a log file"))
            .spawn();
        self.processes
            .push((name.to_owned(), child.expect("the binary that BELLHOP_BIN names")));
    }

    /// Waits until every part is ready.
    pub async fn ready(&self) {
        until("/readyz says that all is well", async || {
            let answer = self.client.get("/readyz").await.ok()?;
            answer.status.is_success().then_some(())
        })
        .await;
    }

    /// Everything is at rest and the audit finds nothing.
    pub fn assert_audit_at_rest(&self) {
        assert_eq!(self.audit_at_rest(), Ok(()));
    }

    /// Waits until everything is at rest and the audit finds nothing.
    ///
    /// # Errors
    /// What it says when it still finds something after `patience`.
    pub async fn comes_to_rest(&self, patience: Duration) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let audited = self.audit_at_rest();
            if audited.is_ok() || began.elapsed() >= patience {
                return audited;
            }
            tokio::time::sleep(BETWEEN_AUDITS).await;
        }
    }

    fn audit_at_rest(&self) -> Result<(), String> {
        let audit = self.command(&["audit", "--at-rest"]);
        if audit.status.success() {
            return Ok(());
        }
        let (said, wrong) = (
            String::from_utf8_lossy(&audit.stdout),
            String::from_utf8_lossy(&audit.stderr),
        );
        Err(format!("the audit is not content:\n{said}{wrong}"))
    }

    /// Kills every process as a power cut would (SIGKILL), and waits for their end.
    pub fn kill(&mut self) {
        for (_, mut child) in self.processes.drain(..) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Sends a signal to the first process, such as `-STOP`.
    pub fn signal(&self, signal: &str) {
        let id = self
            .processes
            .first()
            .map(|(_, child)| child.id().to_string())
            .expect("a process");
        let sent = Command::new("kill")
            .args([signal, &id])
            .status()
            .expect("kill runs");
        assert!(sent.success());
    }

    /// Waits for the end of the first process and answers whether it said that all went well.
    pub fn exit(&mut self) -> bool {
        let (_, mut child) = self.processes.remove(0);
        child.wait().expect("the process ends").success()
    }

    /// Runs another command of the binary to its end.
    pub fn command(&self, arguments: &[&str]) -> Output {
        let command = Command::new(&self.binary)
            .args(arguments)
            .envs(self.env.iter().cloned())
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .output();
        command.expect("the binary that BELLHOP_BIN names")
    }

    /// The folder in which commands run.
    pub fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    /// A connection as the administrator, past all services.
    pub async fn database(&self) -> PgPool {
        PgPoolOptions::new()
            .max_connections(2)
            .connect(&self.admin_url)
            .await
            .expect("the test's database")
    }

    /// One text out of the database.
    pub async fn query(&self, sql: &str) -> Option<String> {
        #[expect(clippy::disallowed_methods, reason = "tests look past the services")]
        let read = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
            .fetch_optional(&self.database().await)
            .await;
        read.expect("the query runs")
    }

    /// As [`Self::query`], but none when the query fails.
    pub async fn try_query(&self, sql: &str) -> Option<String> {
        #[expect(clippy::disallowed_methods, reason = "tests look past the services")]
        let read = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
            .fetch_optional(&self.database().await)
            .await;
        read.ok().flatten()
    }

    /// Removes every key of this platform from Redis.
    pub async fn forget_cache(&self) {
        let client = redis::Client::open(setting("BELLHOP_REDIS_URL")).expect("a URL of Redis");
        let mut redis = client
            .get_multiplexed_async_connection()
            .await
            .expect("Redis is there");
        let keys: Vec<String> = redis::cmd("KEYS")
            .arg(format!("{}:*", self.name))
            .query_async(&mut redis)
            .await
            .expect("Redis lists its keys");
        let removed: u64 = redis::cmd("DEL")
            .arg(keys)
            .query_async(&mut redis)
            .await
            .expect("Redis removes keys");
        assert!(removed > 0, "there was nothing to forget");
    }

    /// Changes the database past all services.
    pub async fn tamper(&self, sql: &str) {
        let done = self.database().await.execute(AssertSqlSafe(sql.to_owned())).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Speaks to the platform, also when nobody answers for a while.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.client.get(path).await.expect("the platform answers")
    }

    /// POST or PUT of JSON with headers. As a booking site would, asks again when the platform is too busy (503):
    /// nothing was changed then, and how busy the machine is, is no test's concern.
    pub async fn send_json(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let began = Instant::now();
        loop {
            let answer = self.client.json(method.clone(), path, body, headers).await;
            let answer = answer.expect("the platform answers");
            if answer.status != StatusCode::SERVICE_UNAVAILABLE || began.elapsed() > PATIENCE {
                return answer;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// POST of JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send_json(Method::POST, path, body, &[]).await
    }
}

fn own_pair((left, right): (&str, &str)) -> (String, String) {
    (left.to_owned(), right.to_owned())
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.folder.join("bellhop.log")).unwrap_or_default();
            let tail: Vec<&str> = log.lines().rev().take(60).collect();
            for line in tail.iter().rev() {
                // The log of a failed test, as an assertion's message would be.
                let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{line}\n").as_bytes());
            }
        }
        let (admin_url, name) = (setting("BELLHOP_ADMIN_DATABASE_URL"), self.name.clone());
        let removed = std::thread::spawn(move || remove(&admin_url, &name)).join();
        if removed.is_ok() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// Removes the slot and the database, from a thread of its own because dropping is not async.
fn remove(admin_url: &str, name: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut db = PgConnection::connect(admin_url).await.expect("the server is there");
        let slots = format!(
            "select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = '{name}' and active"
        );
        let _ = db.execute(AssertSqlSafe(slots)).await;
        let drop_slot = format!(
            "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '{name}'"
        );
        for _ in 0..50 {
            if db.execute(AssertSqlSafe(drop_slot.clone())).await.is_ok() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let _ = db.execute(AssertSqlSafe(format!("drop database if exists {name} with (force)"))).await;
    });
}

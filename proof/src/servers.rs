//! The servers that a proof owns: Postgres, Redis and Kafka of `scripts/lib.sh`, in one home, which may be
//! killed, stopped, robbed of their data and started again.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tests::ended;

/// One of the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    Postgres,
    Redis,
    Kafka,
}

impl Server {
    const fn word(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Kafka => "kafka",
        }
    }
}

/// The servers.
#[derive(Debug)]
pub(crate) struct Servers {
    pub(crate) home: PathBuf,
    admin_url: String,
}

/// What the calling script set.
pub(crate) fn setting(name: &str) -> anyhow::Result<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "scripts/prove tells by the environment where its servers are"
    )]
    let value = std::env::var(name);
    value.with_context(|| format!("{name} is not set; run this by scripts/prove"))
}

/// Runs a command to its end; answers what it printed.
pub(crate) fn command(program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let done = Command::new(program).args(arguments).output()?;
    ensure!(
        done.status.success(),
        "{program} {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&done.stderr)
    );
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

impl Servers {
    pub(crate) fn of_the_script() -> anyhow::Result<Self> {
        Ok(Self {
            home: setting("BELLHOP_PROOF_HOME")?.into(),
            admin_url: setting("BELLHOP_ADMIN_DATABASE_URL")?,
        })
    }

    /// The port that the server itself listens on, past any proxy.
    pub(crate) fn port(&self, server: Server) -> anyhow::Result<String> {
        let url = match server {
            Server::Postgres => self.admin_url.clone(),
            Server::Redis => setting("BELLHOP_REDIS_URL")?,
            Server::Kafka => {
                let properties = std::fs::read_to_string(self.home.join("kafka/server.properties"))?;
                let listeners = properties.lines().find(|line| line.starts_with("listeners="));
                let first = listeners.and_then(|line| line.split(',').next());
                first
                    .context("the broker's settings name its listeners")?
                    .to_owned()
            }
        };
        let port = url.rsplit(':').next().and_then(|rest| rest.split('/').next());
        Ok(port.context("an address with a port")?.to_owned())
    }

    fn pid(&self, server: Server) -> anyhow::Result<String> {
        let file = match server {
            Server::Postgres => self.home.join("postgres/postmaster.pid"),
            Server::Redis => self.home.join("redis.pid"),
            Server::Kafka => self.home.join("kafka.pid"),
        };
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        Ok(text.lines().next().unwrap_or_default().trim().to_owned())
    }

    /// Sends a signal to the server.
    pub(crate) fn signal(&self, server: Server, signal: &str) -> anyhow::Result<()> {
        command("kill", &[signal, &self.pid(server)?]).map(drop)
    }

    /// Kills the server as a power cut would, and waits until it is gone.
    pub(crate) fn kill(&self, server: Server) -> anyhow::Result<()> {
        let pid = self.pid(server)?;
        command("kill", &["-9", &pid])?;
        self.gone(&pid)
    }

    fn gone(&self, pid: &str) -> anyhow::Result<()> {
        for _ in 0..2_000 {
            if ended(pid) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("process {pid} of {} does not end", self.home.display())
    }

    /// Starts the server again, on the data it has.
    pub(crate) fn start(&self, server: Server) -> anyhow::Result<()> {
        let port = self.port(server)?;
        self.script(&["start", server.word()], &port).map(drop)
    }

    /// Starts a standby of Postgres beside it, which follows it. Answers its address.
    pub(crate) fn start_standby(&self) -> anyhow::Result<String> {
        let address = tests::fixed_address();
        let port = address.rsplit(':').next().unwrap_or_default();
        self.script(&["start", "standby"], port)?;
        Ok(address)
    }

    /// Makes the standby a primary.
    pub(crate) fn promote_standby(&self) -> anyhow::Result<()> {
        self.script(&["promote", "standby"], "").map(drop)
    }

    fn script(&self, what: &[&str; 2], port: &str) -> anyhow::Result<String> {
        let home = self.home.display().to_string();
        command(
            concat!(env!("CARGO_MANIFEST_DIR"), "/server"),
            &[what[0], what[1], &home, port],
        )
    }

    /// Kills the broker and removes its log.
    pub(crate) fn wipe_kafka(&self) -> anyhow::Result<()> {
        self.kill(Server::Kafka)?;
        Ok(std::fs::remove_dir_all(self.home.join("kafka/logs"))?)
    }

    /// Runs SQL as the superuser of the server.
    pub(crate) fn sql(&self, sql: &str) -> anyhow::Result<String> {
        Ok(command(
            "psql",
            &[
                "-X",
                "-q",
                "-t",
                "-A",
                "-v",
                "ON_ERROR_STOP=1",
                &self.admin_url,
                "-c",
                sql,
            ],
        )?
        .trim()
        .to_owned())
    }
}

/// A file system of its own for a folder, small enough to be filled; undone when dropped.
#[derive(Debug)]
pub(crate) struct SmallDisk {
    at: PathBuf,
}

impl SmallDisk {
    /// Mounts so many megabytes over an existing folder.
    pub(crate) fn over(at: &Path, megabytes: u32) -> anyhow::Result<Self> {
        let (place, size) = (at.display().to_string(), format!("size={megabytes}m,mode=0700"));
        command("mount", &["-t", "tmpfs", "-o", &size, "tmpfs", &place])
            .context("a small disk needs the right to mount")?;
        Ok(Self { at: at.to_owned() })
    }

    /// Fills what is left, so that the next write finds no space.
    pub(crate) fn fill(&self) -> anyhow::Result<u64> {
        use std::io::Write as _;
        let mut file = std::fs::File::create(self.filler())?;
        let block = vec![7_u8; 64 * 1024];
        let mut size = block.len();
        while size > 0 {
            // Smaller pieces until not a byte fits any more.
            if file.write_all(&block[..size]).is_err() {
                size /= 2;
            }
        }
        Ok(file.metadata()?.len())
    }

    /// Makes space again.
    pub(crate) fn empty(&self) -> anyhow::Result<()> {
        Ok(std::fs::remove_file(self.filler())?)
    }

    fn filler(&self) -> PathBuf {
        self.at.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = command("umount", &["-l", &self.at.display().to_string()]);
    }
}

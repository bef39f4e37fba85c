//! What the scripts do about servers that were killed, with real ones. Whoever starts a server here never asks for
//! its end, as process 1 does in many containers: what was killed stays a zombie, which has a number, takes signals,
//! and is taken for alive by `kill -0` and `pg_ctl status`.

#![expect(clippy::unwrap_used, reason = "what tests are made of fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tests::{ended, fixed_address, until};

const LIBRARY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/lib.sh");

/// A home of servers, and those that started some and never ask for their end.
struct Home {
    path: PathBuf,
    careless: Vec<Child>,
}

impl Home {
    fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "a folder that no other test has")]
        let name = format!("bellhop-scripts-{}", uuid::Uuid::now_v7().simple());
        let home = Self {
            path: std::env::temp_dir().join(name),
            careless: Vec::new(),
        };
        home.run("make_home \"$HERE\"");
        home
    }

    /// A script that has `scripts/lib.sh`, and this home in `HERE`.
    fn script(&self, text: &str) -> Command {
        let mut command = Command::new("bash");
        command
            .args(["-c", &format!(". \"$LIBRARY\"\n{text}")])
            .env("LIBRARY", LIBRARY)
            .env("HERE", &self.path)
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end; answers what it printed.
    fn run(&self, text: &str) -> String {
        let done = self.script(text).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{text}\n{said}");
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    /// Runs it, and then never looks after what it has started: it becomes a program that does not.
    async fn run_carelessly(&mut self, text: &str) {
        let mut script = self.script(&format!("{text}\nexec sleep 600"));
        let mut child = script.stdout(Stdio::null()).spawn().unwrap();
        let comm = format!("/proc/{}/comm", child.id());
        // How long a server may take to start is the script's to say: it ends when that is over.
        while std::fs::read_to_string(&comm).unwrap().trim() != "sleep" {
            assert!(child.try_wait().unwrap().is_none(), "{text}\nended");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.careless.push(child);
    }

    /// The number in a pid file, once it is there.
    async fn pid(&self, file: &str) -> String {
        until(file, async || {
            let text = std::fs::read_to_string(self.path.join(file)).ok()?;
            Some(text.lines().next()?.trim().to_owned()).filter(|pid| !pid.is_empty())
        })
        .await
    }

    /// Kills the process of the pid file and waits until it is a zombie.
    async fn make_zombie(&self, file: &str) -> String {
        let pid = self.pid(file).await;
        assert!(!ended(&pid), "{file} names {pid}, which does not live");
        assert!(
            Command::new("kill")
                .args(["-9", &pid])
                .status()
                .unwrap()
                .success()
        );
        until("it has ended", async || ended(&pid).then_some(())).await;
        assert!(
            Path::new("/proc").join(&pid).exists(),
            "{pid} of {file} is a zombie"
        );
        pid
    }

    /// Kills what the pid file names, and then does what `scripts/up` and `scripts/down` do.
    async fn comes_back(&self, file: &str, start: &str, stop: &str) {
        let dead = self.make_zombie(file).await;
        self.run(start);
        let second = self.pid(file).await;
        assert_ne!(second, dead, "{file}");
        assert!(!ended(&second), "{file}");
        self.run(stop);
        assert!(ended(&second), "{file}");
        self.run(start);
        assert!(!ended(&self.pid(file).await), "{file}");
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        for child in &mut self.careless {
            let _ = child.kill();
            let _ = child.wait();
        }
        self.run("discard_home \"$HERE\"");
    }
}

fn port() -> String {
    fixed_address().rsplit(':').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_redis_comes_back_while_its_zombie_is_there() {
    let mut home = Home::new();
    let start = format!("start_redis \"$HERE\" {}", port());
    home.run_carelessly(&start).await;
    home.comes_back("redis.pid", &start, "stop_redis \"$HERE\"").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_broker_comes_back_while_its_zombie_is_there() {
    let mut home = Home::new();
    let start = format!("start_kafka \"$HERE\" {} {}", port(), port());
    home.run_carelessly(&start).await;
    home.comes_back("kafka.pid", &start, "stop_kafka \"$HERE\"").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_postmaster_comes_back_while_its_zombie_is_there() {
    let mut home = Home::new();
    let start = format!("start_postgres \"$HERE\" {} fast", port());
    // pg_ctl would leave it to process 1, of which nobody knows what it asks for.
    home.run(&format!("{start}\nstop_postgres \"$HERE\""));
    home.run_carelessly(
        "as=(); [ \"$(id -u)\" != 0 ] || as=(setpriv --reuid postgres --regid postgres --init-groups)
        \"${as[@]}\" \"$(postgres_bin \"$HERE/postgres\")/postgres\" -D \"$HERE/postgres\" >/dev/null 2>&1 &",
    )
    .await;
    let stop = "stop_postgres \"$HERE\"";
    home.comes_back("postgres/postmaster.pid", &start, stop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_bellhop_is_not_taken_for_running() {
    let mut home = Home::new();
    let start = "spawn \"$HERE/bellhop.pid\" \"$HERE/bellhop.log\" \
                 env BELLHOP_SANDBOX_LEDGER=\"$HERE/ledger\" BELLHOP_WEBHOOK_SECRET=\"$(random_base64 32)\" \
                 \"$BELLHOP_BIN\" run --target=sandbox-provider --listen=127.0.0.1:0";
    home.run_carelessly(start).await;
    let alive = "! alive \"$HERE/bellhop.pid\" \"$BELLHOP_BIN run\" || echo yes";
    home.pid("bellhop.pid").await;
    until("bellhop lives", async || (home.run(alive) == "yes").then_some(())).await;
    home.make_zombie("bellhop.pid").await;
    assert_eq!(home.run(alive), "");
    // Nothing is waited for, and nothing said about a process that does not end.
    home.run("terminate \"$HERE/bellhop.pid\" \"bellhop run\" 0");
    assert!(!home.path.join("bellhop.pid").exists());
}

/// After a restart of the machine, or of the numbers, the number of a pid file may be another's.
#[test]
fn the_process_of_another_with_the_same_number_is_left_alone() {
    let home = Home::new();
    let mut other = Command::new("sleep").arg("600").spawn().unwrap();
    let pid = other.id();
    // Born at another time; or, of a file that does not tell, another command; or no postmaster of ours.
    let left = home.run(&format!(
        "mkdir \"$HERE/postgres\"
         echo {pid} | tee \"$HERE/redis.pid\" \"$HERE/old.pid\" >\"$HERE/postgres/postmaster.pid\"
         echo '1 of boot 2' >\"$HERE/redis.pid.born\"
         ! alive \"$HERE/redis.pid\" sleep || echo redis
         ! alive \"$HERE/old.pid\" redis-server || echo old
         ! postgres_runs \"$HERE\" || echo postgres
         terminate \"$HERE/redis.pid\" sleep 1; terminate \"$HERE/old.pid\" redis-server 1; stop_postgres \"$HERE\""
    ));
    assert_eq!(left, "");
    assert!(!ended(&pid.to_string()));
    assert!(!home.path.join("postgres/postmaster.pid").exists());
    other.kill().unwrap();
    other.wait().unwrap();
}

/// What a script that was killed outright could not remove is removed by the next of its kind; a living one's is not.
#[tokio::test(flavor = "multi_thread")]
async fn the_home_of_a_dead_script_is_swept_whoever_has_its_number() {
    let mut home = Home::new();
    let purpose = home.path.file_name().unwrap().to_str().unwrap().to_owned();
    let make = format!("temporary_home {purpose}; echo \"$HOME_DIR\"");
    let dead = home.run(&format!("{make}; trap - EXIT"));
    let mut other = Command::new("sleep").arg("600").spawn().unwrap();
    std::fs::write(Path::new(&dead).join("owner.pid"), other.id().to_string()).unwrap();
    home.run_carelessly(&format!("{make} >\"$HERE/living\"; trap - EXIT"))
        .await;
    let living = std::fs::read_to_string(home.path.join("living")).unwrap();
    let living = living.trim();
    home.run(&make);
    assert!(!Path::new(&dead).exists(), "{dead} of a dead script");
    assert!(Path::new(living).exists(), "{living} of a living script");
    home.run(&format!("discard_home {living}"));
    other.kill().unwrap();
    other.wait().unwrap();
}

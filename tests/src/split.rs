//! A platform whose targets run in processes of their own, each of which can be hurt alone.

use std::collections::BTreeMap;
use std::process::Command;

use crate::routes::{Routes, TARGETS, fixed_address};
use crate::{Client, Platform, until};

impl Platform {
    /// Gives each target an address of its own; [`Self::run_split`] starts them there. What speaks to
    /// `BELLHOP_URL` finds no proxy there: requests are led by [`Client`].
    pub fn split(&mut self) {
        let addresses: BTreeMap<String, String> = TARGETS
            .iter()
            .map(|target| ((*target).to_owned(), fixed_address()))
            .collect();
        let url = |target: &str| format!("http://{}", addresses[target]);
        self.set("BELLHOP_ACCESS_URL", &url("access"));
        self.set("BELLHOP_HOTEL_URL", &url("hotel"));
        self.set("BELLHOP_INVENTORY_URL", &url("inventory"));
        self.set(
            "BELLHOP_PROVIDER_URL",
            &format!("{}/sandbox-provider", url("sandbox-provider")),
        );
        let webhook = format!("{}/v1/webhooks/sandbox", url("payment"));
        self.set("BELLHOP_SANDBOX_WEBHOOK_URL", &webhook);
        self.client = Client::routed(&self.url, Routes::to(&addresses)).with_keys(&self.keys);
        self.addresses = addresses;
    }

    /// Starts a process for each target.
    pub fn run_split(&mut self) {
        for target in TARGETS {
            self.run(target);
        }
    }

    /// The process id of these targets.
    pub fn pid(&self, targets: &str) -> Option<u32> {
        let found = self.processes.iter().find(|(name, _)| name == targets);
        found.map(|(_, child)| child.id())
    }

    /// Waits until every part of every process is ready.
    pub async fn all_ready(&self) {
        for (target, address) in &self.addresses {
            let client = Client::new(&format!("http://{address}"));
            until(&format!("{target} is ready"), async || {
                client
                    .get("/readyz")
                    .await
                    .ok()?
                    .status
                    .is_success()
                    .then_some(())
            })
            .await;
        }
    }

    /// Waits until every process of these targets takes whoever asks with this header for somebody, or for nobody any
    /// more: an `authorization` with a key, or a `cookie` with a session.
    pub async fn everywhere(&self, targets: &[&str], header: (&str, &str), known: bool) {
        let http = reqwest::Client::new();
        for target in targets {
            // Anybody may read it, but a bad key is refused. An answer to who asks by a session says that it is of the
            // cookie.
            let url = format!("http://{}/v1/problems", self.address(target).expect("an address"));
            until(&format!("{target} knows who asks: {known}"), async || {
                let asked = http.get(&url).header(header.0, header.1).send().await.ok()?;
                let of_a_session = asked.headers().contains_key("vary");
                let taken = match (header.0, asked.status().as_u16()) {
                    ("cookie", 200) => of_a_session,
                    ("authorization", 200) => true,
                    ("authorization", 401) => false,
                    _ => return None,
                };
                (taken == known).then_some(())
            })
            .await;
        }
    }

    /// The address of a target that runs in a process of its own.
    pub fn address(&self, target: &str) -> Option<&str> {
        self.addresses.get(target).map(String::as_str)
    }

    /// Kills the process of these targets (SIGKILL) and waits for its end.
    pub fn kill_target(&mut self, targets: &str) {
        while let Some(at) = self.processes.iter().position(|(name, _)| name == targets) {
            let (_, mut child) = self.processes.remove(at);
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Whether the process of these targets has ended by itself.
    pub fn has_ended(&mut self, targets: &str) -> bool {
        let mut all = self.processes.iter_mut();
        let found = all.find(|(name, _)| name == targets);
        found.is_none_or(|(_, child)| matches!(child.try_wait(), Ok(Some(_))))
    }

    /// Sends a signal to the process of these targets, such as `-STOP`.
    pub fn signal_target(&self, targets: &str, signal: &str) {
        let found = self.processes.iter().find(|(name, _)| name == targets);
        let id = found.map(|(_, child)| child.id().to_string()).expect("a process");
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Waits for the end of the process of these targets and answers whether it said that all went well.
    pub fn exit_of(&mut self, targets: &str) -> bool {
        let at = self.processes.iter().position(|(name, _)| name == targets);
        let (_, mut child) = self.processes.remove(at.expect("a process"));
        child.wait().expect("the process ends").success()
    }
}

//! Which process answers which path, when each target runs in one of its own. The reverse proxy's own file
//! says it, so that a test goes the way that a request of production goes.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

const CADDYFILE: &str = include_str!("../../docker/Caddyfile");

/// Every target that can run in a process of its own, in the order in which they are started.
pub const TARGETS: [&str; 9] = [
    "relay",
    "access",
    "sandbox-provider",
    "hotel",
    "inventory",
    "payment",
    "reservation",
    "orchestrator",
    "availability",
];

/// Patterns of paths with the base URL that answers them; the first that matches counts.
#[derive(Debug, Default)]
pub(crate) struct Routes(Vec<(String, String)>);

impl Routes {
    pub(crate) fn to(addresses: &BTreeMap<String, String>) -> Self {
        let matchers = CADDYFILE.lines().filter_map(|line| {
            let (target, patterns) = line.trim().strip_prefix('@')?.split_once(" path ")?;
            Some((format!("http://{}", addresses.get(target)?), patterns))
        });
        let routes = matchers.flat_map(|(url, patterns)| {
            patterns
                .split_whitespace()
                .map(move |pattern| (pattern.to_owned(), url.clone()))
        });
        Self(routes.collect())
    }

    pub(crate) fn of(&self, path: &str) -> Option<&str> {
        let path = path.split('?').next().unwrap_or_default();
        self.0
            .iter()
            .find(|(pattern, _)| matches(pattern, path))
            .map(|(_, url)| url.as_str())
    }
}

/// As Caddy does: a star stands for one segment, and at the end for all that follow.
fn matches(pattern: &str, path: &str) -> bool {
    let (mut patterns, mut parts) = (pattern.split('/').peekable(), path.split('/'));
    while let Some(wanted) = patterns.next() {
        let Some(part) = parts.next() else {
            return false;
        };
        if wanted == "*" && patterns.peek().is_none() {
            return true;
        }
        if wanted != "*" && wanted != part {
            return false;
        }
    }
    parts.next().is_none()
}

/// An address that a process can have again after it was killed: its port is below the range from which the
/// system gives outgoing connections theirs.
pub fn fixed_address() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let offset = u16::try_from(std::process::id() % 11_000).unwrap_or(0);
    loop {
        let port = 20_000 + (offset + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        let address = format!("127.0.0.1:{port}");
        if TcpListener::bind(&address).is_ok() {
            return address;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proxys_file_leads_each_path_to_its_target() {
        let addresses = TARGETS.map(|target| (target.to_owned(), target.to_owned()));
        let routes = Routes::to(&BTreeMap::from(addresses));
        for (path, target) in [
            ("/v1/quotes", "hotel"),
            ("/v1/hotels/1/prices", "hotel"),
            ("/v1/hotels/1/inventory?from=x", "inventory"),
            ("/v1/hotels/1/room-types/2/inventory", "inventory"),
            ("/v1/hotels/1/room-types/2", "hotel"),
            ("/v1/hotels/1/rate-plans/2", "hotel"),
            ("/v1/hotels/1/calendar?from=x", "availability"),
            ("/v1/hotels/1/combinations?guests=2", "availability"),
            ("/v1/reservations/1/cancellation", "reservation"),
            ("/v1/payments/1", "payment"),
            ("/v1/payment-providers", "payment"),
        ] {
            assert_eq!(
                routes.of(path),
                Some(format!("http://{target}").as_str()),
                "{path}"
            );
        }
        assert_eq!(routes.of("/metrics"), None);
    }
}

//! The keys of a platform's people, and who asks what with which.

use std::sync::Arc;

use crate::Platform;

/// Whose keys each platform of a test has, in the order in which they are made.
const KINDS: &str = "admin,operator,operator,staff,partner,viewer";

/// A key of each kind; staff and partner have all hotels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// Who decides about keys.
    pub admin: String,
    /// Who runs the platform.
    pub operator: String,
    /// Another one, who approves.
    pub second: String,
    /// Who works at hotels.
    pub staff: String,
    /// A company that sells rooms.
    pub partner: String,
    /// Who only looks.
    pub viewer: String,
    /// Whether what guests ask is asked by the partner, as by a booking site: whoever comes without a key is one of a network,
    /// which may ask for so much and no more.
    pub by_partner: bool,
}

impl Keys {
    /// Reads what `bellhop access make` printed for [`KINDS`].
    fn read(printed: &str) -> Option<Arc<Self>> {
        let mut lines = printed.lines().map(|line| line.split_once(' '));
        let mut next = |kind: &str| {
            let (printed, key) = lines.next()??;
            (printed == kind).then(|| key.to_owned())
        };
        Some(Arc::new(Self {
            admin: next("admin")?,
            operator: next("operator")?,
            second: next("operator")?,
            staff: next("staff")?,
            partner: next("partner")?,
            viewer: next("viewer")?,
            by_partner: false,
        }))
    }

    /// The key with which this is asked: guests have none, and everything else an operator does, who also looks after
    /// reservations in the place of guests with their links.
    pub fn of(&self, method: &str, target: &str) -> Option<&str> {
        let key = match (is_a_guests(method, target), self.by_partner) {
            (false, _) => &self.operator,
            (true, true) => &self.partner,
            (true, false) => return None,
        };
        (!key.is_empty()).then_some(key)
    }
}

impl Platform {
    /// What works with the platform by `BELLHOP_KEY` does so as an operator.
    pub(crate) fn make_keys(&mut self) {
        let made = self.command(&["access", "make", "--kind", KINDS]);
        let printed = String::from_utf8_lossy(&made.stdout);
        let complaint = String::from_utf8_lossy(&made.stderr);
        self.keys = Keys::read(&printed).unwrap_or_else(|| panic!("no keys were made: {complaint}"));
        self.client = self.client.clone().with_keys(&self.keys);
        self.set("BELLHOP_KEY", &self.keys.operator.clone());
    }

    /// Guests come by a booking site from now on, with its key.
    #[must_use]
    pub fn by_partner(mut self) -> Self {
        self.client = self.client.clone().by_partner();
        self
    }
}

/// Whether a guest asks this, who has no key.
fn is_a_guests(method: &str, target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    let mine = ["/v1/quotes", "/v1/reservations/look-up", "/v1/webhooks/"];
    let search = ["/availability", "/calendar"];
    !path.starts_with("/v1/")
        || mine.iter().any(|start| path.starts_with(start))
        || search.iter().any(|end| path.ends_with(end))
        || (method == "POST" && path == "/v1/reservations")
}

/// The header's value with which a key is sent.
pub fn bearer(key: &str) -> String {
    format!("Bearer {key}")
}

#[test]
fn guests_have_no_key_and_whoever_works_with_the_platform_has_one() {
    let keys = Keys {
        operator: "key".to_owned(),
        ..Keys::default()
    };
    for (method, target, key) in [
        ("POST", "/v1/quotes", None),
        ("POST", "/v1/reservations", None),
        ("GET", "/v1/reservations?hotel_id=1", Some("key")),
        ("GET", "/v1/reservations/1", Some("key")),
        ("POST", "/v1/reservations/look-up", None),
        ("GET", "/v1/hotels/1/availability?check_in=x", None),
        ("PUT", "/v1/hotels/1/prices", Some("key")),
        ("GET", "/v1/sagas", Some("key")),
        ("GET", "/openapi.json", None),
    ] {
        assert_eq!(keys.of(method, target), key, "{method} {target}");
    }
    let site = Keys {
        partner: "site".to_owned(),
        by_partner: true,
        ..keys
    };
    assert_eq!(site.of("POST", "/v1/reservations"), Some("site"));
    assert_eq!(site.of("GET", "/v1/sagas"), Some("key"));
}

//! Where an issuer's keys are: in a file, at a URL, or where its own document says (`OpenID` Connect Discovery 1.0). What is
//! asked over a network comes over TLS, unless it is this machine or the settings say that the network is trusted.

use std::fmt;
use std::path::PathBuf;

use axum::http::Uri;
use serde::Deserialize;

/// Where the document of an issuer is, behind its name.
const DOCUMENT: &str = "/.well-known/openid-configuration";

/// Where a set of keys is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeysAt {
    /// In a file.
    File(PathBuf),
    /// Behind a URL.
    Url(Uri),
    /// Where the document behind this URL says.
    Said(Uri),
}

impl fmt::Display for KeysAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => file.display().fmt(f),
            Self::Url(url) | Self::Said(url) => url.fmt(f),
        }
    }
}

impl KeysAt {
    /// Where the settings say; without a word there, where the issuer says. `plain`: the network is trusted.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn of(issuer: &str, keys: Option<&str>, plain: bool) -> Result<Self, String> {
        let Some(keys) = keys else {
            let url = url(&format!("{}{DOCUMENT}", issuer.trim_end_matches('/')), plain);
            return url
                .map(Self::Said)
                .map_err(|why| format!("without keys they are looked for where the issuer says, and {why}"));
        };
        if !keys.contains("://") {
            return Ok(Self::File(PathBuf::from(keys)));
        }
        let url = url(keys, plain);
        url.map(Self::Url)
            .map_err(|why| format!("keys is a file or a URL, and {why}"))
    }
}

/// What an issuer publishes of itself, as far as it matters here.
#[derive(Deserialize)]
pub(super) struct Published {
    issuer: String,
    jwks_uri: String,
}

impl Published {
    /// Reads the document.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn read(document: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(document).map_err(|error| format!("no document of an issuer: {error}"))
    }

    /// Where it says that the keys of `issuer` are, for who asked at this URL.
    ///
    /// # Errors
    /// When it is another issuer's (whose keys would sign for this one), or leads from TLS to a place without.
    pub(super) fn keys(&self, issuer: &str, asked: &Uri, plain: bool) -> Result<Uri, String> {
        if self.issuer != issuer {
            return Err(format!(
                "the document is that of the issuer {:?}, and not of {:?}",
                self.issuer, issuer
            ));
        }
        let found = url(&self.jwks_uri, plain);
        let found = found.map_err(|why| format!("the document leads to {:?}, and {why}", self.jwks_uri))?;
        if is_safe(asked) && !is_safe(&found) {
            return Err(format!(
                "the document leads to {found}, which is not https as it is itself"
            ));
        }
        Ok(found)
    }
}

fn is_safe(url: &Uri) -> bool {
    url.scheme_str() == Some("https")
}

/// A URL that may be asked.
fn url(text: &str, plain: bool) -> Result<Uri, String> {
    let url: Uri = text
        .parse()
        .map_err(|error| format!("{text:?} is no URL: {error}"))?;
    let host = url.host().unwrap_or_default();
    if host.is_empty() || url.authority().is_some_and(|of| of.as_str().contains('@')) {
        return Err(format!(
            "{text:?} is no URL with a host and nobody's name in front of it"
        ));
    }
    match url.scheme_str() {
        Some("https") => Ok(url),
        Some("http") if plain || is_here(host) => Ok(url),
        _ => Err(format!(
            "{text:?} is not https; http is asked on this machine, and where \"plain_http\": true says that the network is trusted"
        )),
    }
}

fn is_here(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn place(issuer: &str, keys: Option<&str>, plain: bool) -> Result<String, String> {
        KeysAt::of(issuer, keys, plain).map(|at| at.to_string())
    }

    #[test]
    fn keys_are_in_a_file_or_behind_tls_or_where_the_network_is_trusted() {
        const ISSUER: &str = "https://login.example/realm";
        for keys in [
            "/run/keys/login.json",
            "keys.json",
            "https://login.example:8443/keys?v=2",
            "http://localhost:8081/keys",
            "http://127.0.0.1/keys",
            "http://[::1]:8081/keys",
        ] {
            assert_eq!(place(ISSUER, Some(keys), false), Ok(keys.to_owned()));
        }
        for keys in [
            "http://proxy.internal/keys",
            "http://10.0.0.7:8080/keys",
            // Names that only begin as this machine's.
            "http://localhost.example/keys",
            "http://127.0.0.1.example/keys",
        ] {
            let refused = place(ISSUER, Some(keys), false).unwrap_err();
            assert!(refused.contains("plain_http"), "{refused}");
            assert_eq!(place(ISSUER, Some(keys), true), Ok(keys.to_owned()));
        }
        for keys in [
            "ftp://login.example/keys",
            "file:///etc/passwd",
            "https://me@login.example/keys",
            "https://",
            "https:// x/",
        ] {
            assert!(place(ISSUER, Some(keys), true).is_err(), "{keys}");
        }
    }

    #[test]
    fn without_keys_the_issuers_own_document_says_where_they_are() {
        for (issuer, document) in [
            (
                "https://login.example",
                "https://login.example/.well-known/openid-configuration",
            ),
            (
                "https://login.example/a/b/",
                "https://login.example/a/b/.well-known/openid-configuration",
            ),
            (
                "http://127.0.0.1:9/a",
                "http://127.0.0.1:9/a/.well-known/openid-configuration",
            ),
        ] {
            assert_eq!(
                KeysAt::of(issuer, None, false),
                Ok(KeysAt::Said(document.parse().unwrap()))
            );
        }
        for issuer in ["login.example", "http://login.example", "sunny"] {
            let refused = place(issuer, None, false).unwrap_err();
            assert!(refused.contains("where the issuer says"), "{refused}");
        }
    }

    #[test]
    fn a_document_is_the_issuers_own_and_does_not_lead_out_of_tls() {
        let asked = |scheme: &str| format!("{scheme}://login.example{DOCUMENT}").parse().unwrap();
        let keys = |issuer: &str, keys: &str, scheme: &str| {
            let document = json!({"issuer": issuer, "jwks_uri": keys, "token_endpoint": 7}).to_string();
            let published = Published::read(document.as_bytes())?;
            published
                .keys("https://login.example", &asked(scheme), true)
                .map(|url| url.to_string())
        };
        let (own, other) = ("https://login.example", "https://keys.example/set");
        assert_eq!(keys(own, other, "https"), Ok(other.to_owned()));
        let plain = "http://127.0.0.1/set";
        assert_eq!(keys(own, plain, "http"), Ok(plain.to_owned()));
        for (issuer, at, said) in [
            ("https://login.example/", other, "and not of"),
            ("https://evil.example", other, "evil"),
            (own, plain, "not https"),
            (own, "/set", "no URL"),
        ] {
            let refused = keys(issuer, at, "https").unwrap_err();
            assert!(refused.contains(said), "{said}: {refused}");
        }
        assert!(Published::read(b"{}").is_err_and(|why| why.contains("no document")));
    }
}

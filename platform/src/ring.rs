//! Secrets by their ids: what is made names the id of the first, and all verify. So one can be put in the place of another
//! while what was made under the former is still about.

use std::fmt;

use crate::StartError;
use crate::secret::Secret;

/// The fewest bytes of a secret.
const SECRET_BYTES_MIN: usize = 32;
/// The most letters of an id.
const KID_BYTES_MAX: usize = 16;

/// The secrets of one audience.
#[derive(Clone)]
pub(crate) struct Ring(Vec<(String, Secret)>);

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(kid, _)| kid)).finish()
    }
}

impl Ring {
    /// Reads `kid:secret,kid:secret`, the value of this variable.
    ///
    /// # Errors
    /// A setting error that names the variable and the remedy, also when there is no secret at all.
    pub(crate) fn read(variable: &str, text: &Secret) -> Result<Self, StartError> {
        Self::parse(text.reveal()).ok_or_else(|| {
            StartError::Setting(format!(
                "{variable}: it is kid:secret, and the secret has at least {SECRET_BYTES_MIN} bytes; \
                 `echo 1:$(openssl rand -hex 32)` makes a good one"
            ))
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let mut ring: Vec<(String, Secret)> = Vec::new();
        for line in text.split(',') {
            let (kid, secret) = line.trim().split_once(':')?;
            let known = ring.iter().any(|(other, _)| other == kid);
            let fits = (1..=KID_BYTES_MAX).contains(&kid.len())
                && kid.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if known || !fits || secret.len() < SECRET_BYTES_MIN {
                return None;
            }
            ring.push((kid.to_owned(), Secret::new(secret)));
        }
        Some(Self(ring))
    }

    /// The secret by which things are made, with its id.
    pub(crate) fn first(&self) -> Option<(&str, &Secret)> {
        self.0.first().map(|(kid, secret)| (kid.as_str(), secret))
    }

    /// All of them, the first first.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.0.iter().map(|(kid, secret)| (kid.as_str(), secret))
    }

    /// The secret with this id.
    pub(crate) fn of(&self, kid: &str) -> Option<&Secret> {
        self.0
            .iter()
            .find(|(known, _)| known == kid)
            .map(|(_, secret)| secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(text: &str) -> Result<Ring, StartError> {
        Ring::read("BELLHOP_SOME_SECRET", &Secret::new(text))
    }

    #[test]
    fn there_is_no_ring_without_a_secret_that_is_long_and_has_an_id_of_its_own() {
        let short = "1:".to_owned() + &"p".repeat(31);
        let twice = format!("1:{0},1:{0}", "p".repeat(32));
        let long = format!("{}:{}", "k".repeat(17), "p".repeat(32));
        for wrong in [
            "",
            "p",
            &"p".repeat(40),
            &short,
            &twice,
            &long,
            &format!(":{}", "p".repeat(32)),
        ] {
            let said = ring(wrong).unwrap_err().to_string();
            assert!(
                said.contains("BELLHOP_SOME_SECRET") && said.contains("openssl"),
                "{said}"
            );
        }
    }

    #[test]
    fn the_first_makes_and_all_are_found_and_none_is_shown() {
        let ring = ring(&format!("b:{}, a:{}", "q".repeat(32), "p".repeat(32))).unwrap();
        assert_eq!(ring.first().map(|(kid, _)| kid), Some("b"));
        assert_eq!(ring.of("a").map(Secret::reveal), Some("p".repeat(32).as_str()));
        assert!(ring.of("c").is_none());
        assert_eq!(format!("{ring:?}"), r#"["b", "a"]"#);
    }
}

//! Members' tokens: `bhm_1_<kid>_<member>_<grade>_<since>_<blocked>_<end>_<HMAC-SHA-256>_<CRC-32>`. All that is known of a
//! member stands in it, so no process keeps any: 100,000 of them may come at once.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::seal::{sealed, unsealed};
use crate::StartError;
use crate::ring::Ring;

/// How a token begins, so that who finds one in a log knows what it is.
pub(super) const PREFIX: &str = "bhm_";
/// The same with how this form of tokens goes on.
const FORM: &str = "bhm_1_";
/// The most letters of a grade.
const GRADE_BYTES_MAX: usize = 16;

crate::secret_setting! {
    /// Secrets of members' tokens as `kid:secret`, separated by commas, each secret of at least 32 bytes: the first signs,
    /// all verify. The same for every process of the platform. Without one nobody is a member.
    pub MemberSecret = "BELLHOP_MEMBER_SECRET", None
}

/// The secrets of members' tokens.
#[derive(clap::Args, Clone, Debug)]
pub struct MemberConfig {
    /// [`MemberSecret`].
    #[command(flatten)]
    pub member_secret: MemberSecret,
}

impl MemberConfig {
    /// What makes tokens of members and reads them, if there is a secret.
    ///
    /// # Errors
    /// A setting error that names the variable and the remedy, when there is one that is not good.
    pub fn members(&self) -> Result<Option<Members>, StartError> {
        if self.member_secret.is_empty() {
            return Ok(None);
        }
        Ring::read("BELLHOP_MEMBER_SECRET", &self.member_secret).map(|ring| Some(Members(ring)))
    }
}

/// What a token says of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who it is.
    pub id: Uuid,
    /// What kind of member, in a word of 1 to 16 small letters and digits.
    pub grade: String,
    /// Since when; whole seconds count.
    pub since: DateTime<Utc>,
    /// A blocked member may nothing by the token.
    pub blocked: bool,
}

/// Why a text is no member's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoMember {
    /// Nobody made it.
    Wrong,
    /// It is genuine, and over.
    Ended,
}

/// Makes tokens and reads them.
#[derive(Clone, Debug)]
pub struct Members(Ring);

impl Members {
    /// The token of a member until then; none for a grade that is no word.
    pub fn write(&self, member: &Member, ends_at: DateTime<Utc>) -> Option<String> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let grade = &member.grade;
        let is_word = (1..=GRADE_BYTES_MAX).contains(&grade.len()) && grade.bytes().all(fits);
        is_word.then(|| {
            let (id, since, end) = (member.id.simple(), member.since.timestamp(), ends_at.timestamp());
            let blocked = u8::from(member.blocked);
            sealed(&self.0, FORM, &format!("{id}_{grade}_{since}_{blocked}_{end}"))
        })
    }

    /// Whom a token names.
    pub(super) fn read(&self, text: &str, now: DateTime<Utc>) -> Result<Member, NoMember> {
        let (member, ends_at) = self.genuine(text).ok_or(NoMember::Wrong)?;
        if ends_at <= now {
            return Err(NoMember::Ended);
        }
        Ok(member)
    }

    fn genuine(&self, text: &str) -> Option<(Member, DateTime<Utc>)> {
        let mut parts = unsealed(&self.0, FORM, text)?;
        let mut next = || parts.next();
        let member = Member {
            id: Uuid::try_parse(next()?).ok()?,
            grade: next()?.to_owned(),
            since: DateTime::from_timestamp(next()?.parse().ok()?, 0)?,
            blocked: match next()? {
                "0" => false,
                "1" => true,
                _ => return None,
            },
        };
        Some((member, DateTime::from_timestamp(next()?.parse().ok()?, 0)?))
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn members(text: &str) -> Members {
        let member_secret = text.parse().unwrap();
        MemberConfig { member_secret }.members().unwrap().unwrap()
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn ada() -> Member {
        Member {
            id: Uuid::from_u128(0x0193_6f5e_7d5c_7c3a_9a44_0d3f_6a1b_2c4d),
            grade: "gold".to_owned(),
            since: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
            blocked: false,
        }
    }

    #[test]
    fn a_token_says_who_somebody_is_until_it_ends_and_no_other_text_does() {
        let ours = members(&format!("1:{}", "m".repeat(32)));
        let ends_at = now() + TimeDelta::hours(1);
        for member in [
            ada(),
            Member {
                blocked: true,
                ..ada()
            },
        ] {
            let text = ours.write(&member, ends_at).unwrap();
            assert_eq!(ours.read(&text, now()), Ok(member));
            assert_eq!(ours.read(&text, ends_at), Err(NoMember::Ended));
            for at in 0..text.len() {
                let mut wrong = text.clone().into_bytes();
                wrong[at] = if wrong[at] == b'0' { b'1' } else { b'0' };
                let wrong = String::from_utf8(wrong).unwrap();
                assert_eq!(ours.read(&wrong, now()), Err(NoMember::Wrong), "{at}");
            }
            let others = members(&format!("1:{}", "x".repeat(32)));
            assert_eq!(others.read(&text, now()), Err(NoMember::Wrong));
            let both = members(&format!("2:{},1:{}", "x".repeat(32), "m".repeat(32)));
            assert!(both.read(&text, now()).is_ok());
        }
    }

    #[test]
    fn a_grade_is_a_word_and_without_a_secret_nobody_is_a_member() {
        let ours = members(&format!("1:{}", "m".repeat(32)));
        for grade in ["", "Gold", "go_ld", "a b", &"g".repeat(17)] {
            let member = Member {
                grade: grade.to_owned(),
                ..ada()
            };
            assert_eq!(ours.write(&member, now()), None, "{grade}");
        }
        let config = |text: &str| {
            MemberConfig {
                member_secret: text.parse().unwrap(),
            }
            .members()
        };
        assert!(config("").unwrap().is_none() && config("1:short").is_err());
    }
}

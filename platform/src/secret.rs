//! A setting that must never be shown: neither in a log, nor in an error, nor among the arguments of a process, which
//! everybody on its machine may read. It comes from the environment or from a file, and [`Secret`] cannot be read from
//! an argument, because nothing makes one of a text but [`Secret::new`].

use std::fmt;

use clap::error::ErrorKind;

/// A secret text. Its debug form hides it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret that this is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the one who needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether none was given.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "(none)" } else { "(hidden)" })
    }
}

/// What a secret is that was not given.
#[derive(Debug, Clone, Copy)]
pub enum Unset {
    /// None, which whoever needs it complains about.
    None,
    /// This text.
    Is(&'static str),
    /// The command does not begin without it.
    Refused,
}

/// Why a secret that was given cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Its file cannot be read.
    #[error("{0}_FILE: {1} cannot be read")]
    Unreadable(String, String, #[source] std::io::Error),
    /// It was given twice.
    #[error("{0} and {0}_FILE are both set: leave one of them out")]
    Twice(String),
}

/// The secret that the environment gives as this variable, or that is in the file which `<variable>_FILE` names, without the
/// end of its last line. An empty one is none.
///
/// # Errors
/// When there are both, or the file cannot be read.
#[expect(
    clippy::disallowed_methods,
    reason = "clap makes an argument of every setting, and a secret must not be one"
)]
pub fn given(variable: &str) -> Result<Option<Secret>, SecretError> {
    read(variable, |name| {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    })
}

fn read(variable: &str, get: impl Fn(&str) -> Option<String>) -> Result<Option<Secret>, SecretError> {
    match (get(variable), get(&format!("{variable}_FILE"))) {
        (Some(_), Some(_)) => Err(SecretError::Twice(variable.to_owned())),
        (text, None) => Ok(text.map(Secret)),
        (None, Some(path)) => match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(Secret::new(text.trim_end_matches(['\r', '\n'])))),
            Err(error) => Err(SecretError::Unreadable(variable.to_owned(), path, error)),
        },
    }
}

/// Tells of a secret in the help of a command, below its arguments. Of [`crate::secret_setting!`].
pub fn told(command: clap::Command, variable: &str, about: &str) -> clap::Command {
    const HEADING: &str =
        "Secrets, which are never arguments; each may stand in a file, which <NAME>_FILE names:";
    let line = format!("[env: {variable}]");
    let before = command.get_after_help().map(ToString::to_string);
    let before = before.unwrap_or_else(|| HEADING.to_owned());
    if before.contains(&line) {
        return command;
    }
    // On a line of its own, which no narrow terminal breaks in two.
    command.after_help(format!("{before}\n\n {about}\n  {line}"))
}

/// The secret of a command as [`given`], or what it is without. Of [`crate::secret_setting!`].
///
/// # Errors
/// As [`given`], and when it was not given and has to be.
pub fn of_command(variable: &str, unset: Unset) -> Result<Secret, clap::Error> {
    let wrong = |kind, why: String| clap::Error::raw(kind, format!("{why}\n"));
    let given = given(variable).map_err(|error| wrong(ErrorKind::ValueValidation, crate::chain(&error)))?;
    match (given, unset) {
        (Some(secret), _) => Ok(secret),
        (None, Unset::None) => Ok(Secret::default()),
        (None, Unset::Is(text)) => Ok(Secret::new(text)),
        (None, Unset::Refused) => Err(wrong(
            ErrorKind::MissingRequiredArgument,
            format!("set {variable}, or {variable}_FILE to the name of a file that has it"),
        )),
    }
}

/// Declares a secret setting: a type that is flattened into the settings of a command, like
/// `#[command(flatten)] pub key_pepper: KeyPepper`, and derefs to [`Secret`]. Behind its variable stands what it is when it
/// was not given, a variant of [`Unset`].
///
/// ```ignore
/// platform::secret_setting! {
///     /// What the help says of it.
///     pub KeyPepper = "BELLHOP_KEY_PEPPER", None
/// }
/// ```
#[macro_export]
macro_rules! secret_setting {
    ($(#[doc = $about:literal])+ $vis:vis $name:ident = $variable:literal, $unset:ident $(($text:literal))?) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, Default)]
        $vis struct $name($crate::Secret);

        impl ::std::ops::Deref for $name {
            type Target = $crate::Secret;
            fn deref(&self) -> &$crate::Secret {
                &self.0
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = ::std::convert::Infallible;
            fn from_str(text: &str) -> ::std::result::Result<Self, Self::Err> {
                Ok(Self($crate::Secret::new(text)))
            }
        }

        impl ::clap::FromArgMatches for $name {
            fn from_arg_matches(_: &::clap::ArgMatches) -> ::std::result::Result<Self, ::clap::Error> {
                $crate::secret::of_command($variable, $crate::secret::Unset::$unset $(($text))?).map(Self)
            }
            fn update_from_arg_matches(&mut self, _: &::clap::ArgMatches) -> ::std::result::Result<(), ::clap::Error> {
                Ok(())
            }
        }

        impl ::clap::Args for $name {
            fn augment_args(command: ::clap::Command) -> ::clap::Command {
                $crate::secret::told(command, $variable, concat!($($about),+))
            }
            fn augment_args_for_update(command: ::clap::Command) -> ::clap::Command {
                Self::augment_args(command)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn a_secret_is_shown_to_nobody_but_who_needs_it() {
        let secret = Secret::new("hunter2");
        assert!(!format!("{secret:?} {:#?}", Some(&secret)).contains("hunter2"));
        assert_eq!((secret.reveal(), secret.is_empty()), ("hunter2", false));
        assert!(Secret::default().is_empty());
        assert_eq!(format!("{:?}", Secret::default()), "(none)");
    }

    #[test]
    fn a_secret_is_in_the_environment_or_in_a_file_and_not_in_both() {
        let file = std::env::temp_dir().join(format!("bellhop-secret-{}", std::process::id()));
        std::fs::write(&file, "1:from a file \n").unwrap();
        let path = file.display().to_string();
        let reveal = |text: Option<&str>, file: Option<&str>| {
            let get = |name: &str| match name {
                "BELLHOP_SOME_SECRET" => text.map(str::to_owned),
                "BELLHOP_SOME_SECRET_FILE" => file.map(str::to_owned),
                other => panic!("{other}"),
            };
            read("BELLHOP_SOME_SECRET", get)
                .map(|secret| secret.map(|secret| secret.reveal().to_owned()))
                .map_err(|error| error.to_string())
        };
        assert_eq!(reveal(None, None), Ok(None));
        assert_eq!(reveal(Some("1:said"), None), Ok(Some("1:said".to_owned())));
        assert_eq!(reveal(None, Some(&path)), Ok(Some("1:from a file ".to_owned())));
        let twice = reveal(Some("1:said"), Some(&path)).unwrap_err();
        assert!(
            twice.contains("BELLHOP_SOME_SECRET_FILE") && !twice.contains("1:said"),
            "{twice}"
        );
        std::fs::remove_file(&file).unwrap();
        let gone = reveal(None, Some(&path)).unwrap_err();
        assert!(
            gone.contains("BELLHOP_SOME_SECRET_FILE") && gone.contains(&path),
            "{gone}"
        );
    }

    crate::secret_setting! {
        /// What opens
        /// the door.
        DoorSecret = "BELLHOP_DOOR_SECRET", Is("ajar")
    }
    crate::secret_setting! {
        /// What opens the safe.
        SafeSecret = "BELLHOP_SAFE_SECRET", Refused
    }

    #[derive(clap::Parser, Debug)]
    struct Rooms<S: clap::Args> {
        #[command(flatten)]
        door: DoorSecret,
        #[command(flatten)]
        again: DoorSecret,
        #[command(flatten)]
        safe: S,
    }

    #[derive(clap::Args, Debug)]
    struct NoSafe {}

    #[test]
    fn a_secret_is_no_argument_and_the_help_tells_of_it_once() {
        let rooms = <Rooms<NoSafe> as clap::Parser>::try_parse_from(["x"]).unwrap();
        assert_eq!((rooms.door.reveal(), rooms.again.reveal()), ("ajar", "ajar"));
        assert!(!format!("{rooms:?}").contains("ajar"));
        for argument in ["--door-secret=x", "--door=x", "--again=x", "x"] {
            assert!(
                <Rooms<NoSafe> as clap::Parser>::try_parse_from(["x", argument]).is_err(),
                "{argument}"
            );
        }
        let help = Rooms::<SafeSecret>::command().render_long_help().to_string();
        assert_eq!(help.matches("[env: BELLHOP_DOOR_SECRET]").count(), 1, "{help}");
        assert!(
            help.contains("What opens the door.") && help.contains("[env: BELLHOP_SAFE_SECRET]"),
            "{help}"
        );
        let without = <Rooms<SafeSecret> as clap::Parser>::try_parse_from(["x"]).unwrap_err();
        assert!(
            without.to_string().contains("BELLHOP_SAFE_SECRET_FILE"),
            "{without}"
        );
    }
}

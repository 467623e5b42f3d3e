//! In which order the ways to V8's library are tried.

use std::ffi::OsString;
use std::path::PathBuf;

/// Variables by which the user tells the crate's build script where to get V8: it is
/// left alone when one is set.
const USERS: [&str; 4] =
    ["RUSTY_V8_ARCHIVE", "RUSTY_V8_MIRROR", "RUSTY_V8_MIRROR_TAG", "V8_FROM_SOURCE"];

/// What decides.
#[derive(Debug, Default)]
pub struct Machine {
    /// A variable of the user's that speaks to the crate itself.
    pub variable: Option<&'static str>,
    /// Whether the crate's cache has the archive.
    pub cached: bool,
    /// An archive kept beside the checkout.
    pub archive: Option<PathBuf>,
}

/// Where the library comes from.
#[derive(Debug, PartialEq, Eq)]
pub enum Choice {
    /// The crate does what this variable of the user's says.
    User(&'static str),
    /// It is in the crate's cache.
    Cached,
    /// The crate's release was downloaded.
    Downloaded,
    /// An archive beside the checkout.
    Archive(PathBuf),
    /// A build from source.
    Source,
}

/// Picks the first way that is open. `download` tries the crate's release and tells
/// whether it worked; it is not called where an earlier way is open.
pub fn choose(machine: Machine, download: impl FnOnce() -> bool) -> Choice {
    if let Some(variable) = machine.variable {
        return Choice::User(variable);
    }
    if machine.cached {
        return Choice::Cached;
    }
    if download() {
        return Choice::Downloaded;
    }
    machine.archive.map_or(Choice::Source, Choice::Archive)
}

/// The first of the user's variables that is set.
pub fn user_variable(get: impl Fn(&str) -> Option<OsString>) -> Option<&'static str> {
    USERS.into_iter().find(|name| get(name).is_some_and(|value| !value.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never() -> bool {
        panic!("nothing is to be downloaded here")
    }

    #[test]
    fn goes_through_the_ways_in_order() {
        let archive = PathBuf::from("../shared/v8/a.gz");
        let all = || Machine {
            variable: Some("RUSTY_V8_MIRROR"),
            cached: true,
            archive: Some(archive.clone()),
        };
        assert_eq!(choose(all(), never), Choice::User("RUSTY_V8_MIRROR"));
        assert_eq!(choose(Machine { variable: None, ..all() }, never), Choice::Cached);
        let new = || Machine { variable: None, cached: false, ..all() };
        assert_eq!(choose(new(), || true), Choice::Downloaded);
        assert_eq!(choose(new(), || false), Choice::Archive(archive.clone()));
        assert_eq!(choose(Machine { archive: None, ..new() }, || false), Choice::Source);
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        let get = |name: &str| Some(if name == "V8_FROM_SOURCE" { "1" } else { "" }.into());
        assert_eq!(user_variable(get), Some("V8_FROM_SOURCE"));
        assert_eq!(user_variable(|_| None), None);
    }
}

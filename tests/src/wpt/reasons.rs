//! Why a subtest is expected to fail: `tests/wpt/reasons.toml` has rules for those that are new to
//! the record.

use std::path::Path;

use regex_lite::Regex;
use serde::Deserialize;

use crate::{Error, Result};

/// For a failure that nobody has looked at.
pub const TRIAGE: &str = "triage";
/// For what keeps a page from another origin's resources.
const CORS: &str = "cors";

/// The rules, in their order: the first that fits gives the reason.
#[derive(Debug, Default)]
pub struct Reasons(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    reason: String,
    files: Regex,
    names: Option<Regex>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    rule: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    reason: String,
    files: String,
    names: Option<String>,
}

impl Reasons {
    pub fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file)
            .map_err(Error::during(format!("can't read {}", file.display())))?;
        Self::parse(&text).map_err(Error::during(file.display()))
    }

    /// The rules of a document as in the file.
    pub fn parse(text: &str) -> Result<Self> {
        let document: Document = toml::from_str(text).map_err(Error::during("not as expected"))?;
        let regex = |text: &str| {
            Regex::new(text).map_err(Error::during(format!("bad regular expression {text:?}")))
        };
        let rules = document.rule.into_iter().map(|rule| {
            let names = rule.names.as_deref().map(regex).transpose()?;
            Ok(Rule { reason: rule.reason, files: regex(&rule.files)?, names })
        });
        Ok(Self(rules.collect::<Result<_>>()?))
    }

    /// The reason for a subtest of a file. `None` stands for the file itself: rules that name
    /// subtests do not fit it.
    pub fn of(&self, file: &str, subtest: Option<&str>) -> &str {
        let fits = |rule: &&Rule| {
            let name = rule
                .names
                .as_ref()
                .is_none_or(|names| subtest.is_some_and(|subtest| names.is_match(subtest)));
            name && rule.files.is_match(file)
        };
        self.0.iter().find(fits).map_or(TRIAGE, |rule| &rule.reason)
    }

    /// Whether a subtest, passed or not, is about CORS or credentials.
    pub fn is_cors(&self, file: &str, subtest: &str) -> bool {
        self.of(file, Some(subtest)) == CORS
    }
}

#[cfg(test)]
mod tests {
    use super::{Reasons, TRIAGE};

    #[test]
    fn the_first_rule_that_fits_counts() {
        let reasons = Reasons::parse(
            "[[rule]]\nreason = 'cors'\nfiles = '^fetch/'\nnames = 'origin'\n\
             [[rule]]\nreason = 'undecided'\nfiles = 'a\\.any'\n",
        )
        .unwrap();
        assert_eq!(reasons.of("fetch/a.any.js", Some("cross-origin")), "cors");
        assert_eq!(reasons.of("fetch/a.any.js", Some("x")), "undecided");
        assert_eq!(reasons.of("fetch/a.any.js", None), "undecided");
        assert_eq!(reasons.of("fetch/b.any.js", None), TRIAGE);
        assert!(reasons.is_cors("fetch/a.any.js", "cross-origin"));
        assert!(!reasons.is_cors("fetch/a.any.js", "x"));
        assert!(Reasons::parse("[[rule]]\nreason = 'x'\n").is_err());
        assert!(Reasons::parse("[[rule]]\nreason = 'x'\nfiles = '('\n").is_err());
    }

    #[test]
    fn the_rules_of_this_project_can_be_read() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/wpt/reasons.toml");
        Reasons::read(std::path::Path::new(file)).unwrap();
    }
}

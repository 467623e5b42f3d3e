//! What became of a file: a status for the whole, and one for each of its subtests.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::{Error, Result};

/// Names of a subtest's statuses, in the order of `testharness.js`'s numbers.
const STATUSES: [&str; 5] = ["PASS", "FAIL", "TIMEOUT", "NOTRUN", "PRECONDITION_FAILED"];
/// The same for a whole file.
const HARNESS: [&str; 4] = ["OK", "ERROR", "TIMEOUT", "PRECONDITION_FAILED"];

/// Of a subtest that passed.
pub const PASS: &str = "PASS";
/// Of a file whose subtests all came to an end.
pub const OK: &str = "OK";
/// Of a file that gave no result at all.
pub const CRASH: &str = "CRASH";

/// A subtest.
#[derive(Clone, Debug)]
pub struct Subtest {
    /// One that occurs again has its number after it: `name #1`.
    pub name: String,
    pub status: &'static str,
    pub message: Option<String>,
}

/// One run of one file.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub harness: &'static str,
    pub message: Option<String>,
    pub subtests: Vec<Subtest>,
    pub took: Duration,
}

impl Outcome {
    /// For a file that could not be run, or whose Worker gave no answer.
    pub fn crash(message: impl Into<String>) -> Self {
        let message = Some(message.into());
        Self { harness: CRASH, message, subtests: Vec::new(), took: Duration::ZERO }
    }

    /// Reads what the bundle answered.
    pub fn parse(text: &str) -> Result<Self> {
        let answer: Value = serde_json::from_str(text).map_err(Error::during("not JSON"))?;
        let message = |value: &Value| value.as_str().map(str::to_owned);
        let status = |value: &Value, names: &[&'static str]| {
            let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
            let name = number.and_then(|number| names.get(number)).copied();
            name.ok_or_else(|| Error::new(format!("{value} is no status")))
        };
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        let mut subtests = Vec::new();
        for subtest in answer["subtests"].as_array().map_or(&[][..], Vec::as_slice) {
            let name = without_ports(subtest["name"].as_str().unwrap_or_default());
            let before = times.entry(name.clone()).or_default();
            let name = if *before == 0 { name } else { format!("{name} #{before}") };
            *before += 1;
            let status = status(&subtest["status"], &STATUSES)?;
            subtests.push(Subtest { name, status, message: message(&subtest["message"]) });
        }
        Ok(Self {
            harness: status(&answer["harness"]["status"], &HARNESS)?,
            message: message(&answer["harness"]["message"]),
            subtests,
            took: Duration::ZERO,
        })
    }

    /// Subtests that passed.
    pub fn passed(&self) -> usize {
        self.subtests.iter().filter(|subtest| subtest.status == PASS).count()
    }

    /// Those that did not.
    pub fn failures(&self) -> impl Iterator<Item = &Subtest> {
        self.subtests.iter().filter(|subtest| subtest.status != PASS)
    }
}

/// The server has other ports each time, and some names have its URL.
fn without_ports(name: &str) -> String {
    let mut name = name.to_owned();
    for host in ["localhost:", "127.0.0.1:"] {
        let mut parts = name.split(host);
        let mut plain = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            plain += host;
            let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
            plain += if rest.len() < part.len() { "PORT" } else { "" };
            plain += rest;
        }
        name = plain;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    #[test]
    fn an_answer_is_read_and_names_are_made_unique() {
        let outcome = Outcome::parse(
            r#"{"harness":{"status":2,"message":"late"},"subtests":[
                {"name":"a","status":0,"message":null},{"name":"a","status":1,"message":"no"},
                {"name":"http://www.localhost:18800/b?http://127.0.0.1:80","status":3,"message":null}]}"#,
        )
        .unwrap();
        assert_eq!((outcome.harness, outcome.message.as_deref()), ("TIMEOUT", Some("late")));
        let failures: Vec<_> = outcome.failures().map(|it| (it.name.as_str(), it.status)).collect();
        assert_eq!(
            (outcome.passed(), failures),
            (
                1,
                vec![
                    ("a #1", "FAIL"),
                    ("http://www.localhost:PORT/b?http://127.0.0.1:PORT", "NOTRUN")
                ]
            )
        );
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for text in ["", "{}", r#"{"harness":{"status":9}}"#] {
            assert!(Outcome::parse(text).is_err(), "{text}");
        }
    }
}

//! What makes counts differ although the code is the same.

use std::ffi::OsString;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use crate::process::capture;
use crate::workspace::Workspace;

/// Facts by name, as they stand in the baseline's file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment(Map<String, Value>);

impl Environment {
    /// That of this machine and its tools.
    pub fn of_this_machine(workspace: &Workspace) -> Result<Self> {
        let cpu = std::fs::read_to_string("/proc/cpuinfo").context("/proc/cpuinfo")?;
        let libc = capture(Command::new("getconf").arg("GNU_LIBC_VERSION"))?;
        let rustc = capture(Command::new(rustc()).arg("--version").current_dir(workspace.root()))?;
        let valgrind = capture(Command::new("valgrind").arg("--version"))?;
        Ok(Self::of([
            ("cpu", level(&cpu)),
            ("incremental", incremental()),
            ("libc", libc.trim()),
            ("rustc", rustc.split(' ').nth(1).unwrap_or("unknown").trim()),
            ("valgrind", valgrind.trim()),
            ("v8", &v8_archive(workspace)),
        ]))
    }

    fn of<const N: usize>(facts: [(&str, &str); N]) -> Self {
        Self(facts.into_iter().map(|(name, fact)| (name.to_owned(), fact.into())).collect())
    }

    pub fn from_json(value: &Value) -> Self {
        Self(value.as_object().cloned().unwrap_or_default())
    }

    pub fn to_json(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// What is not the same there and here, as a text for a person; `None` when all is.
    pub fn difference(&self, here: &Self) -> Option<String> {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("?").to_owned();
        let names = here.0.keys().filter(|name| self.0.get(*name) != here.0.get(*name));
        let differences: Vec<_> = names
            .map(|name| {
                format!("{name} was {}, here is {}", text(self.0.get(name)), text(here.0.get(name)))
            })
            .collect();
        (!differences.is_empty()).then(|| differences.join("; "))
    }
}

/// Whether crates are compiled in the many small units of incremental compilation, which the dev
/// profile does unless it is told not to: less is inlined then.
fn incremental() -> &'static str {
    let off = std::env::var_os("CARGO_INCREMENTAL").is_some_and(|value| value == "0");
    if off { "off" } else { "on" }
}

/// The compiler that cargo calls.
fn rustc() -> OsString {
    std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())
}

/// The level of the x86-64 psABI: V8, ciphers and searches choose their code by what is above the
/// second level. Valgrind hides what is above the third (AVX-512, SHA).
fn level(cpuinfo: &str) -> &'static str {
    const THIRD: [&str; 7] = ["abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma"];
    let flags = cpuinfo.lines().find_map(|line| line.strip_prefix("flags")).unwrap_or_default();
    let has = |wanted: &&str| flags.split_whitespace().any(|flag| flag == *wanted);
    if THIRD.iter().all(has) { "x86-64-v3" } else { "x86-64-v2" }
}

/// Libraries of one version that were built by different compilers differ in size.
fn v8_archive(workspace: &Workspace) -> String {
    let archive = workspace.target("debug/gn_out/obj/librusty_v8.a");
    match archive.metadata() {
        Ok(meta) => format!("{}, {} bytes", crate::versions::V8, meta.len()),
        Err(_) => crate::versions::V8.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named() {
        let there = Environment::of([("cpu", "x86-64-v3"), ("rustc", "1.95.0")]);
        assert_eq!(there.difference(&there), None);
        let here = Environment::of([("cpu", "x86-64-v3"), ("rustc", "1.96.0")]);
        assert_eq!(there.difference(&here).unwrap(), "rustc was 1.95.0, here is 1.96.0");
        let unknown = Environment::from_json(&Value::Null);
        assert!(unknown.difference(&here).unwrap().starts_with("cpu was ?, here is x86-64-v3"));
        assert_eq!(Environment::from_json(&here.to_json()), here);
    }

    #[test]
    fn a_cpu_that_lacks_one_thing_is_of_the_level_below() {
        let all = "model name\t: x\nflags\t\t: fpu abm avx avx2 bmi1 bmi2 f16c fma\n";
        assert_eq!(level(all), "x86-64-v3");
        assert_eq!(level(&all.replace(" avx2", "")), "x86-64-v2");
        assert_eq!(level(""), "x86-64-v2");
    }
}

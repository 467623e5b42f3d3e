//! Every example answers what its `check.toml` says, through the shipped Envoy configuration.

use nano_tests::checks::Checks;
use nano_tests::client::Proto;
use nano_tests::runner::{Case, Theme};
use nano_tests::stack::{self, Setup, Stack, StackOptions};
use std::path::{Path, PathBuf};

pub fn themes() -> Vec<Theme> {
    all().into_iter().map(|example| theme("examples", example, Setup::Shipped)).collect()
}

/// The directories of all examples.
pub fn all() -> Vec<PathBuf> {
    let directory = stack::root().join("examples");
    let mut examples: Vec<PathBuf> = std::fs::read_dir(&directory)
        .unwrap_or_else(|error| panic!("can't read {}: {error}", directory.display()))
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("check.toml").is_file())
        .collect();
    examples.sort();
    assert!(examples.len() >= 8, "examples are missing in {}", directory.display());
    examples
}

/// An example in a setup of Envoy.
pub fn theme(title: &'static str, example: PathBuf, setup: Setup) -> Theme {
    let name = example.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let cases = Proto::BOTH.map(|proto| {
        let example = example.clone();
        Case::new(format!("{name}::{proto:?}"), move |stack| async move {
            let shown = Checks::read(&example).is_ok_and(|checks| !checks.curl.is_empty());
            assert!(shown, "no curl lines to show");
            check(&stack, &example, proto).await;
        })
    });
    Theme {
        name: title,
        stack: Box::new(move || {
            Stack::start(&StackOptions { setup, ..StackOptions::example(&example)? })
        }),
        cases: cases.into(),
        serial: true,
    }
}

pub async fn check(stack: &Stack, example: &Path, proto: Proto) {
    let checks = Checks::read(example).unwrap_or_else(|error| panic!("{error}"));
    let mut shown = String::new();
    let good = checks
        .run(&stack.url(), proto, &mut |line| {
            shown.push_str(line);
            shown.push('\n');
        })
        .await;
    assert!(good, "\n{shown}");
}

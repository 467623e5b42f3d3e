//! Programs from npm, unchanged, behind a real Envoy: each answers what its `check.toml` says.
//!
//! `cargo xtask test` bundles them (`tests/programs`) and says where they are by `NANO_PROGRAMS`.

use std::path::{Path, PathBuf};

use nano_tests::client::Proto;
use nano_tests::runner::{Case, Theme};
use nano_tests::stack::{self, Stack, StackOptions};

use crate::examples;

pub fn themes() -> Vec<Theme> {
    let sources = stack::root().join("tests/programs");
    let mut programs: Vec<PathBuf> = std::fs::read_dir(&sources)
        .unwrap_or_else(|error| panic!("can't read {}: {error}", sources.display()))
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir())
        .collect();
    programs.sort();
    programs.iter().map(|program| theme(program)).collect()
}

fn theme(source: &Path) -> Theme {
    let name = source.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let bundles = std::env::var_os("NANO_PROGRAMS").map(PathBuf::from);
    let bundled = bundles.map(|bundles| bundles.join(&name));
    let program = bundled.clone();
    let case = Case::new(name.clone(), move |stack| async move {
        let program = program.expect("the stack was started with it");
        examples::check(&stack, &program, Proto::H1).await;
    });
    Theme {
        name: "programs",
        stack: Box::new(move || {
            let program = bundled.ok_or_else(|| {
                nano_tests::Error::new(
                    "NANO_PROGRAMS does not say where the bundles are: `cargo xtask test` makes them",
                )
            })?;
            Stack::start(&StackOptions::example(&program)?)
        }),
        cases: vec![case],
        serial: true,
    }
}

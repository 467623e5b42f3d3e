//! V8's static library from the source that crates.io publishes, with a compiler
//! from Debian and GN from PyPI: the last resort, well under an hour on two cores.

mod gn;
mod headers;
mod ninja;
mod toolchain;
mod tree;
mod work;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Result, bail};

use super::artifact;
use crate::cache;
use crate::process::{run, say};
use crate::progress::clock;
use work::Work;

/// Builds the library and puts its archive at `archive`, with the binding beside it
/// when `with_binding` (then the directory is one of release assets, fit for
/// `RUSTY_V8_ARCHIVE`). Every step that an earlier run finished is skipped.
pub fn build(archive: &Path, with_binding: bool) -> Result<()> {
    if artifact::target() != artifact::LINUX {
        let (ours, known) = (artifact::target(), artifact::LINUX);
        bail!("building V8 from source is known to work for {known} only, this is {ours}");
    }
    let started = Instant::now();
    let work = Work::open()?;
    say(format!("building V8 from source in {}", work.root().display()));
    say("this takes most of an hour on two cores; interrupted, it goes on where it stopped");

    say("V8, step 1 of 6: compiler and build tools");
    toolchain::provide(&work)?;
    say("V8, step 2 of 6: source from crates.io");
    tree::lay(&work)?;
    say("V8, step 3 of 6: build files");
    gn::generate(&work)?;
    say("V8, step 4 of 6: generated and precompiled headers");
    ninja::build(&work, "V8, generated headers", &headers::SAMPLES)?;
    headers::precompile(&work)?;
    say("V8, step 5 of 6: the library");
    ninja::build(&work, "V8", &["rusty_v8"])?;
    say("V8, step 6 of 6: the archive");
    pack(&work.out().join("obj/librusty_v8.a"), archive)?;
    if with_binding {
        let name = artifact::binding_name();
        let shipped = work.tree().join("gen").join(&name);
        cache::put(&archive.with_file_name(name), |scratch| {
            fs::copy(&shipped, scratch)?;
            Ok(())
        })?;
    }
    say(format!("V8 built in {}: {}", clock(started.elapsed()), archive.display()));
    say(format!("{} is no longer needed and may be removed", work.root().display()));
    Ok(())
}

/// Compresses the library; `-n` leaves out name and time, so the same library gives
/// the same archive.
fn pack(library: &Path, archive: &Path) -> Result<()> {
    cache::put(archive, |scratch| {
        let output = Stdio::from(fs::File::create(scratch)?);
        run(Command::new("gzip").args(["-9", "-n", "-c"]).arg(library).stdout(output))
    })
}

//! GN: from V8's build description and our settings to ninja's files.

use std::process::Command;

use anyhow::{Context, Result};

use super::{toolchain, work::Work};
use crate::process::capture;
use crate::{python, versions};

/// Generates ninja's files; those that come out the same are left alone, so nothing
/// already built is built again.
pub fn generate(work: &Work) -> Result<()> {
    let tree = work.tree();
    let mut gn = Command::new(toolchain::gn()?);
    gn.current_dir(&tree).arg("gen").arg(work.out()).arg("--root=.");
    gn.arg(format!("--script-executable={}", python::bin()?.join("python3").display()));
    gn.arg(format!("--args={}", arguments(work).join(" ")));
    capture(&mut gn).context("cannot generate V8's build files")?;
    Ok(())
}

/// The crate's own arguments for a release with its default features, then ours.
fn arguments(work: &Work) -> Vec<String> {
    let crates_own = [
        "is_debug=false",
        "use_custom_libcxx=true",
        "v8_enable_sandbox=false",
        "v8_enable_pointer_compression=false",
        "v8_enable_v8_checks=false",
        "v8_monolithic_for_shared_library=true",
    ];
    let ours = [
        // Debian's clang instead of Chromium's, with its warnings.
        format!("clang_base_path=\"{}\"", work.clang().display()),
        format!("clang_version=\"{}\"", versions::LLVM),
        "treat_warnings_as_errors=false".to_owned(),
        // No debug information: the archive would be many times the size.
        "symbol_level=0".to_owned(),
        "line_tables_only=false".to_owned(),
        // V8's Rust parts are Temporal only, and need a Rust of Chromium's.
        "enable_rust=false".to_owned(),
        "enable_rust_cxx=false".to_owned(),
        "v8_enable_temporal_support=false".to_owned(),
        "use_glib=false".to_owned(),
    ];
    crates_own.iter().map(ToString::to_string).chain(ours).collect()
}

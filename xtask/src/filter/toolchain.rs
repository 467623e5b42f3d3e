//! A compiler with a standard library for WebAssembly: rustup's where it is installed, else Debian's
//! packages of Rust, unpacked into the cache and not installed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::TARGET;
use crate::process::{capture, say, succeeds};
use crate::{cache, debian, versions};

/// Gives cargo what it needs to compile for [`TARGET`].
pub fn choose(cargo: &mut Command) -> Result<()> {
    let sysroot = sysroot()?;
    if sysroot.join("lib/rustlib").join(TARGET).is_dir() {
        return Ok(());
    }
    let compiler = debian_compiler().with_context(|| {
        format!("no Rust for WebAssembly; `rustup target add {TARGET}` gives you one")
    })?;
    // Debian's packages have the library's source, and not the library for this target: it is built
    // with the filter. That is what needs the unstable option, and that the compiler allows it.
    cargo.args(["-Z", "build-std=std,panic_abort"]);
    cargo.env("RUSTC", compiler).env("RUSTC_BOOTSTRAP", "1");
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker(&sysroot)?);
    Ok(())
}

fn sysroot() -> Result<PathBuf> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let printed = capture(Command::new(rustc).args(["--print", "sysroot"]))?;
    Ok(PathBuf::from(printed.trim()))
}

/// rustup's linker, which every toolchain of it has.
fn linker(sysroot: &Path) -> Result<PathBuf> {
    let targets = fs::read_dir(sysroot.join("lib/rustlib"))?.filter_map(Result::ok);
    let mut linkers = targets.map(|entry| entry.path().join("bin/rust-lld"));
    linkers.find(|path| path.is_file()).with_context(|| {
        format!("{} has no rust-lld: it is not a toolchain of rustup", sysroot.display())
    })
}

/// Debian's `rustc`, as a script that finds its libraries.
fn debian_compiler() -> Result<PathBuf> {
    let version = versions::RUST_WEB;
    let root = cache::dir()?.join(format!("rust-web-{version}"));
    let script = root.join("rustc");
    if succeeds(Command::new(&script).arg("--version")) {
        return Ok(script);
    }
    say(format!("Rust for WebAssembly: unpacking Debian's {version} into {}", root.display()));
    let short = version.rsplit_once('.').map_or(version, |(short, _)| short);
    let (library, llvm) =
        (format!("libstd-rust-web-{short}"), format!("libllvm{}", versions::LLVM));
    let packages = ["rustc-web", "rust-web-src", "libstd-rust-web-dev", &library, &llvm, "libz3-4"];
    debian::unpack(&packages, &root, "the filter's compiler")?;
    let usr = root.join("usr");
    let text = format!(
        "#!/bin/sh\nLD_LIBRARY_PATH=\"{0}/lib/{1}-linux-gnu\" exec \"{0}/bin/rustc\" \"$@\"\n",
        usr.display(),
        std::env::consts::ARCH,
    );
    cache::put(&script, |scratch| {
        fs::write(scratch, &text)?;
        Ok(fs::set_permissions(scratch, fs::Permissions::from_mode(0o755))?)
    })?;
    let found = capture(Command::new(&script).arg("--version"))?;
    if found.split(' ').nth(1) != Some(version) {
        fs::remove_file(&script)?;
        bail!("Debian has {} where {version} is expected", found.trim());
    }
    Ok(script)
}

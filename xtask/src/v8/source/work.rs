//! The directory in which V8 is built, and the parts of it.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::process::say;
use crate::{cache, versions};

/// Everything of one source build. It stays, so that an interrupted build goes on
/// where it stopped; once the archive is made the whole directory may be removed.
#[derive(Debug)]
pub struct Work {
    root: PathBuf,
    /// Locked for as long as this value lives.
    _lock: File,
}

impl Work {
    /// The directory for the pinned V8, created when it is new. Waits for another xtask
    /// that builds there: what that one has done need not be done again.
    pub fn open() -> Result<Self> {
        let root = cache::dir()?.join(format!("v8-{}-build", versions::V8));
        std::fs::create_dir_all(&root)
            .with_context(|| format!("cannot create {}", root.display()))?;
        let lock = File::create(root.join("lock"))?;
        if lock.try_lock().is_err() {
            say(format!("waiting for another xtask that builds in {}", root.display()));
            lock.lock().context("cannot lock the build directory")?;
        }
        Ok(Self { root, _lock: lock })
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The crate's source, with what the published crate leaves out.
    pub fn tree(&self) -> PathBuf {
        self.root.join("tree")
    }

    /// GN's and ninja's output.
    pub fn out(&self) -> PathBuf {
        self.tree().join("out")
    }

    /// Debian's clang in the layout that V8's build files expect.
    pub fn clang(&self) -> PathBuf {
        self.root.join("clang")
    }

    /// Precompiled headers and what they are made of.
    pub fn headers(&self) -> PathBuf {
        self.root.join("headers")
    }

    /// What the compilers printed.
    pub fn log(&self) -> PathBuf {
        self.root.join("ninja.log")
    }
}

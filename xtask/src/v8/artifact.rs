//! Names and places of V8's prebuilt parts, as the `v8` crate's build script has them.

use std::path::PathBuf;

use anyhow::Result;

use crate::{cache, versions};

/// The one target whose library xtask can build, and that `../shared/v8` holds.
pub const LINUX: &str = "x86_64-unknown-linux-gnu";

/// The gzipped static library, one release asset of the crate.
pub fn archive_name() -> String {
    format!("librusty_v8_release_{}.a.gz", target())
}

/// The Rust declarations that belong to the library. The published crate ships
/// them in `gen/`; a directory of release assets has them beside the archive.
pub fn binding_name() -> String {
    format!("src_binding_release_{}.rs", target())
}

/// The target that this xtask was built for, so also that of the workspace.
pub fn target() -> &'static str {
    env!("XTASK_TARGET")
}

/// Where the crate looks for the archive before it downloads one.
pub fn cached_archive() -> Result<PathBuf> {
    let key = cache_key(versions::V8, &archive_name());
    Ok(cache::cargo_home()?.join(".rusty_v8").join(key))
}

/// Where the crate would download the archive from.
pub fn release_url() -> String {
    format!("{}/v{}/{}", versions::V8_RELEASES, versions::V8, archive_name())
}

/// `<tag>/<file>` with everything that is not a letter or digit replaced, after
/// the crate's `artifact_cache_key` and `replace_non_alphanumeric`.
fn cache_key(version: &str, file: &str) -> String {
    let key = format!("v{version}/{file}");
    key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_key_is_the_crates() {
        // The example in the crate's own test of its build script.
        assert_eq!(
            cache_key("139.0.0", "librusty_v8_release_aarch64-apple-darwin.a.gz"),
            "v139_0_0_librusty_v8_release_aarch64_apple_darwin_a_gz"
        );
    }
}

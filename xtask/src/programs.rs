//! Packages from npm that run unchanged in Workers (`tests/programs`): installed, bundled as wrangler would,
//! and the examples' types checked against those of Workers.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::json;

use crate::process::{on_path, run, say};
use crate::workspace::Workspace;
use crate::{cache, debian};

/// Bundles every program; the directory with one Worker for each.
pub fn provide(workspace: &Workspace) -> Result<PathBuf> {
    let sources = workspace.root().join("tests/programs");
    let packages = install(&sources.join("package.json"))?;
    let bundles = workspace.target("programs");
    for entry in
        std::fs::read_dir(&sources).with_context(|| format!("cannot read {}", sources.display()))?
    {
        let source = entry.context("cannot read tests/programs")?.path();
        if source.is_dir() {
            bundle(&source, &packages, &bundles)?;
        }
    }
    Ok(bundles)
}

/// Checks the types of the examples against `@cloudflare/workers-types`.
pub fn check_types(workspace: &Workspace) -> Result<()> {
    let examples = workspace.root().join("examples");
    let packages = install(&workspace.root().join("tests/programs/package.json"))?;
    say("checking the examples' types against those of Workers");
    let include = |extension: &str| format!("{}/**/*.{extension}", examples.display());
    let config = json!({
        "compilerOptions": {
            "target": "es2024", "lib": ["es2024"],
            "module": "esnext", "moduleResolution": "bundler",
            "types": ["@cloudflare/workers-types"], "typeRoots": [&packages],
            "allowJs": true, "checkJs": true, "noEmit": true, "skipLibCheck": true,
            "allowImportingTsExtensions": true, "resolveJsonModule": true,
        },
        "include": [include("js"), include("ts")],
    });
    let file = workspace.target("examples-types.json");
    std::fs::write(&file, config.to_string())
        .with_context(|| format!("cannot write {}", file.display()))?;
    let mut compiler = Command::new("node");
    compiler.arg(packages.join("typescript/bin/tsc")).arg("--project").arg(&file);
    run(&mut compiler).context("the examples do not fit the types of Workers")
}

/// Installs what the file names, once for each text of it; `node_modules`.
fn install(manifest: &Path) -> Result<PathBuf> {
    let text = std::fs::read_to_string(manifest)
        .with_context(|| format!("cannot read {}", manifest.display()))?;
    let mut hash = DefaultHasher::new();
    text.hash(&mut hash);
    let prefix = cache::dir()?.join("npm").join(format!("programs-{:016x}", hash.finish()));
    let complete = prefix.join("complete");
    if !complete.is_file() {
        if on_path("npm").is_none() {
            debian::require(&["npm"], "packages from npm")?;
        }
        say(format!("installing what {} names into {}", manifest.display(), prefix.display()));
        std::fs::create_dir_all(&prefix)
            .with_context(|| format!("cannot create {}", prefix.display()))?;
        std::fs::write(prefix.join("package.json"), &text).context("cannot write package.json")?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]);
        npm.arg("--prefix").arg(&prefix);
        run(&mut npm).context("cannot get the packages of tests/programs from npm")?;
        std::fs::write(&complete, "").context("cannot note that the packages are complete")?;
    }
    Ok(prefix.join("node_modules"))
}

/// One program, with wrangler's settings for esbuild.
fn bundle(source: &Path, packages: &Path, bundles: &Path) -> Result<()> {
    let name = source.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let directory = bundles.join(&name);
    let failed = || format!("cannot bundle {name}");
    std::fs::create_dir_all(&directory).with_context(failed)?;
    let mut esbuild = Command::new("node");
    esbuild
        .arg(packages.join("esbuild/bin/esbuild"))
        .arg(source.join("index.js"))
        .args(["--bundle", "--format=esm", "--target=es2024", "--platform=browser"])
        .args(["--conditions=workerd,worker,browser", "--log-level=warning"])
        .arg(format!("--outfile={}", directory.join("index.js").display()))
        .env("NODE_PATH", packages);
    run(&mut esbuild).with_context(failed)?;
    let config = format!(
        "name = \"{name}\"\nmain = \"index.js\"\ncompatibility_date = \"2026-11-01\"\nno_bundle = true\n"
    );
    std::fs::write(directory.join("wrangler.toml"), config).with_context(failed)?;
    let checks = source.join("check.toml");
    std::fs::copy(&checks, directory.join("check.toml"))
        .with_context(|| format!("cannot copy {}", checks.display()))?;
    Ok(())
}

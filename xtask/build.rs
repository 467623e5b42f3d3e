//! Tells xtask the target it is built for: the name of V8's archive holds it.

fn main() {
    let target = std::env::var("TARGET").expect("cargo sets TARGET for build scripts");
    println!("cargo:rustc-env=XTASK_TARGET={target}");
    println!("cargo:rerun-if-changed=build.rs");
}

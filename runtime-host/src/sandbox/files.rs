//! Landlock: which files may be read. None may be written, made or removed, but those of the cache's
//! directory; none may be executed.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};

use crate::config::Config;
use crate::worker;

/// The newest of Landlock's versions whose rules were tried out here (Linux 6.12). An older kernel
/// gives what it has.
const NEWEST: ABI = ABI::V6;

/// What is read beside the Workers: by glibc (name lookup, its modules, locales), by TLS
/// (certificate authorities), by V8, mimalloc and Rust (the machine's size, the time zone, random
/// bytes). A rule for a file is for what has its name now: one that is put in its place later is
/// another, and can't be read.
const SYSTEM: &[&str] = &[
    "/dev/null",
    "/dev/random",
    "/dev/urandom",
    "/etc/ca-certificates",
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/openssl/certs",
    "/etc/pki/ca-trust/extracted",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/tls/certs",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/ssl/certs",
    "/etc/timezone",
    "/lib",
    "/lib64",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/self",
    "/proc/stat",
    "/proc/sys",
    "/run/NetworkManager/resolv.conf",
    "/run/resolvconf",
    "/run/systemd/resolve",
    "/sys/devices/system/cpu",
    "/sys/fs/cgroup",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/local/share",
    "/usr/share",
    "/var/lib/ca-certificates",
];

/// Where else certificate authorities may be, by OpenSSL's convention.
const CERTIFICATES: &[&str] = &["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// What the configuration needs to be read: the directory of `nano.toml`, and those of the Workers.
/// For `workers/*` that is `workers`, and where its sub-directories' links lead; for a single file its
/// directory, as editors replace files.
pub fn of(config: &Config) -> Vec<PathBuf> {
    let mut all = vec![place(config.directory())];
    for directory in &config.workers.directories {
        if directory.file_name().is_some_and(|name| name == "*") {
            all.push(place(directory.parent().unwrap_or(Path::new("")).to_owned()));
        }
    }
    for worker in worker::directories(config).0 {
        let directory = if worker.is_file() {
            place(worker.parent().map(Path::to_owned).unwrap_or_default())
        } else {
            place(worker)
        };
        let link = directory.symlink_metadata().is_ok_and(|found| found.is_symlink());
        if link || !all.iter().any(|root| directory.starts_with(root)) {
            all.push(directory);
        }
    }
    all
}

/// The same directory in a form that can be compared.
fn place(path: PathBuf) -> PathBuf {
    let path = if path.as_os_str().is_empty() { PathBuf::from(".") } else { path };
    std::path::absolute(&path).unwrap_or(path)
}

/// Restricts this thread and those it starts to reading `readable` and the system's own files, and to making,
/// changing and removing files below `writable`. Returns what the kernel is too old for.
pub fn restrict<'a>(
    readable: impl Iterator<Item = &'a PathBuf>,
    writable: Option<&Path>,
) -> Result<Option<String>, String> {
    let failed = |error: RulesetError| error.to_string();
    let files = AccessFs::ReadFile | AccessFs::ReadDir;
    let changes = files
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile;
    let certificates: Vec<PathBuf> = CERTIFICATES
        .iter()
        .filter_map(std::env::var_os)
        .flat_map(|paths| std::env::split_paths(&paths).collect::<Vec<_>>())
        .collect();
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))
        .and_then(|rules| rules.handle_access(AccessNet::BindTcp))
        .and_then(|rules| rules.scope(Scope::from_all(NEWEST)))
        .and_then(Ruleset::create)
        .and_then(|rules| rules.add_rules(path_beneath_rules(SYSTEM, files)))
        .and_then(|rules| rules.add_rules(path_beneath_rules(certificates, files)))
        .and_then(|rules| rules.add_rules(path_beneath_rules(readable, files)))
        .and_then(|rules| rules.add_rules(path_beneath_rules(writable, changes)))
        .and_then(landlock::RulesetCreated::restrict_self)
        .map_err(failed)?;
    match status.ruleset {
        RulesetStatus::FullyEnforced => Ok(None),
        RulesetStatus::PartiallyEnforced => {
            Ok(Some("Landlock: this kernel has an older version, with fewer rules".into()))
        }
        RulesetStatus::NotEnforced => Err("this kernel has none".into()),
    }
}

//! The Web Platform Tests (<https://web-platform-tests.org>) as Workers: `cargo xtask wpt`.
//!
//! A file of them becomes one bundle ([`bundle`]), which a fresh `nano-host dev` runs ([`run`]) beside
//! the suite's own server ([`server`]); what came out is compared with what is on record
//! ([`expectations`]). The suite itself is not part of this project: `--tree` names a checkout.

pub mod bundle;
pub mod campaign;
pub mod expectations;
pub mod expressions;
pub mod file;
pub mod meta;
pub mod outcome;
pub mod reasons;
pub mod report;
pub mod run;
pub mod server;

/// Directories of the tree whose tests a Worker can run: what `--dirs` stands for when it is left
/// out, and each with a file of expectations of its own.
pub const DIRECTORIES: [&str; 21] = [
    "url",
    "urlpattern",
    "encoding",
    "fetch/api",
    "streams",
    "WebCryptoAPI",
    "FileAPI",
    "xhr/formdata",
    "html/webappapis",
    "dom/abort",
    "dom/events",
    "compression",
    "console",
    "hr-time",
    "performance-timeline",
    "user-timing",
    "websockets",
    "eventsource",
    "wasm/jsapi",
    "webidl",
    "service-workers/cache-storage",
];

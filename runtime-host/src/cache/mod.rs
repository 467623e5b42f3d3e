//! The HTTP cache behind the Cache API (`caches.default`, `caches.open(name)`): what may be kept and for
//! how long (RFC 9111), conditional requests and ranges (RFC 9110), limits, and the files.
//!
//! A *tenant* is a Worker, by its name: what one stores no other can find, delete or count. Bodies are kept
//! once, in memory or, with a directory, in files; whoever reads one shares them.

mod answer;
mod body;
mod date;
mod disk;
mod entry;
mod freshness;
mod store;
mod tenant;
#[cfg(test)]
mod tests;
mod writer;

use std::path::PathBuf;

pub use answer::{Answer, answer};
pub use body::Reader;
pub use entry::{Entry, Head, Query, Request};
pub use store::{Store, varies_by_anything};
pub use writer::{PutRefused, Writer};

/// Names one cache of a tenant while the process runs. One that was deleted keeps its own, so that who still
/// holds it can go on, and can't reach a later cache of the same name.
pub type CacheId = u64;

/// `caches.default`.
pub const DEFAULT_CACHE: CacheId = 0;

/// How much is kept, and where.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where entries are kept across restarts; `None`: in memory.
    pub directory: Option<PathBuf>,
    /// Bytes of all tenants together; `None`: no bound.
    pub total_bytes: Option<usize>,
}

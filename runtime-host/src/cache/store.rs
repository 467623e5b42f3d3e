//! All caches of the process, and the bounds on them.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use tokio::sync::OnceCell;

use super::body::Body;
use super::disk::{self, Description, Disk};
use super::entry::{Entry, Head, Query, Request, members};
use super::tenant::Tenant;
use super::writer::{PutRefused, Writer};
use super::{CacheId, DEFAULT_CACHE, Settings, freshness};
use crate::exchange::HeaderList;

/// Bytes that an entry counts beside URL, fields and body.
const ENTRY_BYTES: usize = 1024;

/// The caches of all Workers. Tenants are locked one at a time, for moments.
#[derive(Debug)]
pub struct Store {
    tenants: RwLock<HashMap<String, Arc<Shelf>>>,
    disk: Option<Disk>,
    total_bytes: usize,
    used: AtomicUsize,
    last_id: AtomicU64,
}

/// A tenant with its place.
#[derive(Debug, Default)]
struct Shelf {
    tenant: Mutex<Tenant>,
    /// What was in files before is in the index.
    loaded: OnceCell<()>,
}

impl Default for Store {
    /// In memory, without a bound on all together.
    fn default() -> Self {
        Self {
            tenants: RwLock::default(),
            disk: None,
            total_bytes: usize::MAX,
            used: AtomicUsize::new(0),
            last_id: AtomicU64::new(0),
        }
    }
}

impl Store {
    /// # Errors
    /// The directory can't be used.
    pub fn open(settings: &Settings) -> io::Result<Self> {
        let disk = settings.directory.as_deref().map(Disk::open).transpose()?;
        let total_bytes = settings.total_bytes.unwrap_or(usize::MAX);
        Ok(Self { disk, total_bytes, ..Self::default() })
    }

    /// Forgets a Worker that was removed.
    pub fn forget(&self, tenant: &str) {
        let shelf = self.tenants.write().remove(tenant);
        if let Some(shelf) = shelf {
            let mut tenant = shelf.tenant.lock();
            self.used.fetch_sub(tenant.used(), Ordering::Relaxed);
            *tenant = Tenant::default();
        }
        if let Some(disk) = &self.disk {
            disk.remove(tenant);
        }
    }

    /// The tenant, with what it had before the process began.
    async fn shelf(&self, tenant: &str) -> Arc<Shelf> {
        let known = self.tenants.read().get(tenant).cloned();
        let shelf = match known {
            Some(shelf) => shelf,
            None => Arc::clone(self.tenants.write().entry(tenant.to_owned()).or_default()),
        };
        if let Some(disk) = &self.disk {
            shelf.loaded.get_or_init(|| self.load(disk, tenant, &shelf)).await;
        }
        shelf
    }

    async fn load(&self, disk: &Disk, tenant: &str, shelf: &Shelf) {
        let place = disk.place(tenant);
        let loading = tokio::task::spawn_blocking(move || disk::load(&place, SystemTime::now()));
        let found = loading.await.unwrap_or_default();
        let mut index = shelf.tenant.lock();
        for (id, description, kept) in found {
            self.last_id.fetch_max(id, Ordering::Relaxed);
            let cache = match &description.cache {
                None => DEFAULT_CACHE,
                Some(name) => index.cache(name).unwrap_or_else(|| {
                    self.count(&mut index, Tenant::name_bytes(name));
                    index.make(name.clone())
                }),
            };
            let charged = weight(&description) + kept.length as usize;
            self.count(&mut index, charged);
            let Description { request, head, stored, expires, age, .. } = description;
            let vary = vary_of(&head.headers);
            let body = Body::File(kept);
            index.insert(Arc::new(Entry {
                id,
                cache,
                request,
                head,
                body,
                stored,
                expires,
                age,
                vary,
                charged,
            }));
        }
    }

    fn count(&self, tenant: &mut Tenant, bytes: usize) {
        tenant.charge(bytes);
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    // ---- Caches ----

    /// The cache of this name, made if need be. `None` when the tenant's `limit` has no room for one more.
    pub async fn cache(&self, tenant: &str, limit: usize, name: &str) -> Option<CacheId> {
        let shelf = self.shelf(tenant).await;
        let mut index = shelf.tenant.lock();
        if let Some(id) = index.cache(name) {
            return Some(id);
        }
        self.reserve(&mut index, Tenant::name_bytes(name), limit)
            .then(|| index.make(name.to_owned()))
    }

    /// The cache of this name, if there is one.
    pub async fn existing(&self, tenant: &str, name: &str) -> Option<CacheId> {
        self.shelf(tenant).await.tenant.lock().cache(name)
    }

    /// The names of caches, in the order of their making.
    pub async fn names(&self, tenant: &str) -> Vec<String> {
        self.shelf(tenant).await.tenant.lock().names().map(ToOwned::to_owned).collect()
    }

    /// Deletes a cache with its entries; false without one.
    pub async fn delete_cache(&self, tenant: &str, name: &str) -> bool {
        let shelf = self.shelf(tenant).await;
        let freed = shelf.tenant.lock().delete_cache(name);
        self.used.fetch_sub(freed.unwrap_or(0), Ordering::Relaxed);
        freed.is_some()
    }

    // ---- Entries ----

    /// The first fresh entry for a request. It counts as used.
    pub async fn find(
        &self,
        tenant: &str,
        cache: CacheId,
        asked: &Request,
        query: Query,
    ) -> Option<Arc<Entry>> {
        let shelf = self.shelf(tenant).await;
        let mut index = shelf.tenant.lock();
        let found =
            index.find(cache, Some((asked, query)), SystemTime::now()).into_iter().next()?;
        index.touch(found.id);
        Some(found)
    }

    /// All fresh entries for a request, or of a cache, in the order of their making.
    pub async fn list(
        &self,
        tenant: &str,
        cache: CacheId,
        asked: Option<(&Request, Query)>,
    ) -> Vec<Arc<Entry>> {
        let shelf = self.shelf(tenant).await;
        let index = shelf.tenant.lock();
        index.find(cache, asked, SystemTime::now())
    }

    /// An entry that was listed, if it is still there. It counts as used.
    pub async fn get(&self, tenant: &str, id: u64) -> Option<Arc<Entry>> {
        let shelf = self.shelf(tenant).await;
        let mut index = shelf.tenant.lock();
        index.touch(id);
        index.get(id)
    }

    /// Deletes the entries for a request; whether a fresh one was among them.
    pub async fn delete(
        &self,
        tenant: &str,
        cache: CacheId,
        asked: &Request,
        query: Query,
    ) -> bool {
        let shelf = self.shelf(tenant).await;
        let mut index = shelf.tenant.lock();
        let found = index.find(cache, Some((asked, query)), SystemTime::now());
        for entry in &found {
            self.used.fetch_sub(index.remove(entry.id), Ordering::Relaxed);
        }
        !found.is_empty()
    }

    /// Takes out an entry whose file is gone.
    pub async fn drop_entry(&self, tenant: &str, id: u64) {
        let shelf = self.shelf(tenant).await;
        let freed = shelf.tenant.lock().remove(id);
        self.used.fetch_sub(freed, Ordering::Relaxed);
    }

    // ---- Writing ----

    /// Begins to store a response. What it takes is bounded by `limit`, the tenant's bytes.
    ///
    /// # Errors
    /// [`PutRefused`]: the response must not be kept, or does not fit.
    pub async fn put(
        self: &Arc<Self>,
        tenant: &str,
        limit: usize,
        cache: CacheId,
        request: Request,
        mut head: Head,
    ) -> Result<Writer, PutRefused> {
        let now = SystemTime::now();
        let (expires, age) = freshness::judge(&mut head, now).ok_or(PutRefused::NotAllowed)?;
        let shelf = self.shelf(tenant).await;
        let name = {
            let index = shelf.tenant.lock();
            index.is_current(cache).then(|| index.name_of(cache).map(ToOwned::to_owned))
        };
        let description =
            Description { cache: name.clone().flatten(), request, head, stored: now, expires, age };
        let reserved = weight(&description);
        if !self.reserve(&mut shelf.tenant.lock(), reserved, limit) {
            return Err(PutRefused::TooLarge);
        }
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        // A cache that was deleted lives as long as who holds it: no file shall outlast that.
        let place = self.disk.as_ref().filter(|_| name.is_some()).map(|disk| disk.place(tenant));
        let store = Arc::clone(self);
        let mut writer = Writer::new(store, tenant, limit, cache, id, description, reserved);
        match place {
            Some(place) => writer.begin_file(place).await.map(|()| writer),
            None => Ok(writer),
        }
    }

    /// More bytes for what is being written; false when they don't fit.
    pub(super) fn grow(&self, tenant: &str, bytes: usize, limit: usize) -> bool {
        let shelf = self.tenants.read().get(tenant).cloned();
        shelf.is_some_and(|shelf| self.reserve(&mut shelf.tenant.lock(), bytes, limit))
    }

    pub(super) fn release(&self, tenant: &str, bytes: usize) {
        let shelf = self.tenants.read().get(tenant).cloned();
        if let Some(shelf) = shelf {
            let mut index = shelf.tenant.lock();
            let before = index.used();
            index.release(bytes);
            self.used.fetch_sub(before - index.used(), Ordering::Relaxed);
        }
    }

    /// Puts a whole entry into the index, whose bytes were reserved, in the place of those that it replaces.
    pub(super) fn commit(&self, tenant: &str, entry: Entry) {
        let shelf = self.tenants.read().get(tenant).cloned();
        // The Worker was removed meanwhile.
        let Some(shelf) = shelf else { return entry.body.let_go() };
        let mut index = shelf.tenant.lock();
        for id in index.replaced_by(entry.cache, &entry.request) {
            self.used.fetch_sub(index.remove(id), Ordering::Relaxed);
        }
        index.insert(Arc::new(entry));
    }

    fn reserve(&self, tenant: &mut Tenant, bytes: usize, limit: usize) -> bool {
        let Some(freed) = tenant.reserve(bytes, limit.min(self.total_bytes)) else { return false };
        self.used.fetch_sub(freed, Ordering::Relaxed);
        let used = self.used.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let mut over = used.saturating_sub(self.total_bytes);
        // Own entries go first: who stores much does not push others out while it has some.
        while over > 0 {
            let Some(freed) = tenant.evict() else { break };
            self.used.fetch_sub(freed, Ordering::Relaxed);
            over = over.saturating_sub(freed);
        }
        over = if over > 0 { self.evict_others(over) } else { 0 };
        if over > 0 {
            tenant.release(bytes);
            self.used.fetch_sub(bytes, Ordering::Relaxed);
        }
        over == 0
    }

    /// Lets entries of other tenants go, the largest tenant's first; what is still too much.
    fn evict_others(&self, mut over: usize) -> usize {
        let mut shelves: Vec<_> = self.tenants.read().values().cloned().collect();
        // Who is at work right now is passed over: no lock is waited for while one is held.
        shelves.sort_by_cached_key(|shelf| {
            std::cmp::Reverse(shelf.tenant.try_lock().map_or(0, |tenant| tenant.used()))
        });
        for shelf in shelves {
            let Some(mut tenant) = shelf.tenant.try_lock() else { continue };
            while over > 0 {
                let Some(freed) = tenant.evict() else { break };
                self.used.fetch_sub(freed, Ordering::Relaxed);
                over = over.saturating_sub(freed);
            }
            if over == 0 {
                break;
            }
        }
        over
    }

    /// Bytes of all tenants.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

/// What an entry counts without its body.
fn weight(description: &Description) -> usize {
    let Description { request, head, .. } = description;
    ENTRY_BYTES
        + 2 * request.url.as_str().len()
        + request.headers.size()
        + head.headers.size()
        + 64 * (request.headers.0.len() + head.headers.0.len())
        + head.status_text.len()
        + head.url.len()
}

/// The field names of `vary`, in lower case.
pub(super) fn vary_of(headers: &HeaderList) -> Vec<String> {
    members(headers, "vary")
        .map(|name| String::from_utf8_lossy(name).to_ascii_lowercase())
        .collect()
}

/// Whether a response says that no request but its own will get it (`vary: *`).
pub fn varies_by_anything(headers: &HeaderList) -> bool {
    members(headers, "vary").any(|name| name == b"*")
}

/// A request for the GET of a URL, as [`Store::put`] takes it.
impl Request {
    pub fn get(url: url::Url, headers: HeaderList) -> Self {
        Self { method: Bytes::from_static(b"GET"), url, headers }
    }
}

//! What one Worker has in its caches: an index, and who was used last.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::SystemTime;

use super::entry::{Entry, Query, Request, key_of};
use super::{CacheId, DEFAULT_CACHE};

/// Bytes that a cache with a name counts beside the name.
const NAME_BYTES: usize = 128;

/// One Worker's caches.
#[derive(Debug, Default)]
pub(super) struct Tenant {
    /// Names in the order of their making.
    names: Vec<(String, CacheId)>,
    last_cache: CacheId,
    entries: BTreeMap<u64, Held>,
    by_url: HashMap<(CacheId, String), Vec<u64>>,
    /// Tick of the last use → entry.
    uses: BTreeMap<u64, u64>,
    ticks: u64,
    /// Bytes of entries, names, and of what is being written.
    used: usize,
}

#[derive(Debug)]
struct Held {
    entry: Arc<Entry>,
    tick: u64,
}

impl Tenant {
    pub fn used(&self) -> usize {
        self.used
    }

    // ---- Caches ----

    pub fn cache(&self, name: &str) -> Option<CacheId> {
        self.names.iter().find(|(n, _)| n == name).map(|(_, id)| *id)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|(name, _)| name.as_str())
    }

    /// The name of a cache that was not deleted.
    pub fn name_of(&self, cache: CacheId) -> Option<&str> {
        self.names.iter().find(|(_, id)| *id == cache).map(|(name, _)| name.as_str())
    }

    pub fn name_bytes(name: &str) -> usize {
        name.len() + NAME_BYTES
    }

    /// Makes a cache, for which [`Tenant::name_bytes`] were reserved.
    pub fn make(&mut self, name: String) -> CacheId {
        self.last_cache += 1;
        self.names.push((name, self.last_cache));
        self.last_cache
    }

    /// Deletes a cache with its entries; the bytes that it counted.
    pub fn delete_cache(&mut self, name: &str) -> Option<usize> {
        let at = self.names.iter().position(|(n, _)| n == name)?;
        let (name, cache) = self.names.remove(at);
        let before = self.used;
        self.used = self.used.saturating_sub(Self::name_bytes(&name));
        let ids: Vec<u64> = self.of_cache(cache).map(|entry| entry.id).collect();
        for id in ids {
            self.remove(id);
        }
        Some(before - self.used)
    }

    // ---- Entries ----

    fn of_cache(&self, cache: CacheId) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.values().map(|held| &held.entry).filter(move |entry| entry.cache == cache)
    }

    pub fn get(&self, id: u64) -> Option<Arc<Entry>> {
        self.entries.get(&id).map(|held| Arc::clone(&held.entry))
    }

    /// The fresh entries that match, in the order of their making; without a request all.
    pub fn find(
        &self,
        cache: CacheId,
        asked: Option<(&Request, Query)>,
        now: SystemTime,
    ) -> Vec<Arc<Entry>> {
        let fits = |entry: &&Arc<Entry>| {
            entry.is_fresh(now) && asked.is_none_or(|(asked, query)| entry.matches(asked, query))
        };
        match asked {
            // Most ask so, and must not look at all that there is.
            Some((asked, query)) if !query.ignore_search => {
                let ids = self.by_url.get(&(cache, key_of(&asked.url).to_owned()));
                let held = ids.into_iter().flatten().filter_map(|id| self.entries.get(id));
                held.map(|held| &held.entry).filter(fits).cloned().collect()
            }
            _ => self.of_cache(cache).filter(fits).cloned().collect(),
        }
    }

    /// The entries that a new one for `asked` takes the place of, fresh or not.
    pub fn replaced_by(&self, cache: CacheId, asked: &Request) -> Vec<u64> {
        let ids = self.by_url.get(&(cache, key_of(&asked.url).to_owned()));
        let held = ids.into_iter().flatten().filter_map(|id| self.entries.get(id));
        held.filter(|held| held.entry.matches(asked, Query::default()))
            .map(|held| held.entry.id)
            .collect()
    }

    /// Adds an entry whose bytes are counted.
    pub fn insert(&mut self, entry: Arc<Entry>) {
        self.ticks += 1;
        let key = (entry.cache, key_of(&entry.request.url).to_owned());
        self.by_url.entry(key).or_default().push(entry.id);
        self.uses.insert(self.ticks, entry.id);
        self.entries.insert(entry.id, Held { tick: self.ticks, entry });
    }

    /// Takes an entry out; the bytes that it counted.
    pub fn remove(&mut self, id: u64) -> usize {
        let Some(held) = self.entries.remove(&id) else { return 0 };
        self.uses.remove(&held.tick);
        let key = (held.entry.cache, key_of(&held.entry.request.url).to_owned());
        if let Some(ids) = self.by_url.get_mut(&key) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_url.remove(&key);
            }
        }
        held.entry.body.let_go();
        self.used = self.used.saturating_sub(held.entry.charged);
        held.entry.charged
    }

    /// Notes that an entry was used.
    pub fn touch(&mut self, id: u64) {
        if let Some(held) = self.entries.get_mut(&id) {
            self.ticks += 1;
            self.uses.remove(&held.tick);
            held.tick = self.ticks;
            self.uses.insert(self.ticks, id);
        }
    }

    // ---- Bytes ----

    /// Makes room for so many bytes within `limit` by letting go what was not used for longest, and counts
    /// them. Returns what was let go; `None` when they do not fit.
    pub fn reserve(&mut self, bytes: usize, limit: usize) -> Option<usize> {
        let mut freed = 0;
        while self.used.saturating_add(bytes) > limit {
            freed += self.evict()?;
        }
        self.used += bytes;
        Some(freed)
    }

    /// Counts bytes that are there already.
    pub fn charge(&mut self, bytes: usize) {
        self.used += bytes;
    }

    pub fn release(&mut self, bytes: usize) {
        self.used = self.used.saturating_sub(bytes);
    }

    /// Lets go of what was not used for longest; the bytes that it counted. `None` without entries.
    pub fn evict(&mut self) -> Option<usize> {
        let id = *self.uses.first_key_value()?.1;
        Some(self.remove(id))
    }

    /// Whether a cache is one that files are kept of: not one that was deleted while somebody held it.
    pub fn is_current(&self, cache: CacheId) -> bool {
        cache == DEFAULT_CACHE || self.name_of(cache).is_some()
    }
}

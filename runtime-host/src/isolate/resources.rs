//! Host objects that JavaScript works with by number: codecs, HTML rewriters.
//!
//! They belong to the invocation that made them and go with it, whatever JavaScript still holds: there
//! are no finalizers. Those that were made while the modules ran live until JavaScript ends them, or as
//! long as the isolate.

use std::any::Any;

use super::ids::{IdMap, IdSet, Ids};
use super::message::InvocationId;

pub type ResourceId = u32;

/// All of one isolate.
#[derive(Default)]
pub struct Resources {
    ids: Ids,
    entries: IdMap<Entry>,
    /// Those of each invocation that has any.
    owned: IdMap<IdSet>,
}

struct Entry {
    /// 0: none.
    owner: InvocationId,
    value: Box<dyn Any>,
}

impl Resources {
    /// Keeps `value` for the invocation; 0 for none.
    pub fn insert<T: Any>(&mut self, owner: InvocationId, value: T) -> ResourceId {
        let id = loop {
            // Numbers begin anew after four billion, and one may still be in use.
            let id = self.ids.take();
            if !self.entries.contains_key(&id) {
                break id;
            }
        };
        self.entries.insert(id, Entry { owner, value: Box::new(value) });
        if owner != 0 {
            self.owned.entry(owner).or_default().insert(id);
        }
        id
    }

    /// `None` when it is gone, or is something else.
    pub fn get<T: Any>(&mut self, id: ResourceId) -> Option<&mut T> {
        self.entries.get_mut(&id)?.value.downcast_mut()
    }

    /// Frees one.
    pub fn remove(&mut self, id: ResourceId) {
        let Some(entry) = self.entries.remove(&id) else { return };
        if let Some(owned) = self.owned.get_mut(&entry.owner) {
            owned.remove(&id);
            if owned.is_empty() {
                self.owned.remove(&entry.owner);
            }
        }
    }

    /// Frees those of an invocation that is over.
    pub fn remove_of(&mut self, owner: InvocationId) {
        for id in self.owned.remove(&owner).unwrap_or_default() {
            self.entries.remove(&id);
        }
    }

    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_go_with_their_invocation() {
        let mut all = Resources::default();
        let (a, b, c) = (all.insert(7, 1_u8), all.insert(7, "text"), all.insert(8, 2_u8));
        let loose = all.insert(0, 3_u8);
        assert_eq!(all.get::<u8>(a), Some(&mut 1));
        assert_eq!(all.get::<u8>(b), None);
        all.remove(a);
        all.remove(a);
        assert!(all.get::<u8>(a).is_none());
        all.remove_of(7);
        assert!(all.get::<&str>(b).is_none());
        all.remove_of(7);
        assert_eq!(all.get::<u8>(c), Some(&mut 2));
        assert_eq!(all.get::<u8>(loose), Some(&mut 3));
        all.remove(c);
        all.remove(loose);
        assert_eq!((all.count(), all.owned.len()), (0, 0));
    }
}

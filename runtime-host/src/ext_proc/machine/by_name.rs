//! The fields of a head by their names, in a time that grows with their number and not with its
//! square: a Worker may make tens of thousands, and no limit on CPU time covers what is done here.

use std::collections::HashMap;

use bytes::Bytes;

use crate::exchange::HeaderList;

/// Up to so many fields a look at each of them is quicker than a table.
const FEW: usize = 32;

/// Looks fields up.
pub(super) struct ByName<'a> {
    fields: &'a [(Bytes, Bytes)],
    /// The places of each name's fields, where there are more than a few.
    places: Option<HashMap<&'a [u8], Vec<usize>>>,
}

impl<'a> ByName<'a> {
    pub fn new(list: &'a HeaderList) -> Self {
        let fields = &*list.0;
        let places = (fields.len() > FEW).then(|| {
            let mut places: HashMap<&[u8], Vec<usize>> = HashMap::new();
            for (at, (name, _)) in fields.iter().enumerate() {
                places.entry(name).or_default().push(at);
            }
            places
        });
        Self { fields, places }
    }

    /// Whether an earlier field has the name of the one at `at`.
    pub fn is_again(&self, at: usize) -> bool {
        let Some((name, _)) = self.fields.get(at) else { return false };
        match &self.places {
            None => self.fields[..at].iter().any(|(earlier, _)| earlier == name),
            Some(places) => places.get(&**name).and_then(|all| all.first()) != Some(&at),
        }
    }

    /// Whether a name has several fields.
    pub fn repeats(&self) -> bool {
        match &self.places {
            None => (0..self.fields.len()).any(|at| self.is_again(at)),
            Some(places) => places.len() < self.fields.len(),
        }
    }

    pub fn has(&self, name: &[u8]) -> bool {
        self.values(name).next().is_some()
    }

    /// The values of a name, in their order.
    pub fn values<'s>(&'s self, name: &'s [u8]) -> impl Iterator<Item = &'a Bytes> + use<'a, 's> {
        let (few, many): (&[_], &[usize]) = match &self.places {
            None => (self.fields, &[]),
            Some(places) => (&[], places.get(name).map_or(&[][..], Vec::as_slice)),
        };
        let few = few.iter().filter(move |(other, _)| other.as_ref() == name);
        few.chain(many.iter().filter_map(|at| self.fields.get(*at))).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_fields_are_found_as_few_are() {
        let mut list = HeaderList::default();
        for at in 0..3 * FEW {
            let few = HeaderList(list.0.clone());
            let found = ByName::new(&few);
            assert_eq!(found.repeats(), at > 20);
            for (place, (name, _)) in few.iter().enumerate() {
                let earlier = few.0[..place].iter().any(|(other, _)| other == name);
                assert_eq!(found.is_again(place), earlier, "{at} {place}");
                let values = few.iter().filter(|(other, _)| other == name).map(|(_, value)| value);
                assert!(found.values(name).eq(values), "{at} {place}");
            }
            assert!(!found.has(b"none") && !found.is_again(at));
            list.push(format!("x-{}", at % 20), at.to_string());
        }
    }
}

//! Gradual roll-out: which part of a split a client belongs to, the same at every request.

/// Points that a split has: hundredths of a percent.
pub const POINTS: u32 = 10_000;

/// What tells clients apart, in the order of preference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Cookie(String),
    /// In lower case.
    Header(String),
    /// The client's address without its port.
    Address,
}

impl Source {
    /// `cookie:NAME`, `header:NAME` or `address`. The error completes a sentence that begins with
    /// the text.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        match text.split_once(':') {
            None if text == "address" => Ok(Self::Address),
            Some(("cookie", name)) if !name.is_empty() => Ok(Self::Cookie(name.to_owned())),
            Some(("header", name)) if super::is_header_name(name) => {
                Ok(Self::Header(name.to_ascii_lowercase()))
            }
            _ => Err("is not \"cookie:NAME\", \"header:NAME\" or \"address\""),
        }
    }
}

/// A route's requests in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    pub by: Vec<Source>,
    /// Another salt draws the lots anew.
    pub salt: String,
    /// In the order of the configuration: raising the first part's share moves clients into it and
    /// none out of it.
    pub parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// `None`: on without a Worker.
    pub worker: Option<usize>,
    /// The part has the points below this one that no earlier part has.
    pub end: u32,
}

impl Split {
    /// The Worker for the client whom `identity` names; it gives the value of a source, if the
    /// request has one. A client that nothing names belongs to the largest part (of equal ones,
    /// the first).
    pub fn choose(&self, identity: impl Fn(&Source) -> Option<Vec<u8>>) -> Option<usize> {
        let part = match self.by.iter().find_map(identity) {
            Some(value) => {
                let point = point(&self.salt, &value);
                self.parts.iter().find(|part| point < part.end)
            }
            None => self.largest(),
        };
        part.and_then(|part| part.worker)
    }

    fn largest(&self) -> Option<&Part> {
        let mut begin = 0;
        let mut best: Option<(u32, &Part)> = None;
        for part in &self.parts {
            let size = part.end - begin;
            begin = part.end;
            if best.is_none_or(|(most, _)| size > most) {
                best = Some((size, part));
            }
        }
        best.map(|(_, part)| part)
    }
}

/// From 0 to [`POINTS`], evenly: FNV-1a, and the last step of `MurmurHash3` to spread it. Nobody
/// gains anything from a chosen group, so a hash that can be reckoned is good enough.
fn point(salt: &str, value: &[u8]) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in salt.bytes().chain([0]).chain(value.iter().copied()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^= hash >> 33;
    ((u128::from(hash) * u128::from(POINTS)) >> 64) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(shares: &[u32]) -> Split {
        let mut end = 0;
        let parts = shares.iter().enumerate().map(|(at, share)| {
            end += share;
            Part { worker: Some(at), end }
        });
        Split { by: vec![Source::Address], salt: String::new(), parts: parts.collect() }
    }

    fn of(split: &Split, client: usize) -> usize {
        split.choose(|_| Some(format!("client-{client}").into_bytes())).unwrap()
    }

    #[test]
    fn shares_are_kept_and_clients_stay() {
        let ten = split(&[1000, 9000]);
        let first = (0..20_000).filter(|client| of(&ten, *client) == 0).count();
        assert!((1_850..2_150).contains(&first), "{first} of 20000 for 10 %");
        let thirty = split(&[3000, 7000]);
        for client in 0..20_000 {
            assert_eq!(of(&ten, client), of(&ten, client));
            assert!(of(&ten, client) == 1 || of(&thirty, client) == 0, "{client} moved out");
        }
        // The hash is part of what users see: another one would move every client.
        assert_eq!(point("", b"client-1"), 1_962);
    }

    #[test]
    fn another_salt_draws_anew() {
        let half = split(&[5000, 5000]);
        let salted = Split { salt: "second".into(), ..half.clone() };
        let same = (0..10_000).filter(|c| of(&half, *c) == of(&salted, *c)).count();
        assert!((4_700..5_300).contains(&same), "{same}");
    }

    #[test]
    fn who_has_no_name_belongs_to_the_largest_part() {
        assert_eq!(split(&[1000, 6000, 3000]).choose(|_| None), Some(1));
        assert_eq!(split(&[5000, 5000]).choose(|_| None), Some(0));
        assert_eq!(split(&[0, 10_000]).choose(|_| Some(b"x".to_vec())), Some(1));
    }
}

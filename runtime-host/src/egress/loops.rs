//! Requests that come back to Workers: each subrequest says how many Workers its request has gone
//! through, and into how many more it may branch. Beyond either it is answered with error 1019.
//!
//! `nano-loop: DEPTH/BRANCHES` travels in a header of its own. JavaScript neither sees nor sets it: it is
//! left out of a request's headers, and what a Worker sets under its name is dropped. A client from
//! outside can send it, and then has its own request refused at worst; so nothing but a refusal may
//! ever follow from it. A request that no Worker sent has no such header, and pays for a look at its
//! names.
//!
//! Depth alone bounds a chain and not a tree: a hundred requests of each Worker are 100^16 at the
//! sixteenth level. So an invocation's first request is free, and each further one costs one of the
//! branches that the invocation came with; every request takes a [`SHARE`] of what is left along. What
//! is handed on is taken from the sender, so all that follow from one client's request share what its
//! first invocation had, whatever they do and on whichever host they run. A tree with so many branches
//! is as many chains and one more, none longer than the greatest depth: that is the most invocations.
//! A redirect that is followed is a further request.
//!
//! An exchange that is continued carries the header on as it came: a loop of those alone is one of
//! the proxy's routes, in which no Worker sends anything.

use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::exchange::HeaderList;

/// The header's name.
pub const HEADER: &str = "nano-loop";

/// How many Workers a request may have gone through, unless the operator says otherwise.
pub const DEPTH_DEFAULT: u32 = 16;

/// The highest limit that may be set.
pub const DEPTH_MAX: u64 = 255;

/// Into how many further requests one of a client may branch, unless the operator says otherwise: a
/// hundred subrequests of one Worker to others, and a few of each of those.
pub const BRANCHES_DEFAULT: u32 = 1_000;

/// The highest limit that may be set.
pub const BRANCHES_MAX: u64 = 1_000_000_000;

/// The part of an invocation's branches that each of its requests gets: small enough that the hundredth
/// gets some of [`BRANCHES_DEFAULT`] too.
const SHARE: i64 = 64;

/// Whether JavaScript may know nothing of this field.
pub fn is_hidden(name: &[u8]) -> bool {
    name == HEADER.as_bytes()
}

/// What a request says of how it came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// How many Workers sent it on.
    pub depth: u32,
    /// Into how many more requests it may branch, if it says so. Negative: there were none left for
    /// this one.
    pub branches: Option<i64>,
}

/// Reads the header. What is not understood is too deep; of several values the deepest counts and
/// the fewest branches, since proxies join fields.
pub fn way(headers: &HeaderList) -> Way {
    let fields = headers.iter().filter(|(name, _)| is_hidden(name));
    let parts = fields.flat_map(|(_, value)| value.split(|byte| *byte == b','));
    let nothing = Way { depth: 0, branches: None };
    parts.map(read).fold(nothing, |all, one| Way {
        depth: all.depth.max(one.depth),
        branches: [all.branches, one.branches].into_iter().flatten().min(),
    })
}

fn read(text: &[u8]) -> Way {
    let text = std::str::from_utf8(text).unwrap_or_default().trim_matches([' ', '\t']);
    let (depth, branches) = match text.split_once('/') {
        Some((depth, branches)) => (depth, Some(branches.parse().ok())),
        None => (text, None),
    };
    match (depth.parse(), branches) {
        (Ok(depth), None) => Way { depth, branches: None },
        (Ok(depth), Some(Some(branches))) => Way { depth, branches: Some(branches) },
        _ => Way { depth: u32::MAX, branches: None },
    }
}

/// What one invocation sends, redirects included, from whichever thread.
#[derive(Debug)]
pub struct Sent {
    /// Requests that it may send.
    limit: u32,
    count: AtomicU32,
    /// What the next one says.
    depth: u32,
    left: Mutex<Left>,
}

#[derive(Debug)]
struct Left {
    first: bool,
    branches: i64,
}

impl Sent {
    /// Nothing yet, by an invocation whose request is `arrived`: `limit` requests may leave, and into
    /// `branches` more may they branch at most, whatever `arrived` says.
    pub fn nothing(arrived: &HeaderList, limit: u32, branches: u32) -> Self {
        let way = way(arrived);
        let most = i64::from(branches);
        let branches = way.branches.map_or(most, |left| left.clamp(0, most));
        Self {
            limit,
            count: AtomicU32::new(0),
            depth: way.depth.saturating_add(1),
            left: Mutex::new(Left { first: true, branches }),
        }
    }

    /// Counts a request; false when it may not be sent.
    pub fn count(&self) -> bool {
        let more = |count: u32| (count < self.limit).then(|| count + 1);
        self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// The header's value for the next request.
    pub fn header(&self) -> String {
        let mut left = self.left.lock();
        let first = std::mem::replace(&mut left.first, false);
        let given = if first || left.branches > 0 {
            left.branches -= i64::from(!first);
            let share = left.branches / SHARE;
            left.branches -= share;
            share
        } else {
            -1
        };
        format!("{}/{given}", self.depth)
    }
}

/// Puts the header's value into the fields of a request that a Worker sends, in place of any that it
/// set itself.
pub fn replace(headers: &mut HeaderList, value: String) {
    headers.remove(HEADER);
    headers.push(HEADER, value);
}

/// The fields of a continued exchange: what `arrived` has, and nothing of the Worker's.
pub fn carry(headers: &mut HeaderList, arrived: &HeaderList) {
    headers.remove(HEADER);
    let fields: Vec<(Bytes, Bytes)> =
        arrived.iter().filter(|(name, _)| is_hidden(name)).cloned().collect();
    headers.0.extend(fields);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(fields: &[(&'static str, &'static str)]) -> HeaderList {
        let mut list = HeaderList::default();
        for (name, value) in fields {
            list.push(*name, *value);
        }
        list
    }

    fn arrived(value: String) -> HeaderList {
        let mut list = HeaderList::default();
        list.push(HEADER, value);
        list
    }

    #[test]
    fn the_deepest_counts_and_nonsense_is_too_deep() {
        const MAX: u32 = u32::MAX;
        for (values, depth, branches) in [
            (&[][..], 0, None),
            (&["3"], 3, None),
            (&["3", "5"], 5, None),
            (&["3, 5 ,4"], 5, None),
            (&["3/7"], 3, Some(7)),
            (&["3/7", "2/9, 1"], 3, Some(7)),
            (&["0/-1"], 0, Some(-1)),
            (&[""], MAX, None),
            (&["3, x"], MAX, None),
            (&["-1"], MAX, None),
            (&["3/"], MAX, None),
            (&["3/x"], MAX, None),
            (&["3/1/1"], MAX, None),
            (&["/1"], MAX, None),
            (&["99999999999"], MAX, None),
            (&["\u{fc}"], MAX, None),
        ] {
            let mut headers = list(&[("a", "9")]);
            for value in values {
                headers.push(HEADER, *value);
            }
            assert_eq!(way(&headers), Way { depth, branches }, "{values:?}");
        }
    }

    #[test]
    fn what_leaves_says_what_the_host_knows() {
        let arrived = list(&[("x", "1"), (HEADER, "4/256")]);
        let mut headers = list(&[(HEADER, "0"), ("y", "2"), (HEADER, "1")]);
        let sent = Sent::nothing(&arrived, 100, 1000);
        replace(&mut headers, sent.header());
        assert_eq!(headers, list(&[("y", "2"), (HEADER, "5/4")]));
        assert_eq!([sent.header(), sent.header()], ["5/3", "5/3"]);
        let mut headers = list(&[(HEADER, "0"), ("y", "2")]);
        carry(&mut headers, &arrived);
        assert_eq!(headers, list(&[("y", "2"), (HEADER, "4/256")]));
        carry(&mut headers, &list(&[("x", "1")]));
        assert_eq!(headers, list(&[("y", "2")]));
        // Nobody is granted more than the operator's own number, or fewer than the first.
        for (value, expected) in
            [("0/999999", ["1/1", "1/1"]), ("0/-5", ["1/0", "1/-1"]), ("1", ["2/1", "2/1"])]
        {
            let sent = Sent::nothing(&list(&[(HEADER, value)]), 100, 100);
            assert_eq!([sent.header(), sent.header()], expected, "{value}");
        }
        assert_eq!(Sent::nothing(&list(&[(HEADER, "x")]), 1, 1).depth, u32::MAX);
    }

    #[test]
    fn an_invocation_sends_as_many_as_it_may() {
        let sent = Sent::nothing(&HeaderList::default(), 2, 0);
        assert_eq!(
            [sent.count(), sent.count(), sent.count(), sent.count()],
            [true, true, false, false]
        );
        assert!(!Sent::nothing(&HeaderList::default(), 0, 0).count());
    }

    /// Invocations of a tree in which each sends `width` requests that come back.
    fn invocations(headers: &HeaderList, width: u32, branches: u32, depth: u32) -> u64 {
        let way = way(headers);
        if way.depth > depth || way.branches.is_some_and(|left| left < 0) {
            return 0;
        }
        let sent = Sent::nothing(headers, width, branches);
        let below = (0..width).map(|_| arrived(sent.header()));
        1 + below.map(|headers| invocations(&headers, width, branches, depth)).sum::<u64>()
    }

    #[test]
    fn a_tree_has_no_more_invocations_than_chains_of_the_greatest_depth() {
        let client = HeaderList::default();
        for (width, branches) in [(1, 0), (2, 0), (2, 1000), (3, 50), (100, 1000), (1000, 100)] {
            let count = invocations(&client, width, branches, DEPTH_DEFAULT);
            let chains = u64::from(branches) + 1;
            assert!(count <= chains * u64::from(DEPTH_DEFAULT + 1), "{width} {branches}: {count}");
            assert!(count > u64::from(DEPTH_DEFAULT), "{width} {branches}: {count}");
        }
        // A chain is bounded by its depth alone.
        assert_eq!(invocations(&client, 1, 0, DEPTH_DEFAULT), u64::from(DEPTH_DEFAULT) + 1);
    }

    #[test]
    fn as_many_subrequests_as_a_worker_has_come_back_by_default() {
        let first = Sent::nothing(&HeaderList::default(), 100, BRANCHES_DEFAULT);
        let given: Vec<_> =
            (0..100).map(|_| way(&arrived(first.header())).branches.unwrap_or(-1)).collect();
        assert!(given[0] == 15 && given[49] > 5 && given[99] > 0, "{given:?}");
        let second = Sent::nothing(&arrived(format!("1/{}", given[0])), 100, BRANCHES_DEFAULT);
        let given = (0..100).filter(|_| way(&arrived(second.header())).branches >= Some(0));
        assert_eq!(given.count(), 16);
    }
}

//! Requests that come back to Workers: each subrequest says how many Workers its request has gone
//! through, and beyond a limit it is answered with error 1019.
//!
//! The number travels in a header of its own. JavaScript neither sees nor sets it: it is left out of
//! a request's headers, and what a Worker sets under its name is dropped. A client from outside can
//! send it, and then has its own request refused at worst; so nothing but a refusal may ever follow
//! from it. A request that no Worker sent has no such header, and pays for a look at its names.
//!
//! An exchange that is continued carries the header on as it came: a loop of those alone is one of
//! the proxy's routes, in which no Worker sends anything.

use bytes::Bytes;

use crate::exchange::HeaderList;

/// The header's name.
pub const HEADER: &str = "nano-loop";

/// How many Workers a request may have gone through, unless the operator says otherwise.
pub const DEPTH_DEFAULT: u32 = 16;

/// The highest limit that may be set: a loop that branches grows with each level.
pub const DEPTH_MAX: u64 = 255;

/// Whether JavaScript may know nothing of this field.
pub fn is_hidden(name: &[u8]) -> bool {
    name == HEADER.as_bytes()
}

/// How many Workers sent a request on before it arrived. What is not a number is too many; of
/// several numbers the largest counts, since proxies join fields.
pub fn depth(headers: &HeaderList) -> u32 {
    let fields = headers.iter().filter(|(name, _)| is_hidden(name));
    let parts = fields.flat_map(|(_, value)| value.split(|byte| *byte == b','));
    parts.map(number).max().unwrap_or(0)
}

fn number(text: &[u8]) -> u32 {
    let text = std::str::from_utf8(text).unwrap_or_default();
    text.trim_matches([' ', '\t']).parse().unwrap_or(u32::MAX)
}

/// The fields of a request that a Worker sends, one level below the request `arrived`.
pub fn deeper(headers: &mut HeaderList, arrived: &HeaderList) {
    headers.remove(HEADER);
    headers.push(HEADER, depth(arrived).saturating_add(1).to_string());
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

    #[test]
    fn the_largest_number_counts_and_nonsense_is_too_many() {
        for (values, expected) in [
            (&[][..], 0),
            (&["3"], 3),
            (&["3", "5"], 5),
            (&["3, 5 ,4"], 5),
            (&[""], u32::MAX),
            (&["3, x"], u32::MAX),
            (&["-1"], u32::MAX),
            (&["99999999999"], u32::MAX),
            (&["\u{fc}"], u32::MAX),
        ] {
            let mut headers = list(&[("a", "9")]);
            for value in values {
                headers.push(HEADER, *value);
            }
            assert_eq!(depth(&headers), expected, "{values:?}");
        }
    }

    #[test]
    fn what_leaves_says_what_the_host_knows() {
        let arrived = list(&[("x", "1"), (HEADER, "4")]);
        let mut headers = list(&[(HEADER, "0"), ("y", "2"), (HEADER, "1")]);
        deeper(&mut headers, &arrived);
        assert_eq!(headers, list(&[("y", "2"), (HEADER, "5")]));
        let mut headers = list(&[(HEADER, "0"), ("y", "2")]);
        carry(&mut headers, &arrived);
        assert_eq!(headers, list(&[("y", "2"), (HEADER, "4")]));
        carry(&mut headers, &list(&[("x", "1")]));
        assert_eq!(headers, list(&[("y", "2")]));
        deeper(&mut headers, &list(&[]));
        assert_eq!(depth(&headers), 1);
        deeper(&mut headers, &list(&[(HEADER, "x")]));
        assert_eq!(depth(&headers), u32::MAX);
    }
}

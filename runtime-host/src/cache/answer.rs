//! What a request gets of an entry: all of it, a part (RFC 9110 section 14), or the news that what the client
//! has is current (section 13).

use std::ops::Range;
use std::time::SystemTime;

use super::date;
use super::entry::{Entry, Request, members, values};
use crate::exchange::HeaderList;

/// A response from the cache.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub status_text: String,
    pub headers: HeaderList,
    /// Which bytes of the entry's body; empty when there is no body.
    pub range: Range<u64>,
}

/// The answer to `asked`. `decorated` adds what Workers' cache says of itself: `cf-cache-status` and `age`.
pub fn answer(entry: &Entry, asked: &Request, now: SystemTime, decorated: bool) -> Answer {
    let mut headers = entry.head.headers.clone();
    if decorated {
        let resident = now.duration_since(entry.stored).unwrap_or_default().as_secs();
        headers.remove("age");
        headers.push("age", (entry.age + resident).to_string());
        headers.remove("cf-cache-status");
        headers.push("cf-cache-status", "HIT");
    }
    let length = entry.length();
    let whole = Answer {
        status: entry.head.status,
        status_text: entry.head.status_text.clone(),
        headers,
        range: 0..length,
    };
    if whole.status != 200 {
        return whole;
    }
    if is_current(&asked.headers, &whole.headers) {
        return not_modified(whole);
    }
    match wanted(&asked.headers, &whole.headers, length) {
        Wanted::All => whole,
        Wanted::Part(range) => part(whole, range, length),
        Wanted::Nothing => unsatisfiable(whole, length),
    }
}

/// `if-none-match`, and without it `if-modified-since`.
fn is_current(asked: &HeaderList, stored: &HeaderList) -> bool {
    let mut tags = members(asked, "if-none-match").peekable();
    if tags.peek().is_some() {
        let own = stored.get("etag").map(|tag| opaque(tag));
        return tags.any(|tag| tag == b"*" || Some(opaque(tag)) == own);
    }
    let (Some(since), Some(modified)) =
        (asked.get("if-modified-since"), stored.get("last-modified"))
    else {
        return false;
    };
    match (date::parse(since), date::parse(modified)) {
        (Some(since), Some(modified)) => modified <= since,
        _ => false,
    }
}

/// An entity tag without the mark of a weak one: weak comparison.
fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// The fields of a 304 are those that tell the client more about what it has.
fn not_modified(mut whole: Answer) -> Answer {
    whole.headers.0.retain(|(name, _)| {
        !name.starts_with(b"content-") || matches!(name.as_ref(), b"content-location")
    });
    Answer { status: 304, status_text: "Not Modified".into(), range: 0..0, ..whole }
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    All,
    Part(Range<u64>),
    /// No byte of it exists.
    Nothing,
}

fn wanted(asked: &HeaderList, stored: &HeaderList, length: u64) -> Wanted {
    let Some(value) = values(asked, "range").next() else { return Wanted::All };
    if let Some(condition) = asked.get("if-range")
        && !holds(condition, stored)
    {
        return Wanted::All;
    }
    let ranges = value.trim_ascii();
    let (unit, set) = match ranges.iter().position(|byte| *byte == b'=') {
        Some(at) => (&ranges[..at], &ranges[at + 1..]),
        None => return Wanted::All,
    };
    // Several ranges may be answered with the whole, and are.
    if !unit.eq_ignore_ascii_case(b"bytes") || set.contains(&b',') {
        return Wanted::All;
    }
    range(set, length)
}

/// `if-range`: a strong tag or the very date.
fn holds(condition: &[u8], stored: &HeaderList) -> bool {
    let condition = condition.trim_ascii();
    if condition.starts_with(b"\"") {
        return stored.get("etag").is_some_and(|tag| tag.as_ref() == condition);
    }
    let date = date::parse(condition);
    date.is_some() && date == stored.get("last-modified").and_then(|date| date::parse(date))
}

fn range(spec: &[u8], length: u64) -> Wanted {
    let Some((first, last)) =
        std::str::from_utf8(spec).ok().and_then(|spec| spec.trim().split_once('-'))
    else {
        return Wanted::All;
    };
    let number = |text: &str| -> Option<u64> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    match (number(first), number(last)) {
        (None, Some(suffix)) if first.is_empty() => match suffix.min(length) {
            0 => Wanted::Nothing,
            count => Wanted::Part(length - count..length),
        },
        (Some(first), None) if last.is_empty() && first < length => Wanted::Part(first..length),
        (Some(first), Some(last)) if first <= last && first < length => {
            Wanted::Part(first..last.saturating_add(1).min(length))
        }
        (Some(first), Some(last)) if first > last => Wanted::All,
        (Some(_), _) if last.is_empty() || number(last).is_some() => Wanted::Nothing,
        _ => Wanted::All,
    }
}

fn part(mut whole: Answer, range: Range<u64>, length: u64) -> Answer {
    whole.headers.remove("content-length");
    whole.headers.remove("content-range");
    let count = range.end - range.start;
    let described = format!("bytes {}-{}/{length}", range.start, range.end.saturating_sub(1));
    whole.headers.push("content-range", described);
    whole.headers.push("content-length", count.to_string());
    Answer { status: 206, status_text: "Partial Content".into(), range, ..whole }
}

fn unsatisfiable(mut whole: Answer, length: u64) -> Answer {
    whole.headers.remove("content-length");
    whole.headers.push("content-range", format!("bytes */{length}"));
    Answer { status: 416, status_text: "Range Not Satisfiable".into(), range: 0..0, ..whole }
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
    fn ranges_are_read_as_the_standard_says() {
        for (spec, expected) in [
            ("0-3", Wanted::Part(0..4)),
            ("3-", Wanted::Part(3..10)),
            ("-4", Wanted::Part(6..10)),
            ("-40", Wanted::Part(0..10)),
            ("5-400", Wanted::Part(5..10)),
            ("9-99999999999999999999999", Wanted::Part(9..10)),
            ("10-", Wanted::Nothing),
            ("-0", Wanted::Nothing),
            ("10-20", Wanted::Nothing),
            ("5-3", Wanted::All),
            ("a-b", Wanted::All),
            ("-", Wanted::All),
            ("+1-2", Wanted::All),
        ] {
            assert_eq!(range(spec.as_bytes(), 10), expected, "{spec}");
        }
        assert_eq!(wanted(&list(&[("range", "bytes=0-1,4-5")]), &list(&[]), 10), Wanted::All);
        assert_eq!(wanted(&list(&[("range", "lines=0-1")]), &list(&[]), 10), Wanted::All);
        let asked = list(&[("range", "bytes=0-1"), ("if-range", "\"b\"")]);
        assert_eq!(wanted(&asked, &list(&[("etag", "\"a\"")]), 10), Wanted::All);
        assert_eq!(wanted(&asked, &list(&[("etag", "\"b\"")]), 10), Wanted::Part(0..2));
        // An empty body has no byte to give.
        assert_eq!(range(b"0-", 0), Wanted::Nothing);
    }

    #[test]
    fn a_tag_goes_before_a_date() {
        let stored =
            list(&[("etag", "W/\"1\""), ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")]);
        let since = |date| list(&[("if-modified-since", date)]);
        assert!(is_current(&list(&[("if-none-match", "\"0\", \"1\"")]), &stored));
        assert!(is_current(&list(&[("if-none-match", "*")]), &stored));
        assert!(!is_current(&list(&[("if-none-match", "\"2\"")]), &stored));
        assert!(is_current(&since("Sun, 06 Nov 1994 08:49:37 GMT"), &stored));
        assert!(!is_current(&since("Sun, 06 Nov 1994 08:49:36 GMT"), &stored));
        assert!(!is_current(&since("nonsense"), &stored));
        let both = list(&[
            ("if-none-match", "\"2\""),
            ("if-modified-since", "Sun, 06 Nov 2094 08:49:37 GMT"),
        ]);
        assert!(!is_current(&both, &stored));
    }
}

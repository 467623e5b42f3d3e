//! Whether a response may be kept, and for how long (RFC 9111 sections 3 and 4.2), as a shared cache sees it.

use std::time::{Duration, SystemTime};

use http_cache_semantics::{CacheOptions, CachePolicy};

use super::entry::{Head, values};
use crate::exchange::HeaderList;

/// For how long a response is fresh that says nothing about it: what Workers' cache does for those that it
/// keeps by default, and a minute for others, which a Worker stored on purpose.
const fn default_lifetime(status: u16) -> Duration {
    match status {
        302 | 303 | 307 => Duration::from_mins(20),
        403 => Duration::from_mins(1),
        404 | 410 => Duration::from_mins(3),
        0 | 200..=399 => Duration::from_hours(2),
        _ => Duration::from_mins(1),
    }
}

/// A lifetime is cut off here: ten years, so that no date overflows.
const LONGEST: Duration = Duration::from_hours(24 * 3_650);

/// When a response that came at `now` expires, and its age then in seconds. `None`: it must not be kept.
/// Takes `set-cookie` away where the response says that only this field is private.
pub(super) fn judge(head: &mut Head, now: SystemTime) -> Option<(SystemTime, u64)> {
    if values(&head.headers, "set-cookie").next().is_some() {
        if !set_cookie_is_private(&head.headers) {
            return None;
        }
        head.headers.remove("set-cookie");
    }
    let policy = policy(&head.headers, now);
    let age = policy.age(now).as_secs();
    if is_explicit(&head.headers) || forbids(&head.headers) {
        let left = policy.time_to_live(now).min(LONGEST);
        return (!left.is_zero()).then(|| (now + left, age));
    }
    Some((now + default_lifetime(head.status), age))
}

fn policy(headers: &HeaderList, now: SystemTime) -> CachePolicy {
    let request = http::Request::get("http://cache.invalid/").body(());
    let mut response = http::Response::new(());
    for (name, value) in headers {
        let name = http::HeaderName::from_bytes(name);
        // A field that names no field of this status (`private="set-cookie"`) was dealt with.
        let value = http::HeaderValue::from_bytes(&without_qualified_private(value));
        if let (Ok(name), Ok(value)) = (name, value) {
            response.headers_mut().append(name, value);
        }
    }
    let options = CacheOptions { shared: true, ..CacheOptions::default() };
    CachePolicy::new_options(&request.unwrap_or_default(), &response, now, options)
}

fn directives(headers: &HeaderList) -> String {
    let mut text = String::new();
    for value in values(headers, "cache-control") {
        text.push_str(&String::from_utf8_lossy(value).to_ascii_lowercase());
        text.push(',');
    }
    text
}

fn has(directives: &str, name: &str) -> bool {
    directives.split(',').any(|part| part.split('=').next().is_some_and(|key| key.trim() == name))
}

fn is_explicit(headers: &HeaderList) -> bool {
    let directives = directives(headers);
    has(&directives, "max-age") || has(&directives, "s-maxage") || headers.get("expires").is_some()
}

/// Directives that forbid it without a lifetime.
fn forbids(headers: &HeaderList) -> bool {
    let directives = directives(headers);
    let directives =
        String::from_utf8_lossy(&without_qualified_private(directives.as_bytes())).into_owned();
    ["no-store", "private", "no-cache"].iter().any(|name| has(&directives, name))
}

fn set_cookie_is_private(headers: &HeaderList) -> bool {
    let directives = directives(headers).replace(['"', ' '], "");
    directives.contains("private=set-cookie") || directives.contains("no-cache=set-cookie")
}

/// A `private` or `no-cache` that names `set-cookie` is about this field alone.
fn without_qualified_private(value: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(value);
    let lower = text.to_ascii_lowercase();
    if !lower.contains("set-cookie") {
        return value.to_vec();
    }
    let kept: Vec<&str> = lower.split(',').filter(|part| !part.contains("set-cookie")).collect();
    kept.join(",").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lifetime(status: u16, fields: &[(&str, &str)]) -> Option<u64> {
        let mut head = Head { status, ..Head::default() };
        for (name, value) in fields {
            head.headers.push((*name).to_owned(), (*value).to_owned());
        }
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let judged = judge(&mut head, now);
        assert!(judged.is_none() || head.headers.get("set-cookie").is_none());
        judged.map(|(at, _)| at.duration_since(now).unwrap().as_secs())
    }

    #[test]
    fn explicit_lifetimes_are_kept() {
        assert_eq!(lifetime(200, &[("cache-control", "max-age=60")]), Some(60));
        assert_eq!(lifetime(200, &[("cache-control", "max-age=60, s-maxage=5")]), Some(5));
        assert_eq!(lifetime(500, &[("cache-control", "public, max-age=60")]), Some(60));
        assert_eq!(lifetime(200, &[("cache-control", "max-age=60"), ("age", "50")]), Some(10));
        assert_eq!(lifetime(200, &[("cache-control", "max-age=60"), ("age", "90")]), None);
        let expires = ("expires", "Tue, 14 Nov 2023 22:13:30 GMT");
        assert_eq!(lifetime(200, &[expires]), Some(10));
        assert_eq!(lifetime(200, &[("expires", "0")]), None);
        let forever = lifetime(200, &[("cache-control", "max-age=99999999999999")]).unwrap();
        assert_eq!(forever, LONGEST.as_secs());
    }

    #[test]
    fn a_response_may_forbid_it() {
        for value in
            ["no-store", "private", "no-cache", "max-age=0", "private, max-age=60", "No-Store"]
        {
            assert_eq!(lifetime(200, &[("cache-control", value)]), None, "{value}");
        }
        assert_eq!(lifetime(200, &[("set-cookie", "a=1")]), None);
        let private = ("cache-control", "private=\"Set-Cookie\", max-age=60");
        assert_eq!(lifetime(200, &[("set-cookie", "a=1"), private]), Some(60));
    }

    #[test]
    fn without_a_word_the_status_decides() {
        assert_eq!(lifetime(200, &[]), Some(7_200));
        assert_eq!(lifetime(404, &[]), Some(180));
        assert_eq!(lifetime(302, &[]), Some(1_200));
        assert_eq!(lifetime(500, &[]), Some(60));
        assert_eq!(lifetime(0, &[]), Some(7_200));
    }
}

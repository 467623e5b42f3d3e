//! Route patterns of wrangler files, and the table that finds a request's Worker by them.
//!
//! A pattern is `[scheme://]host/path`. `*` stands for any text: in the host only at its
//! beginning, in the path only at its end, as Cloudflare documents it; `*/path` and a `*` alone as
//! host mean every host. The path is compared with the request's path and query as they came.

use std::borrow::Cow;
use std::collections::HashMap;

/// A pattern, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    host: HostPattern,
    path: PathPattern,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostPattern {
    Any,
    Exact(String),
    /// What the host ends with: `*.example.com` has `.example.com`, `*example.com` also matches
    /// the bare domain.
    Suffix(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum PathPattern {
    Exact(String),
    Prefix(String),
}

impl Pattern {
    /// The error completes a sentence that begins with the pattern.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = match text.split_once("://") {
            Some(("http" | "https", rest)) => rest,
            Some(_) => return Err("may only begin with http:// or https://"),
            None => text,
        };
        if text.contains('?') || text.contains('#') {
            return Err("can't have a query or fragment; end it with * to accept any query");
        }
        let (host, path) = text.find('/').map_or((text, ""), |slash| text.split_at(slash));
        Ok(Self { host: HostPattern::parse(host)?, path: PathPattern::parse(path)? })
    }
}

impl HostPattern {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let host = text.strip_suffix(":*").unwrap_or(text);
        let (wildcard, name) = match host.strip_prefix('*') {
            Some(name) => (true, name),
            None => (false, host),
        };
        if name.contains('*') {
            return Err("may have a * in its host only at the beginning");
        }
        if name.contains([' ', '@', '\\']) || (name.contains(':') && !name.starts_with('[')) {
            return Err("needs a host name without port, like example.com/* or */path");
        }
        match (wildcard, name) {
            (false, "") => Err("needs a host, like example.com/* or */path"),
            (true, "") => Ok(Self::Any),
            (true, name) => Ok(Self::Suffix(name.to_ascii_lowercase())),
            (false, name) => Ok(Self::Exact(name.to_ascii_lowercase())),
        }
    }
}

impl PathPattern {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (prefix, wildcard) = match text.strip_suffix('*') {
            Some(prefix) => (prefix, true),
            None => (text, false),
        };
        if prefix.contains('*') {
            return Err("may have a * in its path only at the end");
        }
        let path = if prefix.is_empty() { "/" } else { prefix };
        Ok(if wildcard { Self::Prefix(path.to_owned()) } else { Self::Exact(path.to_owned()) })
    }

    fn matches(&self, target: &str) -> bool {
        match self {
            // A query follows only where a * allows it, as Cloudflare matches whole URLs.
            Self::Exact(path) => target == path,
            Self::Prefix(prefix) => target.starts_with(prefix.as_str()),
        }
    }

    /// Longer is more specific; at the same length an exact path wins over a prefix.
    fn specificity(&self) -> (usize, bool) {
        match self {
            Self::Exact(path) => (path.len(), true),
            Self::Prefix(path) => (path.len(), false),
        }
    }
}

/// Paths of one host pattern, most specific first, with the Worker of each.
type Paths = Vec<(PathPattern, usize)>;

/// All routes of all Workers. Most specific first: an exact host before a wildcard, a longer
/// wildcard before a shorter one, then the longer path.
#[derive(Clone, Debug, Default)]
pub struct RouteTable {
    workers: Vec<String>,
    /// Where each is in `workers`.
    ids: HashMap<String, usize>,
    exact: HashMap<String, Paths>,
    /// Longest suffix first.
    suffixes: Vec<(String, Paths)>,
    any: Paths,
}

/// Two Workers claim the same requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    pub pattern: String,
    /// The Worker that keeps the route: the one added first.
    pub kept: String,
    pub refused: String,
}

impl RouteTable {
    /// Adds the patterns of a Worker; those that are not valid are left out (the loader has
    /// reported them), those that another Worker has already are returned.
    pub fn add<'p>(
        &mut self,
        worker: &str,
        patterns: impl IntoIterator<Item = &'p String>,
    ) -> Vec<Conflict> {
        let id = self.ids.get(worker).copied().unwrap_or_else(|| {
            self.workers.push(worker.to_owned());
            self.ids.insert(worker.to_owned(), self.workers.len() - 1);
            self.workers.len() - 1
        });
        let mut conflicts = Vec::new();
        for text in patterns {
            let Ok(pattern) = Pattern::parse(text) else { continue };
            let paths = self.paths_mut(pattern.host);
            match paths.iter().find(|(path, _)| *path == pattern.path) {
                Some((_, owner)) if *owner == id => {}
                Some((_, owner)) => {
                    let owner = *owner;
                    conflicts.push(Conflict {
                        pattern: text.clone(),
                        kept: self.workers.get(owner).cloned().unwrap_or_default(),
                        refused: worker.to_owned(),
                    });
                }
                None => {
                    let at = paths
                        .partition_point(|(p, _)| p.specificity() >= pattern.path.specificity());
                    paths.insert(at, (pattern.path, id));
                }
            }
        }
        conflicts
    }

    fn paths_mut(&mut self, host: HostPattern) -> &mut Paths {
        match host {
            HostPattern::Any => &mut self.any,
            HostPattern::Exact(host) => self.exact.entry(host).or_default(),
            HostPattern::Suffix(suffix) => {
                let order = |known: &(String, Paths)| {
                    (std::cmp::Reverse(known.0.len()), known.0.clone())
                        .cmp(&(std::cmp::Reverse(suffix.len()), suffix.clone()))
                };
                let at = match self.suffixes.binary_search_by(order) {
                    Ok(at) => at,
                    Err(at) => {
                        self.suffixes.insert(at, (suffix, Paths::new()));
                        at
                    }
                };
                &mut self.suffixes[at].1
            }
        }
    }

    /// The Worker whose route is the most specific for this request. `host` is the authority as
    /// it came (its port is ignored), `target` the path with its query.
    pub fn find(&self, host: &str, target: &str) -> Option<&str> {
        let host = normalise(host);
        let exact = self.exact.get(host.as_ref());
        let suffixes = self
            .suffixes
            .iter()
            .filter(|(suffix, _)| host.ends_with(suffix.as_str()))
            .map(|(_, paths)| paths);
        exact
            .into_iter()
            .chain(suffixes)
            .chain([&self.any])
            .find_map(|paths| paths.iter().find(|(path, _)| path.matches(target)))
            .and_then(|(_, worker)| self.workers.get(*worker))
            .map(String::as_str)
    }

    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.suffixes.is_empty() && self.any.is_empty()
    }
}

/// Without port and final dot, in lower case; allocates only for a host with upper case.
fn normalise(authority: &str) -> Cow<'_, str> {
    let host = match authority.rfind(':') {
        // The colons of an IPv6 address are inside of its brackets.
        Some(colon) if !authority[colon..].contains(']') => &authority[..colon],
        _ => authority,
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(routes: &[(&str, &str)]) -> RouteTable {
        let mut table = RouteTable::default();
        for (worker, pattern) in routes {
            assert!(table.add(worker, [&(*pattern).to_owned()]).is_empty());
        }
        table
    }

    fn matches(pattern: &str, url: &str) -> bool {
        let (host, path) = url.split_at(url.find('/').unwrap());
        table(&[("w", pattern)]).find(host, path).is_some()
    }

    #[test]
    fn patterns_match_as_documented() {
        for (pattern, url, expected) in [
            ("example.com/*", "example.com/", true),
            ("example.com/*", "example.com/a/b?c", true),
            ("example.com/*", "www.example.com/", false),
            ("*.example.com/*", "www.example.com/", true),
            ("*.example.com/*", "a.b.example.com/", true),
            ("*.example.com/*", "example.com/", false),
            ("*example.com/*", "example.com/", true),
            ("*example.com/*", "myexample.com/", true),
            ("example.com/api*", "example.com/api", true),
            ("example.com/api*", "example.com/apis", true),
            ("example.com/api*", "example.com/api?x=1", true),
            ("example.com/api/*", "example.com/api", false),
            ("example.com/hello", "example.com/hello", true),
            ("example.com/hello", "example.com/hello?x", false),
            ("example.com/hello", "example.com/Hello", false),
            ("example.com", "example.com/", true),
            ("example.com", "example.com/a", false),
            ("*/path*", "anything.test/path/a", true),
            ("*/path*", "anything.test/other", false),
            ("*/*", "anything.test/other", true),
            ("https://example.com/*", "example.com/a", true),
            ("EXAMPLE.com/*", "example.COM/a", true),
            ("example.com/*", "example.com:8443/a", true),
            ("example.com/*", "example.com./a", true),
            ("[::1]/*", "[::1]:80/a", true),
            ("[::1]/*", "[::1]/a", true),
        ] {
            assert_eq!(matches(pattern, url), expected, "{pattern} on {url}");
        }
    }

    #[test]
    fn what_is_no_pattern() {
        for pattern in [
            "",
            "/path",
            "ftp://a/*",
            "a.*.com/*",
            "a*.com/*",
            "a.com/*/b",
            "a.com/*b",
            "a.com/x?y=*",
            "a.com:80/*",
            "a b.com/*",
        ] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn the_most_specific_route_wins() {
        let table = table(&[
            ("any", "*/*"),
            ("any-path", "*/api/v1/deep/*"),
            ("suffix", "*.example.com/*"),
            ("longer-suffix", "*.b.example.com/*"),
            ("host", "example.com/*"),
            ("api", "example.com/api/*"),
            ("exact", "example.com/api/"),
        ]);
        let find = |host, path| table.find(host, path).unwrap();
        assert_eq!(find("other.test", "/"), "any");
        assert_eq!(find("other.test", "/api/v1/deep/x"), "any-path");
        assert_eq!(find("a.example.com", "/api/v1/deep/x"), "suffix");
        assert_eq!(find("a.b.example.com", "/"), "longer-suffix");
        assert_eq!(find("example.com", "/x"), "host");
        assert_eq!(find("example.com", "/api/x"), "api");
        assert_eq!(find("example.com", "/api/"), "exact");
    }

    #[test]
    fn a_host_without_the_path_falls_to_the_next_pattern() {
        let table = table(&[("a", "example.com/api/*"), ("b", "*.com/*")]);
        assert_eq!(table.find("example.com", "/other"), Some("b"));
        assert_eq!(table.find("example.net", "/"), None);
    }

    #[test]
    fn a_route_has_one_worker() {
        let mut table = table(&[("a", "example.com/*")]);
        let conflicts = table.add("b", [&"https://EXAMPLE.com/*".to_owned()]);
        assert_eq!(conflicts[0].kept, "a");
        assert_eq!(table.find("example.com", "/"), Some("a"));
        assert!(table.add("a", [&"example.com/*".to_owned()]).is_empty());
    }

    /// The table finds what trying every pattern finds, for many random tables and requests.
    #[test]
    fn agrees_with_the_definition() {
        let hosts = ["*", "a.com", "b.a.com", "*.a.com", "*a.com", "*.b.a.com"];
        let paths = ["", "/", "/*", "/x", "/x*", "/x/*", "/x/y"];
        let request_hosts = ["a.com", "b.a.com", "c.b.a.com", "za.com", "z.org"];
        let request_paths = ["/", "/x", "/x/", "/x/y", "/xy", "/y", "/x?q"];
        let mut seed = 7_u64;
        let mut random = |below: usize| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % below
        };
        for _ in 0..2_000 {
            let mut table = RouteTable::default();
            let mut all: Vec<(Pattern, String)> = Vec::new();
            for worker in 0..random(6) {
                let text = format!("{}{}", hosts[random(hosts.len())], paths[random(paths.len())]);
                let pattern = Pattern::parse(&text).unwrap();
                let name = format!("w{worker}");
                if table.add(&name, [&text]).is_empty() {
                    all.push((pattern, name));
                }
            }
            let (host, path) = (
                request_hosts[random(request_hosts.len())],
                request_paths[random(request_paths.len())],
            );
            let rank = |pattern: &Pattern| {
                let host = match &pattern.host {
                    HostPattern::Exact(_) => usize::MAX,
                    HostPattern::Suffix(suffix) => suffix.len(),
                    HostPattern::Any => 0,
                };
                (host, pattern.path.specificity())
            };
            let expected = all
                .iter()
                .filter(|(pattern, _)| {
                    let host_matches = match &pattern.host {
                        HostPattern::Any => true,
                        HostPattern::Exact(name) => host == name,
                        HostPattern::Suffix(suffix) => host.ends_with(suffix.as_str()),
                    };
                    host_matches && pattern.path.matches(path)
                })
                .max_by_key(|(pattern, _)| rank(pattern))
                .map(|(_, worker)| worker.as_str());
            assert_eq!(table.find(host, path), expected, "{host}{path} in {all:?}");
        }
    }
}
